/**
 * Containers with random lists, somebody outside, and the host: each tries to reach each by every way, and the outcome is
 * what a simple reading of the lists says. Then all lists change, and they try again. NET_ROUTED_RUNS is how often,
 * NET_ROUTED_SEED begins with another one; a failure names its seed.
 */
import { expect } from 'chai'
import { desiredOfPolicy } from '../../src/desired/policy.js'
import type { LinuxHost } from '../../src/host/linux/linux-host.js'
import type { Policy } from '../../src/host/policies.js'
import { parseMac } from '../../src/model/ip.js'
import { parseOptions } from '../../src/model/options/options.js'
import { add, forward, start } from './containers.js'
import type { Container } from './containers.js'
import { pick, randomFrom, randomList } from './policy-rules.js'
import type { List, Random } from './policy-rules.js'
import type { Outcome, Probe } from './prober.js'
import { Prober } from './probers.js'
import { Scratch, describeAsRoot, inNetns, ip } from './scratch.js'

const CONTAINERS = 5
const PORTS = [80, 81, 443]
const OUTSIDE = ['198.51.100.9', '2001:db8::9']
const HOST = ['198.51.100.1', '2001:db8::1']
const RUNS = Number(process.env['NET_ROUTED_RUNS'] ?? 1)
const SEED = Number(process.env['NET_ROUTED_SEED'] ?? 1)
/** An answer that is longer in coming is asked for once more, for longer. */
const LIMIT_MS = 1500
const SECOND_LIMIT_MS = 10_000

interface Place {
  readonly name: string
  readonly addresses: readonly string[]
  readonly prober: Prober
  readonly lists?: Lists
}

interface Lists {
  readonly options: Readonly<Record<string, string>>
  readonly ingress: List
  readonly egress: List
}

interface Case {
  readonly from: Place
  readonly to: Place
  readonly probe: Probe
}

describeAsRoot('policies of random containers', () => {
  let scratch: Scratch
  let probers: Prober[]
  beforeEach(() => {
    scratch = new Scratch()
    probers = []
  })
  afterEach(async () => {
    for (const prober of probers) await prober.stop()
    await scratch.close()
  })

  async function prober(netns: string, addresses: readonly string[]): Promise<Prober> {
    const started = await Prober.start(netns, PORTS, addresses)
    probers.push(started)
    return started
  }

  it(`let pass what their lists say, and nothing else (seed ${String(SEED)}, ${String(RUNS)} runs)`, async () => {
    const netns = scratch.netns()
    const host = scratch.host(netns)
    await forward(host)
    inNetns(netns, 'sysctl', '-qw', 'net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0')
    await add(host, [{ kind: 'policer', intact: true }])
    const containers = await Promise.all(
      Array.from({ length: CONTAINERS }, async (_, index) => {
        const container = containerOf(index)
        const inner = await start({ scratch, host }, container)
        return { container, prober: await prober(inner, [container.address, container.address6]) }
      })
    )
    const outside = {
      name: 'outside',
      addresses: OUTSIDE,
      prober: await prober(connectOutside(scratch), OUTSIDE)
    }
    const onHost = { name: 'host', addresses: HOST, prober: await prober(netns, HOST) }
    for (let seed = SEED; seed < SEED + 2 * RUNS; seed++) {
      const random = randomFrom(seed)
      const places = containers.map(({ container, prober: own }): Place => {
        const { id, address, address6 } = container
        return { name: id, addresses: [address, address6], prober: own, lists: randomLists(random) }
      })
      await applyLists(host, places)
      await checkAll([...places, outside, onHost], seed)
    }
  }).timeout(120_000 * Math.max(1, RUNS))
})

function containerOf(index: number): Container {
  const number = index + 2
  return {
    id: `c${String(index)}`,
    address: `10.1.0.${String(number)}`,
    address6: `fd00::${String(number)}`,
    mac: `02:42:0a:01:00:0${String(number)}`
  }
}

function connectOutside(scratch: Scratch): string {
  const outside = scratch.netns()
  ip(scratch.first, `link add up0 type veth peer name eth0 netns ${outside}`)
  const ends = [
    { netns: scratch.first, name: 'up0', addresses: HOST },
    { netns: outside, name: 'eth0', addresses: OUTSIDE }
  ]
  for (const { netns, name, addresses } of ends) {
    ip(netns, `link set ${name} up`)
    for (const address of addresses)
      ip(
        netns,
        `addr add ${address}/${address.includes(':') ? '64 dev' : '24 dev'} ${name}${address.includes(':') ? ' nodad' : ''}`
      )
  }
  ip(outside, `route add default via ${HOST[0] ?? ''}`)
  ip(outside, `-6 route add default via ${HOST[1] ?? ''}`)
  return outside
}

