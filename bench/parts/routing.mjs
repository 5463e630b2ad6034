// What a third router sees of an event, by the method of RFC 6413: a packet a millisecond, and what is lost of them. Each event
// by turns with net-routed's configuration and with one of FRR as it is written by hand.
import { interleave } from '../interleave.mjs'
import { rowsOf } from '../rows.mjs'
import * as scene from '../routing/scene.mjs'
import { sizes } from '../sizes.mjs'

export const title = 'what a router loses when something happens to a container'

const { container, down, nextHops, probe, raise, sleep, until } = scene
const BY_HAND = 'FRR set up by hand'
/** How long the container is away when it is restarted. */
const AWAY_MS = 300
/** Later than the last thing that FRR does about an event: it sends an LSA again after 5 s, and lists apply after 6. */
const QUIET_MS = 7_000
const NAME = 'bench'
/** By address, the host that `preferred` has found. */
const preferences = new Map()

/** What happens, and how often compared with the others: some take long. */
const EVENTS = [
  { what: 'a container starts: from its start to the first answer', of: starts },
  { what: 'a container ends: until the router has no route', of: ends },
  { what: `a container is replaced after ${AWAY_MS} ms: silence beyond that`, of: replaced },
  { what: 'an address moves to another host: silence', of: moves },
  { what: 'the plugin restarts: packets lost', of: pluginRestarts, unit: 'packets' },
  { what: 'FRR restarts: silence', of: routerRestarts },
  { what: 'one of two hosts with the address fails: silence', of: hostFails, rounds: 'routingFailures' }
]

export async function measure() {
  await raise()
  try {
    const rows = []
    for (const event of EVENTS.filter(isAskedFor)) rows.push(...(await measureEvent(event)))
    return rows
  } finally {
    await down()
  }
}

/** BENCH_ROUTING_EVENTS=moves,hostFails: only those. */
function isAskedFor({ of }) {
  const names = process.env.BENCH_ROUTING_EVENTS?.split(',')
  return names?.includes(of.name) ?? true
}

async function measureEvent({ what, of, unit = 'ms', rounds = 'routingRounds' }) {
  const variants = Object.entries(scene.SIDES).map(([name, side]) => [name, () => of(side)])
  const results = await interleave(sizes[rounds], Object.fromEntries(variants))
  return rowsOf({ what, unit, against: BY_HAND, tail: true }, results)
}

async function starts({ hosts: [host], address }) {
  const watch = probe(address)
  await sleep(500)
  await container(host, 'add', NAME, [address])
  const began = Date.now()
  await reached(address)
  const { silences } = await watch.end()
  await cleanUp(host, address)
  const [, answered] = silences[0] ?? []
  return Math.max(0, (answered ?? began) - began)
}

async function ends({ hosts: [host], address }) {
  await container(host, 'add', NAME, [address])
  await reached(address)
  await sleep(QUIET_MS)
  await container(host, 'delete', NAME, [address])
  const ended = Date.now()
  await until(async () => (await nextHops(address)).length === 0, `${address} is withdrawn`)
  return Date.now() - ended
}

async function replaced({ hosts: [host], address }) {
  return withContainer(host, address, async () =>
    Number(await container(host, `replace:${AWAY_MS}`, NAME, [address]))
  )
}

/** There, then away from here, as each of them does it best. */
async function moves({ hosts, address }) {
  const from = await preferred(hosts, address)
  const to = hosts.find((host) => host !== from)
  const isOurs = scene.SIDES['net-routed'].hosts.includes(from)
  const silence = await withContainer(
    from,
    address,
    async () => {
      await container(to, 'add', NAME, [address])
      await until(async () => (await nextHops(address)).includes(`192.0.2.${to}`), 'the new host is known')
      if (isOurs) await scene.drain(from, address)
      await container(from, 'delete', NAME, [address])
      return 0
    },
    { keep: true }
  )
  await cleanUp(to, address)
  return silence
}

/** Of two hosts with the address, the one that the router sends the probe to: the other one could go without a loss. */
async function preferred(hosts, address) {
  const known = preferences.get(address)
  if (known !== undefined) return known
  for (const host of hosts) await container(host, 'add', NAME, [address])
  await until(async () => (await nextHops(address)).length === 2, `${address} is reached by two ways`)
  const used = await scene.usedHop(address)
  for (const host of hosts) await container(host, 'delete', NAME, [address])
  await withdrawn(address)
  const host = hosts.find((candidate) => used === `192.0.2.${candidate}`)
  preferences.set(address, host)
  return host
}

async function pluginRestarts({ hosts: [host], address }) {
  await container(host, 'add', NAME, [address])
  await reached(address)
  const watch = probe(address)
  await scene.restartPlugin(host)
  await sleep(1_000)
  const { lost } = await watch.end()
  await cleanUp(host, address)
  return lost
}

async function routerRestarts({ hosts: [host], address }) {
  return withContainer(host, address, async () => {
    await scene.router(host, 'restart')
    return 0
  })
}

/** The one that the router sends the probes to. Neither host sees that its wire is cut. */
async function hostFails({ hosts, address }) {
  for (const host of hosts) await container(host, 'add', NAME, [address])
  await until(async () => (await nextHops(address)).length === 2, `${address} is reached by two ways`)
  await sleep(QUIET_MS)
  const used = await scene.usedHop(address)
  const failing = hosts.find((host) => used === `192.0.2.${host}`)
  const watch = probe(address)
  await sleep(200)
  await scene.plug(failing, false)
  await until(async () => !(await nextHops(address)).includes(used), 'the router goes the other way')
  await sleep(500)
  const { lost } = await watch.end()
  await scene.plug(failing, true)
  await scene.settled()
  for (const host of hosts) await container(host, 'delete', NAME, [address])
  await withdrawn(address)
  return lost
}

/** The silence of a container beyond what `work` says that it was away. */
async function withContainer(host, address, work, { keep = false } = {}) {
  await container(host, 'add', NAME, [address])
  await reached(address)
  await sleep(QUIET_MS)
  const watch = probe(address)
  await sleep(200)
  const away = await work()
  await reached(address)
  await sleep(QUIET_MS)
  const { lost } = await watch.end()
  if (!keep) await cleanUp(host, address)
  return Math.max(0, lost - away)
}

const reached = (address) => until(() => scene.answers(address), `${address} answers`)
const withdrawn = async (address) => {
  await until(async () => (await nextHops(address)).length === 0, `${address} is withdrawn`)
  await sleep(QUIET_MS)
}

async function cleanUp(host, address) {
  await container(host, 'delete', NAME, [address])
  await withdrawn(address)
}
