// A CNI runtime with a stopwatch. Each line on standard input is {plugins, containers}: so many containers are attached by
// this list of plugins at once, and then detached at once. Answers with a line of the milliseconds of each, {add, del, all}:
// `all` are those from the first start to the last end of the ADDs.
import { execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)
const [path] = process.argv.slice(2)
const directories = path.split(':')
let made = 0

for await (const line of createInterface({ input: process.stdin })) {
  const { plugins, containers } = JSON.parse(line)
  console.log(JSON.stringify(await life(plugins, containers)))
}

async function life(plugins, count) {
  const names = Array.from({ length: count }, () => `bench${++made}`)
  for (const name of names) await run('ip', ['netns', 'add', name])
  try {
    const began = performance.now()
    const adds = await Promise.all(names.map((name) => timed(() => attach(plugins, name))))
    const all = performance.now() - began
    const dels = await Promise.all(
      adds.map(({ value }, at) => timed(() => detach(plugins, names[at], value)))
    )
    return { add: adds.map(({ ms }) => ms), del: dels.map(({ ms }) => ms), all }
  } finally {
    for (const name of names) await run('ip', ['netns', 'delete', name])
  }
}

async function attach(plugins, name) {
  let prevResult
  for (const plugin of plugins) prevResult = JSON.parse(await call('ADD', { ...plugin, prevResult }, name))
  return prevResult
}

async function detach(plugins, name, prevResult) {
  for (const plugin of plugins.toReversed()) await call('DEL', { ...plugin, prevResult }, name)
}

function call(command, conf, name) {
  const env = {
    PATH: process.env.PATH,
    CNI_COMMAND: command,
    CNI_CONTAINERID: name,
    CNI_NETNS: `/run/netns/${name}`,
    CNI_IFNAME: 'eth0',
    CNI_PATH: path
  }
  const program = conf.type === 'net-routed' ? directories[0] : directories[1]
  return new Promise((resolve, reject) => {
    const child = spawn(`${program}/${conf.type}`, { env, stdio: ['pipe', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (text) => (output += text))
    child.on('error', reject)
    child.on('close', (status) => {
      if (status === 0) resolve(output)
      else reject(new Error(`${conf.type} ${command}: ${output}`))
    })
    child.stdin.end(JSON.stringify({ cniVersion: '1.0.0', ...conf }))
  })
}

async function timed(work) {
  const begin = performance.now()
  const value = await work()
  return { value, ms: performance.now() - begin }
}
