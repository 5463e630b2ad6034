/**
 * What other hosts announce, as the databases of the routing daemons have it, reachable or not. Databases are large: they
 * are read again only when something that changes with every change of them has changed.
 */
import { RoutedError } from '../errors.js'
import { field, fieldsOf, parsed, textOf } from '../host/answers.js'
import { bgpForeign, ospf3Externals, ospfDatabase } from '../host/router-tables.js'
import type { External } from '../host/router-tables.js'
import type { RouterSessions } from './router-sessions.js'

/** One database: how to see that it has changed, and how to read what others have in it. */
interface Source {
  readonly daemon: string
  readonly stamp: (ask: Ask) => Promise<string | undefined>
  readonly read: (ask: Ask) => Promise<readonly External[]>
}

type Ask = (command: string) => Promise<unknown>

interface Read {
  readonly stamp: string
  readonly atMs: number
  readonly routersByDst: ReadonlyMap<string, readonly string[]>
}

/** OSPFv3 has no sum over its database but a count: what changes without changing it is seen by then. */
const READ_ANYWAY_MS = 30_000

export class Others {
  readonly #sessions: RouterSessions
  readonly #reads = new Map<string, Read>()
  #refreshing: Promise<boolean> | undefined

  constructor(sessions: RouterSessions) {
    this.#sessions = sessions
  }

  /** How many destinations others announce. */
  get size(): number {
    return [...this.#reads.values()].reduce((sum, { routersByDst }) => sum + routersByDst.size, 0)
  }

  /** Names of the other hosts that announce exactly this destination. */
  routersOf(dst: string): readonly string[] {
    return [...this.#reads.values()].flatMap(({ routersByDst }) => routersByDst.get(dst) ?? [])
  }

  /** All destinations of others, each with their names. */
  *all(): Iterable<readonly [string, readonly string[]]> {
    for (const { routersByDst } of this.#reads.values()) yield* routersByDst
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
      if (now === undefined) return this.#reads.delete(daemon)
      const before = this.#reads.get(daemon)
      const atMs = performance.now()
      if (before?.stamp === now && atMs - before.atMs < READ_ANYWAY_MS) return false
      const routersByDst = new Map<string, string[]>()
      for (const { dst, router } of await read(ask)) {
        const routers = routersByDst.get(dst)
        if (routers) routers.push(router)
        else routersByDst.set(dst, [router])
      }
      this.#reads.set(daemon, { stamp: now, atMs, routersByDst })
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
      const database = ospfDatabase(await ask('show ip ospf database json'))
      return (database?.externals ?? []).filter(({ router }) => router !== database?.own)
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
      return externals.filter(({ router }) => router !== own)
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
    read: async (ask) => [
      ...bgpForeign(await ask('show bgp ipv4 unicast json')),
      ...bgpForeign(await ask('show bgp ipv6 unicast json'))
    ]
  }
]

/** Sums and counts of the database; times, which change without it, are not in it. */
function sums(scope: unknown): unknown {
  return Object.entries(fieldsOf(scope)).filter(([name]) => /(Counter|Checksum|Number)$/.test(name))
}
