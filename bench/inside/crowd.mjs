// crowd.mjs PLUGINS add|delete ADDRESSES - containers with a thousand addresses each, attached or taken away, several at once.
import { execFileSync, spawn } from 'node:child_process'

const PER_CONTAINER = 1000
const AT_ONCE = 8
const [plugins, verb, addresses] = process.argv.slice(2)
const left = Array.from({ length: Math.ceil(Number(addresses) / PER_CONTAINER) }, (_, at) => at)
await Promise.all(Array.from({ length: AT_ONCE }, worker))

async function worker() {
  for (let at = left.shift(); at !== undefined; at = left.shift()) {
    const name = `crowd${at}`
    if (verb === 'add') execFileSync('ip', ['netns', 'add', name])
    await call(verb === 'add' ? 'ADD' : 'DEL', name, addressesOf(at))
    if (verb === 'delete') execFileSync('ip', ['netns', 'delete', name])
  }
}

function addressesOf(container) {
  const count = Math.min(PER_CONTAINER, Number(addresses) - container * PER_CONTAINER)
  return Array.from({ length: count }, (_, at) => {
    const number = container * PER_CONTAINER + at + 1
    return `10.${16 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`
  })
}

function call(command, name, ips) {
  const child = spawn(`${plugins}/net-routed`, {
    env: {
      PATH: process.env.PATH,
      CNI_COMMAND: command,
      CNI_CONTAINERID: name,
      CNI_NETNS: `/run/netns/${name}`,
      CNI_IFNAME: 'eth0',
      CNI_PATH: plugins
    },
    stdio: ['pipe', 'pipe', 'inherit']
  })
  let output = ''
  child.stdout.on('data', (text) => (output += text))
  child.stdin.end(
    JSON.stringify({
      cniVersion: '1.0.0',
      name: 'bench',
      type: 'net-routed',
      ipam: { type: 'ipam-routed', subnet: '10.0.0.0/9' },
      runtimeConfig: { ips }
    })
  )
  return new Promise((resolve, reject) => {
    child.on('close', (status) => {
      if (status === 0) resolve()
      else reject(new Error(`${command} ${name}: ${output}`))
    })
  })
}
