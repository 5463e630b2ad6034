/**
 * What lets container routes out and nothing else: prefix lists of the networks' subnets, and a map for each address family.
 * Filters come before what uses them: a list that does not exist yet lets nothing out.
 */
import { MATCH_NO_LINK, NO_LINK, OUR_NAME, PREPENDED, WORST_OSPF_METRIC } from '../host/router-lines.js'
import type { RouterDaemon, WantedLine } from '../host/router-lines.js'
import { addressOf, contains, familyOf, ipToBigInt, lengthOf, widthOf } from '../model/ip.js'
import type { Family, Ip, Prefix } from '../model/ip.js'
import type { Network } from '../model/network.js'
import type { Routing } from '../model/routing.js'

export interface FilterFacts {
  readonly networks: readonly Network[]
  /** Addresses that others should be preferred for, as destinations, `10.1.0.2/32`, or all of a subnet, `10.1.0.0/16`. */
  readonly drained?: readonly Prefix[]
  /** Addresses that other hosts have on purpose, in the same form. */
  readonly anycast?: readonly Prefix[]
  /** What other hosts would not be told of because a kernel route of somebody else's stands before our announcement. */
  readonly hidden?: readonly Prefix[]
  /** Blocks of pools that this host has. */
  readonly claims?: readonly Prefix[]
}

/** Lists of what is let out in another way. */
const DRAIN = `${OUR_NAME}-drain`
const ANYCAST = `${OUR_NAME}-anycast`
const HIDDEN = `${OUR_NAME}-hidden`
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
 * One map for each family, never one for both: a daemon that does not know a clause of the other family would keep the
 * entry without the clause, and an entry without clauses lets everything out.
 */
export function filterLines(daemon: RouterDaemon, family: Family, facts: Section): WantedLine[] {
  const ip = family === 4 ? 'ip' : 'ipv6'
  const list = (name: string, sequence: number, what: string): string =>
    `${ip} prefix-list ${name} seq ${String(sequence)} ${what}`
  // The first entry matches a default route only. It keeps the list from being empty: an empty list lets everything out.
  const none = `deny ${family === 4 ? '0.0.0.0/0' : '::/0'}`
  const pools = poolsOf(facts.networks, family)
  const permitted = (
    name: string,
    all: readonly Prefix[] = [],
    form: (dst: Prefix) => string = hostsOf
  ): string[] =>
    all
      .filter((dst) => familyOf(dst) === family)
      .filter((dst) => pools.some(({ prefix }) => contains(prefix, addressOf(dst))))
      .map((dst) => list(name, sequenceOf(dst), `permit ${form(dst)}`))
  // Each daemon's own numbers: where all have been saved to one file, none is given an entry with the clause of another.
  const own = daemon === 'bgpd' ? 1 : 0
  const entry = (sequence: number, name: string, clauses: readonly string[]): WantedLine[] => {
    const map = `route-map ${mapOf(family)} permit ${String(sequence + own)}`
    return [
      { daemon, within: [], text: map },
      ...[`match ${ip} address prefix-list ${name}`, ...clauses].map((text) => ({
        daemon,
        within: [map],
        text
      }))
    ]
  }
  const blackhole = blackholeOf(daemon, ip)
  const hidden = permitted(HIDDEN, facts.hidden, String)
  const lists = [
    list(OUR_NAME, FIRST_SEQUENCE, none),
    ...pools.map(({ sequence, prefix }) => list(OUR_NAME, sequence, `permit ${hostsOf(prefix)}`)),
    ...blockEntries(pools, facts.blocks?.[family], facts.claims).map(([sequence, what]) =>
      list(OUR_NAME, sequence, what)
    ),
    list(DRAIN, FIRST_SEQUENCE, none),
    ...permitted(DRAIN, facts.drained),
    list(ANYCAST, FIRST_SEQUENCE, none),
    ...permitted(ANYCAST, facts.anycast),
    ...(hidden.length > 0 ? [list(HIDDEN, FIRST_SEQUENCE, none), ...hidden] : [])
  ]
  return [
    ...blackhole.link,
    ...lists.map((text) => ({ daemon, within: [], text })),
    ...entry(5, DRAIN, [blackhole.clause, ...worst(daemon, facts.as)]),
    ...entry(7, ANYCAST, [blackhole.clause, tagOf(daemon)]),
    ...entry(10, OUR_NAME, [blackhole.clause]),
    ...(hidden.length > 0 ? entry(12, HIDDEN, []) : [])
  ]
}

/**
 * What only a blackhole matches, which all our announcements are, and what that needs. To ospfd and ospf6d a blackhole is a
 * route without a link, and so is a link without a number that they only know from their configuration; ospfd's own `match ip
 * next-hop type blackhole` matches no blackhole of the kernel (seen with FRR 8.4), and ospf6d has none.
 */
function blackholeOf(
  daemon: RouterDaemon,
  ip: 'ip' | 'ipv6'
): { readonly clause: string; readonly link: readonly WantedLine[] } {
  if (daemon === 'bgpd') return { clause: `match ${ip} next-hop type blackhole`, link: [] }
  const link = `interface ${NO_LINK}`
  // A stanza that is empty is not shown.
  const inside = daemon === 'ospf6d' ? 'ipv6 ospf6 passive' : 'description what has no link'
  return {
    clause: MATCH_NO_LINK,
    link: [
      { daemon, within: [], text: link },
      { daemon, within: [link], text: inside }
    ]
  }
}

interface Section extends FilterFacts {
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

/** True if the filters let a route to that address out: it is in a subnet of a network. */
export function isLetOut(address: Ip, networks: readonly Network[]): boolean {
  return poolsOf(networks, familyOf(address)).some(({ prefix }) => contains(prefix, address))
}

/** Name of the map through which container routes enter a protocol. */
function mapOf(family: Family): string {
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
