/**
 * Addresses that other hosts announce, too, without meaning to: two hosts were too quick for each other, or could not see
 * each other. Every host looks for its own, and decides alike (contest.ts). Who gives way keeps the container and stops to
 * announce its address, until the other one does.
 */
import { RoutedError } from '../../errors.js'
import { gently } from '../../host/gently.js'
import type { Announcer } from '../../host/announcers.js'
import type { Log } from '../../log.js'
import type { Endpoint } from '../../model/endpoint.js'
import { addressOf, hostPrefix } from '../../model/ip.js'
import type { Ip, Prefix } from '../../model/ip.js'
import type { DuplicatesMode } from '../../model/options/duplicates.js'
import type { Records } from '../../store/records.js'
import { atMostFor, mayBeWrong, yieldsTo } from './contest.js'
import type { Endpoints } from '../endpoints.js'
import { returning, uncovering, yielding } from './told.js'
import type { Others } from './others.js'

export interface DuplicatesParts {
  /** Of endpoints that do not say otherwise. */
  readonly mode: DuplicatesMode
  readonly records: Records
  readonly endpoints: Endpoints
  readonly others: Others
  /** Throws RoutedError if nobody can say. */
  readonly announcersOf: (dst: Prefix) => Promise<readonly Announcer[]>
  /** From 0 to 1. */
  readonly random: () => number
  readonly now: () => Date
  readonly log: Log
}

/** An address of a container here that another host announces. */
export interface Duplicate {
  readonly endpoint: string
  readonly address: Ip
  /** The other hosts, by their names in the routing protocol. */
  readonly by: readonly string[]
  /** False = this host has given way. */
  readonly isAnnounced: boolean
}

const LOOK_MS = 250
/** Some have hundreds of addresses. */
const ENDPOINTS_PER_TURN = 100
/** Reading a large database takes long: no more than a third of the time is spent on it. */
const REST = 3
/** Two that have both given way must not come back at the same moment. */
const RETURN_MS = 1_000
const RETURN_SPREAD_MS = 4_000
/** The other host has as long to see that it is the younger one: routers tell of a neighbour that is back after five seconds. */
const DOUBT_MS = 15_000

interface Watched {
  readonly endpoint: Endpoint
  readonly address: Ip
  readonly dst: Prefix
  readonly hasYielded: boolean
}

export class Duplicates {
  readonly #parts: DuplicatesParts
  #found = new Map<string, Duplicate>()
  /** When what has given way is announced again, by destination. */
  readonly #returns = new Map<string, number>()
  /** Until when others may give way first, by destination. */
  readonly #doubts = new Map<string, number>()
  /** What had been read when nothing had to be watched: as long as that is all, nothing has to be. */
  #quiet: string | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(parts: DuplicatesParts) {
    this.#parts = parts
  }

  get all(): readonly Duplicate[] {
    return [...this.#found.values()]
  }

  start(): void {
    this.#after(LOOK_MS)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  /** Looks once, and acts. What nobody can say stays as it is. */
  async look(): Promise<void> {
    const { others, records } = this.#parts
    await others.refresh()
    const state = `${String(records.changes)} ${String(others.changes)}`
    if (state === this.#quiet) return
    const all = await this.#watched()
    this.#quiet = all.length === 0 && this.#found.size === 0 ? state : undefined
    const found = new Map<string, Duplicate>()
    for (const watched of all) {
      try {
        const duplicate = await this.#judge(watched)
        if (duplicate) found.set(watched.dst, duplicate)
      } catch (error) {
        if (!(error instanceof RoutedError)) throw error
        const before = this.#found.get(watched.dst)
        if (before) found.set(watched.dst, before)
      }
    }
    this.#tell(found)
    this.#found = found
  }

  #after(ms: number): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      const begin = performance.now()
      void this.look().then(() => {
        this.#after(Math.max(LOOK_MS, REST * (performance.now() - begin)))
      })
    }, ms).unref()
  }

  /** Own addresses that others announce, or that have given way to others. */
  async #watched(): Promise<readonly Watched[]> {
    const { records, others } = this.#parts
    const found: Watched[] = []
    await gently(
      records.all('endpoint'),
      (endpoint) => {
        const { sandbox, deleted, anycast, drain, delegate, yielded = [] } = endpoint
        if (!sandbox || deleted || anycast || drain || delegate) return
        for (const prefix of endpoint.addresses) {
          const address = addressOf(prefix)
          const dst = hostPrefix(address)
          const hasYielded = yielded.includes(address)
          if (hasYielded || others.has(dst)) found.push({ endpoint, address, dst, hasYielded })
        }
      },
      ENDPOINTS_PER_TURN
    )
    return found
  }

  async #judge({ endpoint, address, dst, hasYielded }: Watched): Promise<Duplicate | undefined> {
    const announcers = await this.#parts.announcersOf(dst)
    const others = announcers.filter(({ isOwn, isLeaving }) => !isOwn && !isLeaving)
    if (others.length === 0) {
      this.#doubts.delete(dst)
      if (hasYielded) await this.#comeBack(endpoint.id, address, dst)
      return undefined
    }
    this.#returns.delete(dst)
    // A block does not say that this address of it is in use: now it must be said, to be settled.
    if (endpoint.covered?.includes(address))
      await this.#parts.endpoints.change(endpoint.id, 'address announced by itself', uncovering(address))
    const mode = endpoint.duplicates ?? this.#parts.mode
    const own = announcers.filter(({ isOwn }) => isOwn)
    const seconds = (this.#parts.now().getTime() - Date.parse(endpoint.since)) / 1000
    const stronger = own.flatMap((one) =>
      others.flatMap((other) => {
        if (!yieldsTo(atMostFor(one, other, seconds), other, mode)) return []
        return [{ isInDoubt: mayBeWrong(one, other, mode) }]
      })
    )
    const isLost = stronger.some(({ isInDoubt }) => !isInDoubt || this.#isDecided(dst))
    if (isLost && !hasYielded)
      await this.#parts.endpoints.change(endpoint.id, 'address given up to another host', yielding(address))
    const by = others.map(({ router }) => router)
    return { endpoint: endpoint.id, address, by, isAnnounced: !isLost && !hasYielded }
  }

  #isDecided(dst: Prefix): boolean {
    const now = this.#parts.now().getTime()
    const until = this.#doubts.get(dst) ?? now + DOUBT_MS
    this.#doubts.set(dst, until)
    return now >= until
  }

  async #comeBack(id: string, address: Ip, dst: Prefix): Promise<void> {
    const now = performance.now()
    const at = this.#returns.get(dst) ?? now + RETURN_MS + this.#parts.random() * RETURN_SPREAD_MS
    this.#returns.set(dst, at)
    if (now < at) return
    this.#returns.delete(dst)
    await this.#parts.endpoints.change(id, 'address announced again', returning(address))
  }

  #tell(found: ReadonlyMap<string, Duplicate>): void {
    const { log } = this.#parts
    for (const [dst, { endpoint, address, by, isAnnounced }] of found) {
      if (this.#found.get(dst)?.isAnnounced === isAnnounced) continue
      log.error('address is on another host too', { endpoint, address, by, announced: isAnnounced })
    }
    for (const [dst, { endpoint, address }] of this.#found)
      if (!found.has(dst)) log.info('address is on one host only', { endpoint, address })
  }
}
