/**
 * What other hosts announce, as the databases of the routing daemons have it, reachable or not. Databases are large: they
 * are read again only when something that changes with every change of them has changed.
 */
import { RoutedError } from '../../errors.js'
import { field, fieldsOf, numberOf, parsed, textOf } from '../../host/answers.js'
import { bgpAnnouncers, bgpTable, lifetimeOf, rankOf } from '../../host/announcers.js'
import type { Announcer } from '../../host/announcers.js'
import { ospf3Externals, ospfDatabase } from '../../host/router-tables.js'
import type { External } from '../../host/router-tables.js'
import {
  addressOf,
  contains,
  familyOf,
  hostPrefix,
  lengthOf,
  parsePrefix,
  rangeOf,
  widthOf
} from '../../model/ip.js'
import type { AddressRange, Ip, Prefix } from '../../model/ip.js'
import type { RouterSessions } from './router-sessions.js'

/** One database: how to see that it has changed, and how to read what others have in it. */
interface Source {
  readonly daemon: string
  readonly stamp: (ask: Ask) => Promise<string | undefined>
  readonly read: (ask: Ask) => Promise<readonly Announced[]>
}

type Ask = (command: string) => Promise<unknown>

/** A destination, and one that announces it. */
type Announced = readonly [dst: string, announcer: Announcer]

interface WideClaim {
  readonly dst: Prefix
  readonly range: AddressRange
  readonly announcers: readonly Announcer[]
}

interface Read {
  readonly stamp: string
  readonly atMs: number
  readonly tookMs: number
  readonly byDst: ReadonlyMap<string, readonly Announcer[]>
  /** Of more than one address. */
  readonly blocks: readonly WideClaim[]
}

/** OSPFv3 has no sum over its database but a count: what changes without changing it is seen by then. */
const READ_ANYWAY_MS = 30_000
/** A large database that changes all the time is read for a tenth of the time: a daemon that tells does nothing else. */
const PAUSES_PER_READ = 10

export class Others {
  readonly #sessions: RouterSessions
  readonly #reads = new Map<string, Read>()
  #changes = 0
  #refreshing: Promise<boolean> | undefined

  constructor(sessions: RouterSessions) {
    this.#sessions = sessions
  }

  /** Another number whenever something was read anew. */
  get changes(): number {
    return this.#changes
  }

  /** True if no routing daemon tells of any database: nobody can be asked. */
  get isBlind(): boolean {
    return this.#reads.size === 0
  }

  /** True if another host announces exactly this destination. */
  has(dst: string): boolean {
    for (const { byDst } of this.#reads.values())
      if (byDst.get(dst)?.some(({ isOwn }) => !isOwn) === true) return true
    return false
  }

  /** Names of the other hosts that announce exactly this destination. */
  routersOf(dst: string): readonly string[] {
    const all = [...this.#reads.values()].flatMap(({ byDst }) => byDst.get(dst) ?? [])
    return all.flatMap(({ isOwn, router }) => (isOwn ? [] : [router]))
  }

  /** True if another host announces an address, or a block, of one of these subnets: so it is told what others have. */
  hasAnyIn(subnets: readonly Prefix[]): boolean {
    const isIn = (dst: string): boolean => {
      const prefix = parsePrefix(dst)
      return subnets.some(
        (subnet) => lengthOf(prefix) > lengthOf(subnet) && contains(subnet, addressOf(prefix))
      )
    }
    return [...this.#reads.values()].some(({ byDst }) => {
      for (const [dst, announcers] of byDst)
        if (announcers.some(({ isOwn }) => !isOwn) && isIn(dst)) return true
      return false
    })
  }

  /**
   * Who announces the block of a pool, this host too, and the other hosts that announce one that overlaps with it. The whole
   * pool, or more, may be announced by a router that sums it up.
   */
  announcersOf(prefix: Prefix, pool: Prefix): readonly Announcer[] {
    const exact = [...this.#reads.values()].flatMap(({ byDst }) => byDst.get(prefix) ?? [])
    const near = this.#within(pool).filter(
      ({ dst, range }) => dst !== prefix && meets(range, rangeOf(prefix))
    )
    return [...exact, ...near.flatMap(({ announcers }) => announcers.filter(({ isOwn }) => !isOwn))]
  }

  /** Blocks of the pool with the address that other hosts announce. */
  blocksWith(address: Ip, pool: Prefix): { readonly dst: Prefix; readonly routers: readonly string[] }[] {
    return this.#within(pool).flatMap(({ dst, range, announcers }) => {
      const routers = announcers.flatMap(({ isOwn, router }) => (isOwn ? [] : [router]))
      return routers.length > 0 && meets(range, rangeOf(hostPrefix(address))) ? [{ dst, routers }] : []
    })
  }

  /** True if packets for the address go to another host because it announces a part of one of these subnets. */
  hasBlockWith(address: Ip, subnets: readonly Prefix[]): boolean {
    return subnets.some((subnet) => contains(subnet, address) && this.blocksWith(address, subnet).length > 0)
  }

  #within(pool: Prefix): WideClaim[] {
    const all = [...this.#reads.values()].flatMap(({ blocks }) => blocks)
    return all.filter(({ dst }) => lengthOf(dst) > lengthOf(pool))
  }

  /** Reads what has changed; true if anything has. A daemon that does not answer is left as it was. Calls share one. */
  refresh(): Promise<boolean> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #refresh(): Promise<boolean> {
    const changes = await Promise.all(SOURCES.map((source) => this.#refreshOne(source)))
    return changes.includes(true)
  }

  async #refreshOne({ daemon, stamp, read }: Source): Promise<boolean> {
    const ask: Ask = async (command) => parsed(await this.#sessions.ask(daemon, command))
    try {
      const now = await stamp(ask)
      if (now === undefined) {
        const isGone = this.#reads.delete(daemon)
        if (isGone) this.#changes++
        return isGone
      }
      const before = this.#reads.get(daemon)
      const atMs = performance.now()
      const age = atMs - (before?.atMs ?? -Infinity)
      if (before?.stamp === now && age < READ_ANYWAY_MS) return false
      if (before && age < before.tookMs * PAUSES_PER_READ) return false
      const found = await read(ask)
      this.#changes++
      this.#reads.set(daemon, { stamp: now, atMs, tookMs: performance.now() - atMs, ...indexOf(found) })
      return true
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      return false
    }
  }
}

