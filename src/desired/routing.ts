/** What the routing daemons should have in their configuration so that they announce our container routes and nothing else. */
import type { RouterDaemon, WantedLine } from '../host/router-lines.js'
import { parseIp } from '../model/ip.js'
import type { Family, Ip } from '../model/ip.js'
import { linksOf } from '../model/routing.js'
import type { Routing } from '../model/routing.js'
import { bgpLines, familiesOf } from './routing-bgp.js'
import { filterLines } from './routing-filters.js'
import type { FilterFacts } from './routing-filters.js'
import { bfdLines, ospf3Lines, ospfLines } from './routing-ospf.js'

export interface RoutingFacts extends FilterFacts {
  /** The host's own address, where the operator gives no router id: FRR might choose one that every host has. */
  readonly routerId?: Ip
}

/** Whose prefix lists of these families they need. */
const FAMILIES: Readonly<Record<'ospfd' | 'ospf6d' | 'bgpd', readonly Family[]>> = {
  ospfd: [4],
  ospf6d: [6],
  bgpd: [4, 6]
}
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
        filterLines(daemon, family, { ...facts, as: bgp?.as, blocks: routing.blocks })
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

/** The families of which the section has daemons announce the kernel's routes. */
export function askedBy({ ospf, ospf3, bgp }: Routing): Partial<Record<RouterDaemon, readonly Family[]>> {
  return {
    ...(ospf ? { ospfd: [4] } : {}),
    ...(ospf3 ? { ospf6d: [6] } : {}),
    ...(bgp ? { bgpd: familiesOf(bgp) } : {})
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
