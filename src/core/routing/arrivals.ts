/**
 * Containers whose address another host announces, while the engine sets them up here: they move, or several have the
 * address. Whoever is nearer sends to this host as soon as it announces, too, so it does that a moment after the link runs,
 * when the engine has set the container's routes. An address that nobody else has is announced before the link runs: packets
 * could go nowhere else, and an engine may start a container sooner than the routing daemons have told of it. A host that is
 * told of no other host's addresses, because it gets a default route only, cannot know: there the link is waited for.
 */
import { RoutedError } from '../../errors.js'
import type { HostObject } from '../../host/objects.js'
import type { Reconciler } from '../../host/reconciler.js'
import type { Log } from '../../log.js'

export interface ArrivalParts {
  readonly reconciler: Reconciler
  /** Which of these destinations other hosts announce, by themselves or by a block. Throws RoutedError if nobody can say. */
  readonly elsewhere: (destinations: readonly string[]) => Promise<readonly string[]>
  /** Whether it is told of addresses of other hosts at all. */
  readonly seesOthers: () => boolean
  readonly log: Log
}

interface Arrival {
  readonly destinations: readonly string[]
  isHeard: boolean
  runs: boolean
  timer?: NodeJS.Timeout
}

/** From the link on, an engine takes some milliseconds for the routes, on a busy host some hundred. The other host serves. */
const SETUP_MS = 1_000
/** Where no event tells that the link runs. */
const PATIENCE_MS = 15_000

export class Arrivals {
  readonly #parts: ArrivalParts
  readonly #arrivals = new Map<string, Arrival>()
  #asked: string[] = []
  #asking = false

  constructor(parts: ArrivalParts) {
    this.#parts = parts
  }

  /** Before the objects of an endpoint that joins are wanted. Returns at once. */
  expect(objects: readonly HostObject[]): void {
    const announced = objects.flatMap((object) => (object.kind === 'announcement' ? [object] : []))
    const link = announced[0]?.of
    if (link === undefined) return
    this.#end(link)
    this.#arrivals.set(link, { destinations: announced.map(({ dst }) => dst), isHeard: false, runs: false })
    this.#parts.reconciler.pause(link)
    this.#asked.push(link)
    if (!this.#asking) void this.#ask()
  }

  /** A link runs. */
  runs(link: string): void {
    const arrival = this.#arrivals.get(link)
    if (!arrival || arrival.runs) return
    arrival.runs = true
    if (arrival.isHeard) this.#resumeAfter(link, SETUP_MS)
  }

  stop(): void {
    for (const link of this.#arrivals.keys()) this.#end(link)
  }

  /** One question for all that have come meanwhile. */
  async #ask(): Promise<void> {
    this.#asking = true
    while (this.#asked.length > 0) {
      const links = this.#asked
      this.#asked = []
      const heard = await this.#heard(links.flatMap((link) => this.#destinationsOf(link)))
      for (const link of links) {
        const arrival = this.#arrivals.get(link)
        if (!arrival) continue
        arrival.isHeard = arrival.destinations.some((dst) => heard?.has(dst))
        if (arrival.isHeard) this.#resumeAfter(link, arrival.runs ? SETUP_MS : PATIENCE_MS)
        else this.#resume(link, heard !== undefined && this.#parts.seesOthers())
      }
    }
    this.#asking = false
  }

  /** Undefined if nobody can say. */
  async #heard(destinations: readonly string[]): Promise<ReadonlySet<string> | undefined> {
    try {
      return new Set(await this.#parts.elsewhere(destinations))
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      this.#parts.log.debug('nobody can say whether others announce what arrives', { err: error.message })
      return undefined
    }
  }

  #destinationsOf(link: string): readonly string[] {
    return this.#arrivals.get(link)?.destinations ?? []
  }

  #resumeAfter(link: string, ms: number): void {
    const arrival = this.#arrivals.get(link)
    if (!arrival) return
    clearTimeout(arrival.timer)
    arrival.timer = setTimeout(() => {
      this.#resume(link)
    }, ms).unref()
  }

  #resume(link: string, early = false): void {
    this.#end(link)
    void this.#parts.reconciler.resume(link, { early })
  }

  #end(link: string): void {
    clearTimeout(this.#arrivals.get(link)?.timer)
    this.#arrivals.delete(link)
  }
}