function randomLists(random: Random): Lists {
  const addresses = [
    ...Array.from({ length: CONTAINERS }, (_, index) => containerOf(index)).flatMap((one) => [
      one.address,
      one.address6
    ]),
    ...OUTSIDE,
    ...HOST
  ]
  const otherwise = pick(random, ['', 'accept', 'deny', 'deny-ingress', 'deny-egress'])
  const isOpen = (direction: string): boolean => otherwise !== 'deny' && otherwise !== `deny-${direction}`
  const known = { addresses, ports: PORTS }
  const ingress = randomList(random, known, isOpen('ingress'))
  const egress = randomList(random, known, isOpen('egress'))
  return {
    ingress,
    egress,
    options: {
      ...(otherwise === '' ? {} : { 'net-routed.default': otherwise }),
      ...(ingress.text === undefined ? {} : { 'net-routed.ingress': ingress.text }),
      ...(egress.text === undefined ? {} : { 'net-routed.egress': egress.text })
    }
  }
}

/** As after a change of the endpoints' options. */
async function applyLists(host: LinuxHost, places: readonly Place[]): Promise<void> {
  const wanted = places.flatMap(({ name, lists }) => policyOf(name, lists))
  const present = await host.list(['policy'])
  const gone = present.filter(
    (object) => object.kind === 'policy' && !wanted.some(({ link }) => link === object.link)
  )
  const failed = await host.apply([
    ...wanted.map((object) => ({ verb: 'replace', object }) as const),
    ...gone.map((object) => ({ verb: 'delete', object }) as const)
  ])
  expect([...failed.values()].map(({ message }) => message)).to.deep.equal([])
  expect(await host.list(['policy'])).to.have.deep.members(wanted)
}

function policyOf(name: string, lists: Lists | undefined): Policy[] {
  const endpoint = {
    ...parseOptions(lists?.options ?? {}, 'endpoint'),
    id: name,
    networkId: 'n',
    addresses: [],
    mac: parseMac('02:42:0a:01:00:02'),
    since: ''
  }
  return desiredOfPolicy(endpoint, () => []).map((policy) => ({ ...policy, link: `nr-${name}` }))
}

async function checkAll(places: readonly Place[], seed: number): Promise<void> {
  const cases = places.flatMap((from) =>
    places.filter((to) => to !== from).flatMap((to) => probesOf(to).map((probe) => ({ from, to, probe })))
  )
  const wrong = await wrongOf(cases, LIMIT_MS)
  const still = await wrongOf(
    wrong.map(({ one }) => one),
    SECOND_LIMIT_MS
  )
  const told = still.map(({ one: { from, to, probe }, outcome }) => {
    const lists = JSON.stringify({ from: from.lists?.options, to: to.lists?.options })
    return `seed ${String(seed)}: ${probe.protocol} ${from.name} to ${to.name} ${probe.address} port ${String(probe.port)} is ${outcome}, ${lists}`
  })
  expect(told).to.deep.equal([])
  const outcomes = new Set(cases.map(isAllowed))
  expect(outcomes.size, `seed ${String(seed)} has something allowed and something denied`).to.equal(2)
}

function probesOf({ addresses }: Place): Probe[] {
  return addresses.flatMap((address) => [
    { protocol: 'icmp' as const, address, port: 0 },
    ...PORTS.flatMap((port) =>
      (['tcp', 'udp', 'sctp'] as const).map((protocol) => ({ protocol, address, port }))
    )
  ])
}

async function wrongOf(
  cases: readonly Case[],
  limitMs: number
): Promise<{ readonly one: Case; readonly outcome: Outcome }[]> {
  const places = [...new Set(cases.map(({ from }) => from))]
  const wrong = await Promise.all(
    places.map(async (place) => {
      const own = cases.filter(({ from }) => from === place)
      const outcomes = await place.prober.probe(
        own.map(({ probe }) => probe),
        limitMs
      )
      return own.flatMap((one, index) => {
        const outcome = outcomes[index] ?? 'silent'
        return isRight(one, outcome) ? [] : [{ one, outcome }]
      })
    })
  )
  return wrong.flat()
}

/** TCP is refused by a reset, at once; the kernel may save itself the ICMP messages for others. */
function isRight(one: Case, outcome: Outcome): boolean {
  if (isAllowed(one)) return outcome === 'open'
  return outcome === 'refused' || (outcome === 'silent' && one.probe.protocol !== 'tcp')
}

/** What comes from the host is not asked for at a container, and ICMP to it passes. */
function isAllowed({ from, to, probe }: Case): boolean {
  const family = probe.address.includes(':')
  const source = from.addresses.find((address) => address.includes(':') === family) ?? ''
  const mayLeave = from.lists?.egress.allows(probe.address, probe) ?? true
  const isAsked = to.lists !== undefined && from.name !== 'host' && probe.protocol !== 'icmp'
  return mayLeave && (!isAsked || to.lists.ingress.allows(source, probe))
}
