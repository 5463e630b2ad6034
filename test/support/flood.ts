/**
 * A network of routers with a link-state protocol, in simulated time: announcements are flooded over links that take their
 * time, and links can be cut. What is cut off keeps what it has, as routers do.
 */
export interface Entry {
  readonly router: number
  readonly sequence: number
  /** When it was announced, seconds. */
  readonly since: number
  readonly isWithdrawn: boolean
}

interface Link {
  readonly ends: readonly [number, number]
  readonly delayMs: number
  isUp: boolean
}

type Database = Map<string, Map<number, Entry>>

export class Flood {
  nowMs = 0
  readonly databases: readonly Database[]
  readonly #links: Link[] = []
  /** The next one is the last one. */
  readonly #events: { readonly atMs: number; readonly run: () => void }[] = []
  readonly #random: () => number

  /** A ring with chords. */
  constructor(routers: number, random: () => number) {
    this.#random = random
    this.databases = Array.from({ length: routers }, () => new Map())
    for (let router = 0; router < routers; router++) {
      this.#link(router, (router + 1) % routers)
      this.#link(router, Math.floor(random() * routers))
    }
  }

  after(ms: number, run: () => void): void {
    const atMs = this.nowMs + ms
    let [low, high] = [0, this.#events.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#events[middle]?.atMs ?? 0) > atMs) low = middle + 1
      else high = middle
    }
    this.#events.splice(low, 0, { atMs, run })
  }

  /** Runs everything that happens until then. */
  runUntil(endMs: number): void {
    for (;;) {
      const next = this.#events.at(-1)
      if (!next || next.atMs > endMs) break
      this.#events.pop()
      this.nowMs = next.atMs
      next.run()
    }
    this.nowMs = endMs
  }

  announce(router: number, dst: string, isWithdrawn = false): void {
    const known = this.databases[router]?.get(dst)?.get(router)
    const since = this.nowMs / 1000
    this.#receive(router, dst, { router, sequence: (known?.sequence ?? 0) + 1, since, isWithdrawn })
  }

  /** Who announces it, as a router knows it. */
  entriesOf(router: number, dst: string): Entry[] {
    return [...(this.databases[router]?.get(dst)?.values() ?? [])].filter(({ isWithdrawn }) => !isWithdrawn)
  }

  /** True if all neighbours have what the router announces. */
  isSpread(router: number, dst: string): boolean {
    const own = this.databases[router]?.get(dst)?.get(router)
    return this.#linksOf(router).every(({ to }) => {
      return this.databases[to]?.get(dst)?.get(router)?.sequence === own?.sequence
    })
  }

  /** Cuts all links between the first routers and the others. */
  cut(first: number): void {
    for (const link of this.#links) if (link.ends[0] < first !== link.ends[1] < first) link.isUp = false
  }

  /** Neighbours that see each other again tell each other all they have. */
  heal(): void {
    for (const link of this.#links.filter(({ isUp }) => !isUp)) {
      link.isUp = true
      const [a, b] = link.ends
      this.#tellAll(a, b, link.delayMs)
      this.#tellAll(b, a, link.delayMs)
    }
  }

  #tellAll(from: number, to: number, delayMs: number): void {
    for (const [dst, entries] of this.databases[from] ?? [])
      for (const entry of entries.values())
        this.after(delayMs, () => {
          this.#receive(to, dst, entry)
        })
  }

  #link(a: number, b: number): void {
    if (a !== b) this.#links.push({ ends: [a, b], delayMs: 1 + Math.floor(this.#random() * 50), isUp: true })
  }

  #linksOf(router: number): { to: number; delayMs: number }[] {
    return this.#links.flatMap(({ ends: [a, b], delayMs, isUp }) => {
      if (!isUp || (a !== router && b !== router)) return []
      return [{ to: a === router ? b : a, delayMs }]
    })
  }

  #receive(router: number, dst: string, entry: Entry): void {
    const database = this.databases[router]
    const known = database?.get(dst)?.get(entry.router)
    if (!database || (known && known.sequence >= entry.sequence)) return
    database.set(dst, (database.get(dst) ?? new Map<number, Entry>()).set(entry.router, entry))
    for (const { to, delayMs } of this.#linksOf(router))
      this.after(delayMs, () => {
        this.#receive(to, dst, entry)
      })
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
