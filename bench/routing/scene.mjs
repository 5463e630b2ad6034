// Five hosts in one OSPF area. Hosts 1 and 2 have a section `routing`; hosts 3 and 4 have the same plugin without it, and FRR as
// somebody would set it up by hand, with all timers as they come. Host 5 is a router that only listens and sends the probes.
import { fileURLToPath } from 'node:url'
import { command, down, inside, on, pathIn, start, up } from '../lab.mjs'
import { request } from '../request.mjs'

export const ROUTER = 5
const LAB_DIRECTORY = fileURLToPath(new URL('../../bats/lab.d/', import.meta.url))
const PLUGINS = fileURLToPath(new URL('../../bin/cni', import.meta.url))
const PROGRAM = fileURLToPath(new URL('../../bin/net-routed', import.meta.url))
const SOCKET = '/run/docker/plugins/net-routed.sock'
const CONFIGURED = ['--config', '/etc/net-routed.yaml']
const READY_MS = 120_000

/** Each side has two hosts; the address that an event is about is its own, so that the sides do not disturb each other. */
export const SIDES = {
  'FRR set up by hand': { hosts: [3, 4], address: '10.1.0.3' },
  'net-routed': { hosts: [1, 2], address: '10.1.0.1' }
}

const section = (grace) => `routing:
  grace: ${grace}
  duplicates: warn
  ospf: { area: 0, interfaces: [eth0], network: point-to-multipoint, bfd: true }
`
const interfaceLines = 'interface eth0\n ip ospf network point-to-multipoint\nexit\n'
const byHand = (host, redistribute) =>
  `log file /var/log/frr/frr.log\n${interfaceLines}router ospf\n ospf router-id 192.0.2.${host}\n` +
  `${redistribute} network 192.0.2.0/24 area 0.0.0.0\nexit\n`
/** The router speaks BFD with whoever wants it. */
const listening = `${byHand(ROUTER, '').replace('exit\n', ' ip ospf bfd\nexit\n')}`

/** `zebra`: its flags; absent = those of the lab. */
export async function raise({ grace = 10, zebra } = {}) {
  await up(5, {
    DOCKER: '0',
    FRR: 'zebra ospfd bfdd',
    FRR_CONF: `${LAB_DIRECTORY}frr-empty.conf`,
    ...(zebra === undefined ? {} : { ZEBRA_ARGS: zebra })
  })
  for (const host of [3, 4]) await routerWith(host, byHand(host, ' redistribute kernel\n'))
  await routerWith(ROUTER, listening)
  // Somewhere to send to, also when nobody has the address.
  await on(ROUTER, 'ip', 'route', 'add', '10.0.0.0/8', 'dev', 'eth0', 'src', `192.0.2.${ROUTER}`)
  for (const host of [1, 2]) {
    await write(host, '/etc/net-routed.yaml', section(grace))
    await daemon(host, 'restart', ...CONFIGURED)
  }
  await settled()
}

/** Until the router has all its neighbours. */
export const settled = () => until(() => neighbours(4), 'the router has its four neighbours')

export { down, on }

async function neighbours(count) {
  const list = await on(ROUTER, 'vtysh', '-c', 'show ip ospf neighbor')
  return list.split('\n').filter((line) => /\bFull\//.test(line)).length === count
}

async function routerWith(host, text) {
  await write(host, '/etc/frr/frr.conf', text)
  await service('router', host, 'restart')
}

const write = (host, path, text) => on(host, 'sh', '-c', `printf %s "$1" >${path}`, 'sh', text)

export const daemon = (host, ...verb) => service('daemon', host, ...verb)
export const router = (host, ...verb) => service('router', host, ...verb)

/** Starts, stops or restarts a service of a host. */
const service = (name, host, ...verb) => command(name, String(host), ...verb)

/** Whether the switch passes on what the host sends. The host itself sees nothing of it. */
export const plug = (host, isOn) =>
  command('net', 'switch', 'ip', 'link', 'set', `h${host}`, ...(isOn ? ['master', 'br0'] : ['nomaster']))

export async function until(condition, what) {
  const deadline = performance.now() + READY_MS
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${READY_MS / 1000} s: ${what}`)
    await sleep(100)
  }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Next hops of an address, in the router's kernel. */
export async function nextHops(address) {
  const routes = await on(ROUTER, 'ip', 'route', 'show', address)
  return [...routes.matchAll(/via (\S+)/g)].map(([, hop]) => hop)
}

/** The next hop that the router would send a packet to now. */
export async function usedHop(address) {
  const route = await on(ROUTER, 'ip', 'route', 'get', address)
  return /via (\S+)/.exec(route)?.[1]
}

export const answers = (address) =>
  on(ROUTER, 'ping', '-c', '1', '-W', '1', address).then(
    () => true,
    () => false
  )

export const drain = (host, address) => on(host, PROGRAM, 'drain', '--endpoint', address)

export const restartPlugin = (host) =>
  daemon(host, 'restart', ...(SIDES['net-routed'].hosts.includes(host) ? CONFIGURED : []))

/** How many routes the router's kernel has. Counted by the kernel: to list thousands takes what is to be measured. */
export async function routeCount() {
  const statistics = await on(ROUTER, 'cat', '/proc/net/fib_triestat')
  return Number(/Prefixes:\s*(\d+)/.exec(statistics)?.[1])
}

/** Attaches a container with these addresses, takes it away, or `replace:MS`; gives what that says. */
export const container = (host, verb, name, addresses) =>
  on(host, 'node', inside('container.mjs'), PLUGINS, verb, name, ...addresses)

/** The addresses with these numbers on containers, attached or taken away. */
export const crowd = (host, verb, from, to) =>
  on(host, 'node', inside('crowd.mjs'), PLUGINS, verb, String(from), String(to))

/** Over the socket: the command is a program that starts first, and asks for the status until all is done. */
export const drainAll = (host) => request(pathIn(host, SOCKET), 'Admin.Drain', { All: true })
export const undrainAll = (host) => request(pathIn(host, SOCKET), 'Admin.Undrain', { All: true })

/** A link that routes may lead to. */
export const addLink = (host) =>
  on(host, 'sh', '-c', 'ip link add bare up type veth peer name bare-peer; ip link set bare-peer up')

/** So many routes to that link, made or deleted with one process. */
export const batch = (host, verb, count) =>
  on(
    host,
    'sh',
    '-c',
    `seq ${count} | awk '{ printf "route ${verb} 10.%d.%d.%d/32 dev bare proto 200\\n", 64 + $1 / 65536, $1 / 256 % 256, $1 % 256 }' | ip -batch -`
  )

/** Echo requests from the router, one a millisecond. `end` gives what was lost, and each silence, in ms since 1970. */
export function probe(address) {
  const program = fileURLToPath(new URL('../../bats/tools/probe.mjs', import.meta.url))
  const child = start(ROUTER, 'sh', '-c', 'echo $$; exec node "$@"', 'sh', program, address)
  let output = ''
  child.stdout.on('data', (text) => (output += text))
  const closed = new Promise((resolve) => child.on('close', resolve))
  const end = async () => {
    await on(ROUTER, 'kill', '-INT', output.split('\n')[0])
    await closed
    const lines = output.split('\n').slice(1)
    const silences = lines
      .filter((line) => line.startsWith('silence'))
      .map((line) => line.split(' ').slice(2).map(Number))
    const [, sent, lost] = (lines.find((line) => line.startsWith(address)) ?? '').split(' ').map(Number)
    if (!(sent > 0)) throw new Error(`the probe to ${address} has sent nothing: ${output}`)
    return { sent, lost, silences }
  }
  return { end }
}
