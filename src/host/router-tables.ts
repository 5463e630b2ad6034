/** What the routing daemons say they know: their tables and databases, as data. Their JSON is of unknown shape to us. */

import { field, fieldsOf, itemsOf, numberOf, textOf } from './answers.js'

/** What is withdrawn stays in the database for a while, at this age (RFC 2328 §12.1.1). */
const MAX_AGE_SECONDS = 3600

/** A path to a destination, as zebra has read it from the kernel. */
export interface KernelPath {
  readonly dst: string
  /** Absent for a blackhole. */
  readonly link?: string
  readonly metric: number
  /** False = it has not heard of the link, and takes the path for useless. */
  readonly isActive: boolean
}

/** A destination that a router of the network announces as external to OSPF. */
export interface External {
  readonly dst: string
  /** Its router id. */
  readonly router: string
  /** Seconds since it was announced, or announced anew. */
  readonly age?: number
  /** Grows each time it is announced anew. */
  readonly sequence?: number
  /** A number that it has put on it; absent = 0, or not shown. */
  readonly tag?: number
}

export interface OspfDatabase {
  /** Router id of this host. */
  readonly own: string
  readonly externals: readonly External[]
}

export interface RouterNeighbour {
  readonly name: string
  /** As the daemon says it: `Full/DR`, `Established`. */
  readonly state: string
  readonly isUp: boolean
  /** True = it has acknowledged all that it was sent; absent where the protocol, or the daemon, does not say. */
  readonly acknowledged?: boolean
}

/** A path in zebra's words: `K>* 10.1.0.1/32 [0/0] is directly connected, nr-0123456789ab, 00:01:02`. */
const KERNEL_PATH = /^K.{1,3} +(\S+) \[\d+\/(\d+)\] (?:via [^ ,]+, |is directly connected, )?([^ ,]+)/

/** Of `show ip route kernel`, `show ipv6 route kernel`: as JSON it is twenty times as long, and as slow. */
export function kernelPaths(answer: string): KernelPath[] {
  return answer.split('\n').flatMap((text): KernelPath[] => {
    const [, dst, metric, link] = KERNEL_PATH.exec(text) ?? []
    if (dst === undefined) return []
    const isBlackhole = link === 'unreachable'
    const isActive = !/ inactive\b/.test(text)
    return [{ dst, metric: Number(metric), isActive, ...(isBlackhole || !link ? {} : { link }) }]
  })
}

/** Of `show ip ospf database json`, of ordinary and of not-so-stubby areas. Undefined where OSPF is not configured. */
export function ospfDatabase(answer: unknown): OspfDatabase | undefined {
  const own = field(answer, 'routerId')
  if (typeof own !== 'string') return undefined
  const areas = Object.values(fieldsOf(field(answer, 'areas')))
  const lists = [answer, ...areas].flatMap((scope) => [
    ...itemsOf(field(scope, 'asExternalLinkStates')),
    ...itemsOf(field(scope, 'nssaExternalLinkStates'))
  ])
  const externals = lists.flatMap((lsa): External[] => {
    const [dst, router] = [field(lsa, 'route'), field(lsa, 'advertisedRouter')]
    const age = numberOf(lsa, 'lsaAge') ?? 0
    const sequence = Number.parseInt(textOf(lsa, 'sequenceNumber'), 16) || 0
    const external = { dst, router, age, sequence, ...tagIn(lsa) }
    return age !== MAX_AGE_SECONDS && isExternal(external) ? [external] : []
  })
  return { own, externals: distinct(externals) }
}

/** Of `show ipv6 ospf6 database json`. */
export function ospf3Externals(answer: unknown): External[] {
  const scopes = [
    ...itemsOf(field(answer, 'asScopedLinkStateDb')),
    ...itemsOf(field(answer, 'areaScopedLinkStateDb'))
  ]
  const lsas = scopes.flatMap((scope) => itemsOf(field(scope, 'lsa')))
  return distinct(
    lsas.flatMap((lsa): External[] => {
      const [type, dst, router] = [field(lsa, 'type'), field(lsa, 'payload'), field(lsa, 'advRouter')]
      const age = numberOf(lsa, 'age') ?? 0
      const isExternal = age !== MAX_AGE_SECONDS && (type === 'ASE' || type === 'Type-7')
      const sequence = numberOf(lsa, 'seqNum') ?? 0
      return isExternal && typeof dst === 'string' && typeof router === 'string'
        ? [{ dst, router, age, sequence }]
        : []
    })
  )
}

/** Of `show ipv6 ospf6 database as-external detail json`, `… type-7 detail json`: those with a tag. */
export function ospf3Tagged(answer: unknown): External[] {
  const scopes = [
    ...itemsOf(field(answer, 'asScopedLinkStateDb')),
    ...itemsOf(field(answer, 'areaScopedLinkStateDb'))
  ]
  const lsas = scopes.flatMap((scope) => itemsOf(field(scope, 'lsa')))
  return lsas.flatMap((lsa): External[] => {
    const external = { dst: field(lsa, 'prefix'), router: field(lsa, 'advertisingRouter'), ...tagIn(lsa) }
    return isExternal(external) && external.tag !== undefined ? [external] : []
  })
}

function tagIn(lsa: unknown): Pick<External, 'tag'> {
  const tag = field(lsa, 'tag')
  return typeof tag === 'number' && tag !== 0 ? { tag } : {}
}

function isExternal(found: { readonly dst: unknown; readonly router: unknown }): found is External {
  return typeof found.dst === 'string' && typeof found.router === 'string'
}

/** Of `show ip ospf neighbor json`, `show ipv6 ospf6 neighbor json`. */
export function ospfNeighbours(answer: unknown): RouterNeighbour[] {
  const neighbours = field(answer, 'neighbors')
  if (Array.isArray(neighbours))
    return neighbours.map((neighbour) => ospfNeighbour(textOf(neighbour, 'neighborId'), neighbour))
  return Object.entries(fieldsOf(neighbours)).flatMap(([name, list]) =>
    itemsOf(list).map((neighbour) => ospfNeighbour(name, neighbour))
  )
}

function ospfNeighbour(name: string, neighbour: unknown): RouterNeighbour {
  const state = textOf(neighbour, 'nbrState') || textOf(neighbour, 'state')
  const waiting = field(neighbour, 'linkStateRetransmissionListCounter')
  return {
    name,
    state,
    isUp: state.startsWith('Full'),
    ...(typeof waiting === 'number' ? { acknowledged: waiting === 0 } : {})
  }
}

/** Of `show bgp summary json`; one name may be there for each address family. */
export function bgpNeighbours(answer: unknown, family: 4 | 6): RouterNeighbour[] {
  const peers = field(field(answer, `ipv${String(family)}Unicast`), 'peers')
  return Object.entries(fieldsOf(peers)).map(([name, peer]) => {
    const state = textOf(peer, 'state')
    return { name, state, isUp: state === 'Established' }
  })
}

/** Destinations of `show bgp ipv4 unicast neighbors NAME advertised-routes json`. */
export function bgpAdvertised(answer: unknown): string[] {
  return Object.keys(fieldsOf(field(answer, 'advertisedRoutes')))
}

function distinct(externals: readonly External[]): External[] {
  return [...new Map(externals.map((external) => [`${external.dst} ${external.router}`, external])).values()]
}
