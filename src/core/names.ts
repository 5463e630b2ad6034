/**
 * Addresses of DNS names in policies. To ask for a name's addresses is to begin to look it up; nobody waits for it, and a
 * name of which nothing is known has none. It is looked up again when its answer ends, as long as an endpoint has it. What
 * is known stays while DNS does not answer; a record of the name has it, for the next start.
 */
import { RoutedError, messageOf } from '../errors.js'
import type { Lookup } from '../host/lookup.js'
import type { Log } from '../log.js'
import { familyOf, parseIp } from '../model/ip.js'
import type { Ip } from '../model/ip.js'

interface Parts {
  readonly lookup: Lookup
  /** Ids of the endpoints that have the name. */
  readonly usersOf: (name: string) => readonly string[]
  /** Addresses have changed for these endpoints. */
  readonly changed: (endpointIds: readonly string[]) => Promise<void>
  /** What other starts knew of names. */
  readonly memory: NameMemory
  /** Does something after so many seconds; returns how not to. */
  readonly after?: (seconds: number, work: () => void) => () => void
  readonly log: Log
}

/** Where what is known outlives the daemon. */
export interface NameMemory {
  readonly all: () => readonly { readonly id: string; readonly addresses: readonly Ip[] }[]
  /** None = forget it. Never throws. */
  readonly keep: (name: string, addresses: readonly Ip[] | undefined) => Promise<void>
}

interface Name {
  readonly addressesByFamily: Map<4 | 6, readonly Ip[]>
  cancel?: () => void
  /** Why the last look-up had no answer. */
  err?: string | undefined
}

const SHORTEST_S = 5
const LONGEST_S = 3600
const RETRY_S = 5
/** Of one name and family: more are no service, but a mistake. */
const MAX_ADDRESSES = 256

export class Names {
  readonly #parts: Parts
  readonly #names = new Map<string, Name>()
  readonly #first = new Set<Promise<void>>()
  #hasBegun = false
  #failures = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Look-ups without an answer. */
  get failures(): number {
    return this.#failures
  }

  /** Names that DNS says nothing of, in words. */
  get warnings(): string[] {
    return [...this.#names.values()].flatMap(({ err, addressesByFamily }) => {
      const count = [...addressesByFamily.values()].flat().length
      const rest = count > 0 ? `its ${String(count)} addresses of before stay` : 'nothing is allowed for it'
      return err === undefined ? [] : [`${err}; ${rest}`]
    })
  }

  /** What is known now. */
  readonly addressesOf = (name: string): readonly Ip[] => {
    const known = this.#names.get(name)
    if (known) return [...known.addressesByFamily.values()].flat()
    const remembered = this.#parts.memory.all().find(({ id }) => id === name)?.addresses ?? []
    const fresh: Name = { addressesByFamily: byFamily(remembered) }
    this.#names.set(name, fresh)
    const first = this.#lookUp(name, fresh)
    this.#first.add(first)
    void first.finally(() => this.#first.delete(first))
    return remembered
  }

  /** Waits for the names asked for so far, so long at most. Changes are told from then on. False if there are none. */
  async begin(limitMs: number): Promise<boolean> {
    const hasNames = this.#names.size > 0
    if (hasNames) {
      let timer: NodeJS.Timeout | undefined
      const limit = new Promise((resolve) => (timer = setTimeout(resolve, limitMs)))
      await Promise.race([Promise.all(this.#first), limit])
      clearTimeout(timer)
    }
    this.#hasBegun = true
    return hasNames
  }

  /** After the start: remembers what is known by now, and nothing else. */
  async keep(): Promise<void> {
    for (const { id } of this.#parts.memory.all()) if (!this.#names.has(id)) await this.#keep(id)
    for (const name of this.#names.keys()) await this.#keep(name)
  }

  stop(): void {
    for (const { cancel } of this.#names.values()) cancel?.()
    this.#names.clear()
  }

  async #lookUp(name: string, known: Name): Promise<void> {
    const answers = await Promise.all(([4, 6] as const).map((family) => this.#ask(name, family, known)))
    if (this.#names.get(name) !== known) return
    const users = this.#parts.usersOf(name)
    if (this.#hasBegun && users.length === 0) {
      this.#names.delete(name)
      await this.#keep(name)
      return
    }
    this.#note(name, known, answers)
    const ttl = Math.min(...answers.map(({ ttl }) => ttl))
    const hasChanged = answers.some(({ changed }) => changed)
    if (hasChanged && this.#hasBegun) {
      await this.#parts.changed(users)
      await this.#keep(name)
    }
    if (this.#names.get(name) !== known) return
    const { after = afterSeconds } = this.#parts
    known.cancel = after(Math.min(Math.max(ttl, SHORTEST_S), LONGEST_S), () => void this.#lookUp(name, known))
  }

  #keep(name: string): Promise<void> {
    const known = [...(this.#names.get(name)?.addressesByFamily.values() ?? [])].flat()
    return this.#parts.memory.keep(name, known.length > 0 ? known : undefined)
  }

  async #ask(name: string, family: 4 | 6, { addressesByFamily }: Name): Promise<Outcome> {
    try {
      const { addresses, ttl } = await this.#parts.lookup(name, family)
      const found = [...new Set(addresses)].sort().slice(0, MAX_ADDRESSES)
      const changed = found.join() !== (addressesByFamily.get(family) ?? []).join()
      addressesByFamily.set(
        family,
        found.map((address) => parseIp(address))
      )
      return { changed, ttl }
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      this.#failures++
      return { changed: false, ttl: RETRY_S, err: messageOf(error) }
    }
  }

  /** Once when it begins, once when it ends. */
  #note(name: string, known: Name, answers: readonly Outcome[]): void {
    const err = answers.find((answer) => answer.err !== undefined)?.err
    if (err !== undefined && known.err === undefined)
      this.#parts.log.warn('DNS name cannot be looked up, what is known of it stays', { name, err })
    if (err === undefined && known.err !== undefined)
      this.#parts.log.info('DNS name is known again', { name })
    known.err = err
  }
}

function byFamily(addresses: readonly Ip[]): Map<4 | 6, readonly Ip[]> {
  return new Map(
    ([4, 6] as const).map((family) => [family, addresses.filter((ip) => familyOf(ip) === family)])
  )
}

function afterSeconds(seconds: number, work: () => void): () => void {
  const timer = setTimeout(work, seconds * 1000)
  return () => {
    clearTimeout(timer)
  }
}

interface Outcome {
  readonly changed: boolean
  /** Seconds. */
  readonly ttl: number
  readonly err?: string
}