const SOURCES: readonly Source[] = [
  {
    daemon: 'ospfd',
    stamp: async (ask) => {
      const answer = await ask('show ip ospf json')
      if (textOf(answer, 'routerId') === '') return undefined
      const areas = Object.values(fieldsOf(field(answer, 'areas')))
      return JSON.stringify([answer, ...areas].map(sums))
    },
    read: async (ask) => {
      const { own = '', externals = [] } = ospfDatabase(await ask('show ip ospf database json')) ?? {}
      return externals.map((external) => announced('ospf', external, own))
    }
  },
  {
    daemon: 'ospf6d',
    stamp: async (ask) => {
      const answer = await ask('show ipv6 ospf6 json')
      if (textOf(answer, 'routerId') === '') return undefined
      const areas = Object.values(fieldsOf(field(answer, 'areas')))
      const counts = areas.map((area) => [field(area, 'numberOfAreaScopedLsa'), field(area, 'lsaStatistics')])
      return JSON.stringify([field(answer, 'numberOfAsScopedLsa'), counts])
    },
    read: async (ask) => {
      const own = textOf(await ask('show ipv6 ospf6 json'), 'routerId')
      const externals = ospf3Externals(await ask('show ipv6 ospf6 database json'))
      return externals.map((external) => announced('ospf6', external, own))
    }
  },
  {
    daemon: 'bgpd',
    stamp: async (ask) => {
      const neighbours = Object.entries(fieldsOf(await ask('show bgp neighbors json')))
      const received = neighbours.flatMap(([name, neighbour]) => {
        const state = field(neighbour, 'bgpState')
        return typeof state === 'string'
          ? [[name, state, field(field(neighbour, 'messageStats'), 'updatesRecv')]]
          : []
      })
      return received.length > 0 ? JSON.stringify(received) : undefined
    },
    read: async (ask) => [...(await bgpPaths(ask, 'ipv4')), ...(await bgpPaths(ask, 'ipv6'))]
  }
]

/**
 * The table names a route reflector in place of the host behind it, and neighbours by their addresses. So hosts would disagree
 * about who has a block that several announce: of those each path is read.
 */
async function bgpPaths(ask: Ask, family: 'ipv4' | 'ipv6'): Promise<readonly Announced[]> {
  const answer = await ask(`show bgp ${family} unicast json`)
  const table = bgpTable(answer)
  const own = new Set(table.flatMap(([dst, { isOwn }]) => (isOwn && isBlock(dst) ? [dst] : [])))
  const contested = new Set(table.flatMap(([dst, { isOwn }]) => (!isOwn && own.has(dst) ? [dst] : [])))
  const detailed: Announced[] = []
  for (const dst of contested) {
    const paths = bgpAnnouncers(
      await ask(`show bgp ${family} unicast ${dst} json`),
      numberOf(answer, 'localAS') ?? 0
    )
    detailed.push(...paths.map((announcer) => [dst, announcer] as const))
  }
  return [...table.filter(([dst]) => !contested.has(dst)), ...detailed]
}

/** Sums and counts of the database; times, which change without it, are not in it. */
function sums(scope: unknown): unknown {
  return Object.entries(fieldsOf(scope)).filter(([name]) => /(Counter|Checksum|Number)$/.test(name))
}

function announced(
  protocol: 'ospf' | 'ospf6',
  { dst, router, age = 0, sequence = 0 }: External,
  own: string
): Announced {
  const lifetime = lifetimeOf(age, sequence)
  const isOwn = router === own
  return [dst, { protocol, router, isOwn, rank: rankOf(router), age, lifetime, isLeaving: false }]
}

function indexOf(all: readonly Announced[]): Pick<Read, 'byDst' | 'blocks'> {
  const byDst = new Map<string, Announcer[]>()
  for (const [dst, announcer] of all) {
    const announcers = byDst.get(dst)
    if (announcers) announcers.push(announcer)
    else byDst.set(dst, [announcer])
  }
  const blocks = [...byDst].flatMap(([text, announcers]): WideClaim[] => {
    const dst = parsePrefix(text)
    return isBlock(text) ? [{ dst, range: rangeOf(dst), announcers }] : []
  })
  return { byDst, blocks }
}

/** True for more than one address, and less than all. */
function isBlock(text: string): boolean {
  const dst = parsePrefix(text)
  return lengthOf(dst) > 0 && lengthOf(dst) < widthOf(familyOf(dst))
}

function meets(a: AddressRange, b: AddressRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last
}
