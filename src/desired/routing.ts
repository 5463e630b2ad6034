/**
 * What the routing daemons should have in their configuration so that they announce our container routes and nothing else.
 * Filters come before what uses them: a list that does not exist yet lets nothing out.
 */
import { OUR_NAME, PREPENDED, WORST_OSPF_METRIC } from '../host/router-lines.js'
import type { RouterDaemon, WantedLine } from '../host/router-lines.js'
import { addressOf, contains, familyOf, ipToBigInt, lengthOf, parseIp, widthOf } from '../model/ip.js'
import type { Family, Ip, Prefix } from '../model/ip.js'
import type { Network } from '../model/network.js'
import { linksOf } from '../model/routing.js'
import type { Routing } from '../model/routing.js'
import { bgpLines } from './routing-bgp.js'
import { bfdLines, ospf3Lines, ospfLines } from './routing-ospf.js'

export interface RoutingFacts {
  readonly networks: readonly Network[]
  /** Addresses that others should be preferred for, as destinations, `10.1.0.2/32`, or all of a subnet, `10.1.0.0/16`. */
  readonly drained?: readonly Prefix[]
  /** Addresses that other hosts have on purpose, in the same form. */
  readonly anycast?: readonly Prefix[]
  /** Blocks of pools that this host has. */
  readonly claims?: readonly Prefix[]
  /** The host's own address, where the operator gives no router id: FRR might choose one that every host has. */
  readonly routerId?: Ip
}

/** Whose prefix lists of these families they need. */
const FAMILIES: Readonly<Record<'ospfd' | 'ospf6d' | 'bgpd', readonly Family[]>> = {
  ospfd: [4],
  ospf6d: [6],
  bgpd: [4, 6]
}
const FIRST_SEQUENCE = 5
/** FRR's sequence numbers have 32 bits. */
const LAST_SEQUENCE = 4_294_967_189n
/** How others see that an address is meant to be on several hosts: as OSPF's route tag and in a BGP community. `nr` in ASCII. */
export const ANYCAST_TAG = 0x6e72
/** Room for the subnets of one network among the numbers of a prefix list. */
const SEQUENCES_PER_NETWORK = 1000
/** The entry that lets blocks of a subnet out comes so long after the one for its addresses. */
const BLOCKS_AFTER = 500

/**
 * zebra keeps groups of next hops for three minutes after their last route, and takes one that has lost a link meanwhile for
 * what it was (FRR 8.4; the kernel has taken the link's next hop out of it): the link comes back, and no packet goes by it.
 */
const NEXTHOPS: WantedLine = {
  daemon: 'zebra',
  within: [],
  text: 'zebra nexthop-group keep 1',
  yields: 'value'
}

/** In the order in which lines are to be written. Without a protocol of ours, the filters for the operator's use. */
export function desiredRouting(routing: Routing, facts: RoutingFacts): WantedLine[] {
  const { ospf, ospf3, bgp, gracefulRestart } = routing
  const withFilters = routersOf(routing)
  return [
    ...(neededDaemons(routing).all ? [NEXTHOPS] : []),
    ...withFilters.flatMap((daemon) =>
      FAMILIES[daemon].flatMap((family) =>
        filters(daemon, family, { ...facts, as: bgp?.as, blocks: routing.blocks })
      )
    ),
    ...bfdLines(routing),
    ...(ospf ? ospfLines(ospf, { ...facts, gracefulRestart }) : []),
    ...(ospf3 ? ospf3Lines(ospf3, { ...facts, gracefulRestart }) : []),
    ...(bgp ? bgpLines(bgp, { ...facts, gracefulRestart }) : [])
  ]
}

