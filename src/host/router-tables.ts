/** What the routing daemons say they know: their tables and databases, as data. Their JSON is of unknown shape to us. */

import { field, fieldsOf, itemsOf, numberOf, textOf } from './answers.js'

/** What is withdrawn stays in the database for a while, at this age (RFC 2328 §12.1.1). */
export const MAX_AGE_SECONDS = 3600

/** External LSAs of OSPFv3, everywhere and within a not-so-stubby area, as lists of its database name them. */
export const EXTERNAL3 = { everywhere: 'ASE', inArea: 'Type7' } as const

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
  /** Only within a not-so-stubby area (type 7); absent = everywhere but in such areas. */
  readonly isOfArea?: true
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
  /** The link to it, where the protocol says: a router may be met by several. */
  readonly link?: string
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
  const ofAreas = areas.flatMap((area) => itemsOf(field(area, 'nssaExternalLinkStates')))
  const externals = [
    ...itemsOf(field(answer, 'asExternalLinkStates')).flatMap((lsa) => externalIn(lsa)),
    ...ofAreas.flatMap((lsa) => externalIn(lsa).map((external) => ({ ...external, isOfArea: true as const })))
  ]
  return { own, externals: distinct(externals) }
}

function externalIn(lsa: unknown): External[] {
  const [dst, router] = [field(lsa, 'route'), field(lsa, 'advertisedRouter')]
  const age = numberOf(lsa, 'lsaAge') ?? 0
  const sequence = Number.parseInt(textOf(lsa, 'sequenceNumber'), 16) || 0
  const external = { dst, router, age, sequence, ...tagIn(lsa) }
  return age !== MAX_AGE_SECONDS && isExternal(external) ? [external] : []
}

/**
 * Of `show ip ospf`, whose JSON does not say it: true if every area is a stub or a not-so-stubby one, so that what is
 * announced everywhere leaves this host by none, although its own database has it.
 */
export function ospfKeepsExternals(text: string): boolean {
  const areas = text.split('\n').filter((line) => /^\s*Area ID: /.test(line))
  return areas.length > 0 && areas.every((line) => /\((NSSA|Stub)\b/i.test(line))
}

/** The same of `show ipv6 ospf6 json`. */
export function ospf3KeepsExternals(answer: unknown): boolean {
  const areas = Object.values(fieldsOf(field(answer, 'areas')))
  const isClosed = (area: unknown): boolean =>
    field(area, 'areaIsStub') === true || field(area, 'areaIsNSSA') === true
  return areas.length > 0 && areas.every(isClosed)
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
      const [type, router] = [field(lsa, 'type'), field(lsa, 'advRouter')]
      // Of the default route FRR shows no length.
      const dst = textOf(lsa, 'payload').replace(/^::$/, '::/0')
      const age = numberOf(lsa, 'age') ?? 0
      const isExternal =
        age !== MAX_AGE_SECONDS && (type === EXTERNAL3.everywhere || type === EXTERNAL3.inArea)
      const sequence = numberOf(lsa, 'seqNum') ?? 0
      return isExternal && typeof router === 'string'
        ? [{ dst, router, age, sequence, ...(type === EXTERNAL3.inArea ? { isOfArea: true } : {}) }]
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
  // OSPFv2 says `eth1:192.0.2.1`, with the own address.
  const [link = ''] = (textOf(neighbour, 'ifaceName') || textOf(neighbour, 'interfaceName')).split(':')
  return {
    name,
    state,
    isUp: state.startsWith('Full'),
    ...(link === '' ? {} : { link }),
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

/** Of two announcements of one router the one within the area: it is what its neighbours have. */
function distinct(externals: readonly External[]): External[] {
  return [...new Map(externals.map((external) => [`${external.dst} ${external.router}`, external])).values()]
}
