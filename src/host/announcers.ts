/**
 * Who announces an address, as the routing daemons tell it. What is to be decided by it must be the same on every host, so
 * it is taken from what the protocols carry: not when we heard it, but how old an announcement says it is.
 */
import { field, fieldsOf, itemsOf, numberOf, textOf } from './answers.js'
import { PREPENDED, WORST_OSPF_METRIC } from './router-lines.js'
import { EXTERNAL3, MAX_AGE_SECONDS } from './router-tables.js'

/** A host that announces an address. */
export interface Announcer {
  readonly protocol: 'ospf' | 'ospf6' | 'bgp'
  /** Name of the host in the protocol: a router id, or `AS 65002`. */
  readonly router: string
  readonly isOwn: boolean
  /** Different for every host, and the same wherever it is read. */
  readonly rank: bigint
  /** Seconds since it was announced, or announced anew. */
  readonly age?: number
  /** Seconds for which it has been announced at least, by how often that was done anew. */
  readonly lifetime?: number
  /** When it was heard here: a time of this host, seconds. */
  readonly heard?: number
  /** Announced as the worst choice: on its way out. */
  readonly isLeaving: boolean
  /** Others, who know several, have chosen this one and pass on no other. */
  readonly isChosen?: true
}

/** An announcement is sent again that often, and gets the next number then (RFC 2328 §12.1.1, §12.1.6). */
const REFRESH_SECONDS = 1800
const FIRST_SEQUENCE = 0x8000_0001

/** Of `show ip ospf database external ADDRESS json` and `… nssa-external …`. */
export function ospfAnnouncers(answer: unknown): Announcer[] {
  const own = textOf(answer, 'routerId')
  const areas = Object.values(fieldsOf(field(field(answer, 'nssaExternalLinkStates'), 'areas')))
  const lsas = [...itemsOf(field(answer, 'asExternalLinkStates')), ...areas.flatMap(itemsOf)]
  return lsas.flatMap((lsa): Announcer[] => {
    const age = numberOf(lsa, 'lsaAge') ?? MAX_AGE_SECONDS
    const router = textOf(lsa, 'advertisingRouter')
    if (age === MAX_AGE_SECONDS || router === '' || field(lsa, 'networkMask') !== 32) return []
    const lifetime = lifetimeOf(age, Number.parseInt(textOf(lsa, 'lsaSeqNumber'), 16))
    const isLeaving = field(lsa, 'metric') === WORST_OSPF_METRIC
    return [
      { protocol: 'ospf', router, isOwn: router === own, rank: rankOf(router), age, lifetime, isLeaving }
    ]
  })
}

/** Of `show ipv6 ospf6 database json`, which does not say who is leaving: `isLeaving` is about all others. */
export function ospf3Announcers(
  answer: unknown,
  { dst, own, isLeaving }: { dst: string; own: string; isLeaving: boolean }
): Announcer[] {
  const scopes = [
    ...itemsOf(field(answer, 'asScopedLinkStateDb')),
    ...itemsOf(field(answer, 'areaScopedLinkStateDb'))
  ]
  const announcers = scopes
    .flatMap((scope) => itemsOf(field(scope, 'lsa')))
    .flatMap((lsa): Announcer[] => {
      const age = numberOf(lsa, 'age') ?? MAX_AGE_SECONDS
      const [type, router] = [textOf(lsa, 'type'), textOf(lsa, 'advRouter')]
      const isExternal =
        (type === EXTERNAL3.everywhere || type === EXTERNAL3.inArea) && field(lsa, 'payload') === dst
      if (!isExternal || age === MAX_AGE_SECONDS || router === '') return []
      const isOwn = router === own
      const lifetime = lifetimeOf(age, numberOf(lsa, 'seqNum') ?? FIRST_SEQUENCE)
      const rest = { rank: rankOf(router), age, lifetime, isLeaving: isLeaving && !isOwn }
      return [{ protocol: 'ospf6', router, isOwn, ...rest }]
    })
  return distinctAnnouncers(announcers)
}

/** Each router once: of two announcements, everywhere and within its area, the later one in the list. */
export function distinctAnnouncers(announcers: readonly Announcer[]): Announcer[] {
  return [...new Map(announcers.map((one) => [one.router, one])).values()]
}

/** Of `show bgp ipv4 unicast PREFIX json`; `as` is our own autonomous system. */
export function bgpAnnouncers(answer: unknown, as: number): Announcer[] {
  return itemsOf(field(answer, 'paths')).map((path): Announcer => {
    const peer = field(path, 'peer')
    const isOwn = field(path, 'sourced') === true || textOf(peer, 'peerId') === '0.0.0.0'
    const passed = itemsOf(field(field(path, 'aspath'), 'segments')).flatMap((segment) =>
      itemsOf(field(segment, 'list'))
    )
    const systems = isOwn || passed.length === 0 ? [as] : passed.map(Number)
    const origin = systems.at(-1) ?? as
    const reflected = textOf(path, 'originatorId')
    const id = reflected || textOf(peer, 'routerId')
    const heard = numberOf(field(path, 'lastUpdate'), 'epoch')
    const isDirect = new Set(systems).size === 1 && reflected === ''
    return {
      protocol: 'bgp',
      router: origin === as ? id : `AS ${String(origin)}`,
      isOwn,
      rank: (BigInt(origin) << 32n) + rankOf(id),
      isLeaving: isLeaving(systems, field(path, 'locPrf')),
      ...(heard === undefined ? {} : { heard }),
      ...(isOwn || isDirect ? {} : { isChosen: true as const })
    }
  })
}

/** All destinations of `show bgp ipv4 unicast json`, which names neighbours by their addresses. */
export function bgpTable(answer: unknown): (readonly [string, Announcer])[] {
  const as = numberOf(answer, 'localAS') ?? 0
  return Object.entries(fieldsOf(field(answer, 'routes'))).flatMap(([dst, paths]) =>
    itemsOf(paths).map((path) => {
      const peer = textOf(path, 'peerId')
      const isOwn = peer === '' || peer === '(unspec)'
      const passed = textOf(path, 'path').split(' ').filter(Boolean).map(Number)
      const systems = isOwn || passed.length === 0 ? [as] : passed
      const origin = systems.at(-1) ?? as
      const id = isOwn ? textOf(answer, 'routerId') : peer
      const announcer: Announcer = {
        protocol: 'bgp',
        router: origin === as ? id : `AS ${String(origin)}`,
        isOwn,
        rank: (BigInt(origin) << 32n) + (origin === as ? rankOf(id) : 0n),
        isLeaving: isLeaving(systems, field(path, 'locPrf')),
        ...(isOwn || new Set(systems).size === 1 ? {} : { isChosen: true as const })
      }
      return [dst, announcer] as const
    })
  )
}

function isLeaving(systems: readonly number[], preference: unknown): boolean {
  const tail = systems.slice(-PREPENDED - 1)
  return preference === 0 || (tail.length > PREPENDED && new Set(tail).size === 1)
}

/** Seconds. */
export function lifetimeOf(age: number, sequence: number): number {
  return age + Math.max(0, sequence - FIRST_SEQUENCE) * REFRESH_SECONDS
}

/** Of a router id, which has the form of an IPv4 address. */
export function rankOf(id: string): bigint {
  return id.split('.').reduce((rank, part) => (rank << 8n) + BigInt(Number.parseInt(part, 10) || 0), 0n)
}
