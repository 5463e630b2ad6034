/**
 * A process that stops after a given number of effects: what it did is there, what it would do next never happens. An
 * effect is one operation of the kernel or one write of the store.
 */
import type { Host, HostChange, HostFacts, Listener } from '../../src/host/host.js'
import type { HostObject, Kind, Op } from '../../src/host/objects.js'
import type { PolicyCounts } from '../../src/host/policies.js'
import type { KernelError } from '../../src/errors.js'
import type { AnyRecord, RecordKind } from '../../src/model/record.js'
import type { Loaded, Store } from '../../src/store/store.js'

export class Life {
  #effectsLeft = Number.POSITIVE_INFINITY
  #effects = 0
  #onDeath: () => void = () => undefined

  /** How many effects there were since `limit`, or ever. */
  get effects(): number {
    return this.#effects
  }

  /** Lets so many more effects happen. Resolves when the process stops. */
  limit(effects: number): Promise<void> {
    this.#effectsLeft = effects
    this.#effects = 0
    return new Promise((resolve) => {
      this.#onDeath = resolve
    })
  }

  async spend<T>(effect: () => Promise<T>): Promise<T> {
    if (this.#effectsLeft <= 0) {
      this.#onDeath()
      return new Promise<never>(() => undefined)
    }
    this.#effectsLeft--
    this.#effects++
    return effect()
  }
}

export class MortalHost implements Host {
  readonly #life: Life
  readonly #host: Host

  constructor(life: Life, host: Host) {
    this.#life = life
    this.#host = host
  }

  list(kinds?: readonly Kind[]): Promise<HostObject[]> {
    return this.#host.list(kinds)
  }

  async apply(ops: readonly Op[]): Promise<ReadonlyMap<string, KernelError>> {
    const failed = new Map<string, KernelError>()
    for (const op of ops) {
      for (const [key, error] of await this.#life.spend(() => this.#host.apply([op]))) failed.set(key, error)
    }
    return failed
  }

  facts(): Promise<HostFacts> {
    return this.#host.facts()
  }

  listeners(): Promise<readonly Listener[]> {
    return this.#host.listeners()
  }

  dropped(): Promise<ReadonlyMap<string, number>> {
    return this.#host.dropped()
  }

  policed(): Promise<ReadonlyMap<string, PolicyCounts>> {
    return this.#host.policed()
  }

  watch(onChange: (change: HostChange) => void): () => void {
    return this.#host.watch(onChange)
  }
}

export class MortalStore implements Store {
  readonly #life: Life
  readonly #store: Store

  constructor(life: Life, store: Store) {
    this.#life = life
    this.#store = store
  }

  load<K extends RecordKind>(kind: K): Promise<Loaded<K>> {
    return this.#store.load(kind)
  }

  put(kind: RecordKind, record: AnyRecord): Promise<void> {
    return this.#life.spend(() => this.#store.put(kind, record))
  }

  delete(kind: RecordKind, id: string): Promise<void> {
    return this.#life.spend(() => this.#store.delete(kind, id))
  }
}