/** The daemons that the section needs; where it has only filters, those that would use them if they are there. */
export function neededDaemons(routing: Routing): {
  readonly names: readonly RouterDaemon[]
  readonly all: boolean
} {
  const { ospf, ospf3, bgp } = routing
  const configured = ospf !== undefined || ospf3 !== undefined || bgp !== undefined
  const needsBfd = bfdLines(routing).length > 0
  return {
    names: [
      ...(configured ? (['zebra'] as const) : []),
      ...routersOf(routing),
      ...(needsBfd ? (['bfdd'] as const) : [])
    ],
    all: configured
  }
}

function routersOf({ ospf, ospf3, bgp }: Routing): (keyof typeof FAMILIES)[] {
  if (!ospf && !ospf3 && !bgp) return ['ospfd', 'ospf6d', 'bgpd']
  return [
    ...(ospf ? ['ospfd' as const] : []),
    ...(ospf3 ? ['ospf6d' as const] : []),
    ...(bgp ? ['bgpd' as const] : [])
  ]
}

/**
 * One map for each family, never one for both: a daemon that does not know a clause of the other family would keep the
 * entry without the clause, and an entry without clauses lets everything out.
 */
function filters(daemon: RouterDaemon, family: Family, facts: FilterFacts): WantedLine[] {
  const ip = family === 4 ? 'ip' : 'ipv6'
  const map = `route-map ${mapOf(family)} permit 10`
  const worse = `route-map ${mapOf(family)} permit 5`
  const meant = `route-map ${mapOf(family)} permit 7`
  const drain = `${OUR_NAME}-drain`
  const several = `${OUR_NAME}-anycast`
  const list = (name: string, sequence: number, what: string): string =>
    `${ip} prefix-list ${name} seq ${String(sequence)} ${what}`
  // The first entry matches a default route only. It keeps the list from being empty: an empty list lets everything out.
  const none = `deny ${family === 4 ? '0.0.0.0/0' : '::/0'}`
  const pools = poolsOf(facts.networks, family)
  const permitted = (name: string, all: readonly Prefix[] = []): string[] =>
    all
      .filter((dst) => familyOf(dst) === family)
      .filter((dst) => pools.some(({ prefix }) => contains(prefix, addressOf(dst))))
      .map((dst) => list(name, sequenceOf(dst), `permit ${hostsOf(dst)}`))
  return [
    ...[
      list(OUR_NAME, FIRST_SEQUENCE, none),
      ...pools.map(({ sequence, prefix }) => list(OUR_NAME, sequence, `permit ${hostsOf(prefix)}`)),
      ...blockEntries(pools, facts.blocks?.[family], facts.claims).map(([sequence, what]) =>
        list(OUR_NAME, sequence, what)
      ),
      list(drain, FIRST_SEQUENCE, none),
      ...permitted(drain, facts.drained),
      list(several, FIRST_SEQUENCE, none),
      ...permitted(several, facts.anycast),
      worse
    ].map((text) => ({ daemon, within: [], text })),
    ...[`match ${ip} address prefix-list ${drain}`, ...worst(daemon, facts.as)].map((text) => ({
      daemon,
      within: [worse],
      text
    })),
    { daemon, within: [], text: meant },
    ...[`match ${ip} address prefix-list ${several}`, tagOf(daemon)].map((text) => ({
      daemon,
      within: [meant],
      text
    })),
    { daemon, within: [], text: map },
    { daemon, within: [map], text: `match ${ip} address prefix-list ${OUR_NAME}` }
  ]
}

interface FilterFacts extends RoutingFacts {
  /** Our autonomous system, where we configure BGP. */
  readonly as?: number | undefined
  readonly blocks?: Routing['blocks']
}

/** What makes every other way better. */
function worst(daemon: RouterDaemon, as: number | undefined): string[] {
  if (daemon !== 'bgpd') return [`set metric ${String(WORST_OSPF_METRIC)}`]
  const prepend = as === undefined ? [] : [`set as-path prepend ${Array(PREPENDED).fill(as).join(' ')}`]
  return [...prepend, 'set local-preference 0']
}

