// container.mjs PLUGINS add|delete NAME ADDRESS... - a network namespace, attached to net-routed with these addresses or taken away.
// container.mjs PLUGINS replace:MS NAME ADDRESS... - taken away, and another one attached so much later. Prints for how long,
// in milliseconds, there was none.
import { execFileSync, spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

const [plugins, verb, name, ...ips] = process.argv.slice(2)
const [what, pause] = verb.split(':')
if (what === 'add') add()
if (what === 'delete') remove()
if (what === 'replace') {
  const began = performance.now()
  remove()
  await sleep(Number(pause))
  add()
  console.log(Math.round(performance.now() - began))
}

function add() {
  execFileSync('ip', ['netns', 'add', name])
  call('ADD')
}

function remove() {
  call('DEL')
  execFileSync('ip', ['netns', 'delete', name])
}

function call(command) {
  const conf = {
    cniVersion: '1.0.0',
    name: 'bench',
    type: 'net-routed',
    ipam: { type: 'ipam-routed', subnet: '10.0.0.0/9' },
    runtimeConfig: { ips }
  }
  const { status, stdout } = spawnSync(`${plugins}/net-routed`, {
    env: {
      PATH: process.env.PATH,
      CNI_COMMAND: command,
      CNI_CONTAINERID: name,
      CNI_NETNS: `/run/netns/${name}`,
      CNI_IFNAME: 'eth0',
      CNI_PATH: plugins
    },
    input: JSON.stringify(conf)
  })
  if (status !== 0) throw new Error(`${command}: ${stdout}`)
}