/** What marks an anycast address for others; it changes nothing in how they choose. */
function tagOf(daemon: RouterDaemon): string {
  return daemon === 'bgpd'
    ? `set community ${String(ANYCAST_TAG)}:1 additive`
    : `set tag ${String(ANYCAST_TAG)}`
}

/** The same for an address whatever else is drained: by its last bytes, which differ within a subnet. */
function sequenceOf(dst: Prefix): number {
  return FIRST_SEQUENCE + 1 + Number(ipToBigInt(addressOf(dst)) % LAST_SEQUENCE)
}

/** Addresses of the host that other hosts have too: Docker's bridges. */
const SHARED_LINK = /^(docker|br-|virbr|cni|veth)/

/**
 * An address that tells this host from all others: of the first link that the section names, else of the loopback link,
 * else of any other. FRR by itself takes the highest of the host, which is docker0's, the same everywhere, or a gateway of
 * the containers, the same too.
 */
export function routerIdOf(routing: Routing, addresses: RoutingAddresses): Ip | undefined {
  const others = Object.keys(addresses)
    .filter((link) => !SHARED_LINK.test(link))
    .sort()
  const found = [...linksOf(routing), 'lo', ...others].flatMap((link) => addresses[link] ?? [])
  const id = found.find((text) => !text.includes(':') && !/^(127|169\.254|0)\./.test(text))
  return id === undefined ? undefined : parseIp(id)
}

/** Of the host, by the name of the link they are on. */
type RoutingAddresses = Readonly<Record<string, readonly string[]>>

/** True if the filters let a route to that address out: it is in a subnet of a network. */
export function isLetOut(address: Ip, networks: readonly Network[]): boolean {
  return poolsOf(networks, familyOf(address)).some(({ prefix }) => contains(prefix, address))
}

/** Name of the map through which container routes enter a protocol. */
export function mapOf(family: Family): string {
  return family === 4 ? OUR_NAME : `${OUR_NAME}6`
}

/** A subnet keeps its number for as long as its network exists, so that a change of one is a change of one line. */
function poolsOf(networks: readonly Network[], family: Family): { sequence: number; prefix: Prefix }[] {
  const sequences = new Map<Prefix, number>()
  for (const { number, subnets } of [...networks].sort((a, b) => a.number - b.number)) {
    const ours = subnets.filter(({ prefix }) => familyOf(prefix) === family && lengthOf(prefix) > 0)
    for (const [index, { prefix }] of ours.entries()) {
      if (!sequences.has(prefix)) sequences.set(prefix, number * SEQUENCES_PER_NETWORK + index)
    }
  }
  return [...sequences].map(([prefix, sequence]) => ({ sequence, prefix }))
}

/** What lets blocks of that size out, of pools that are larger; and those that there are of a size that was configured before. */
function blockEntries(
  pools: readonly { readonly sequence: number; readonly prefix: Prefix }[],
  size: number | undefined,
  claims: readonly Prefix[] = []
): [sequence: number, what: string][] {
  if (size === undefined) return []
  const entry = (prefix: Prefix, length: number): string =>
    `permit ${prefix} ge ${String(length)} le ${String(length)}`
  return pools.flatMap(({ sequence, prefix }): [number, string][] => {
    const inside = claims.filter((claim) => contains(prefix, addressOf(claim)))
    const others = [...new Set(inside.map(lengthOf))]
      .filter((length) => length !== size)
      .sort((a, b) => a - b)
    return [
      ...(size > lengthOf(prefix)
        ? [[sequence + BLOCKS_AFTER, entry(prefix, size)] as [number, string]]
        : []),
      ...others.map((length): [number, string] => [
        sequence + BLOCKS_AFTER + 1 + length,
        entry(prefix, length)
      ])
    ]
  })
}

function hostsOf(prefix: Prefix): string {
  const width = widthOf(familyOf(prefix))
  return lengthOf(prefix) === width ? prefix : `${prefix} ge ${String(width)}`
}
