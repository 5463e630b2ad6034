/**
 * What waits for links whose other end is not up yet, and what kernel events have said about that since the last pass. The
 * reconciler takes it in at the beginning of a pass: what a listing says may be older than an event.
 */
export class Starts {
  readonly #keysByLink = new Map<string, Set<string>>()
  readonly #paused = new Set<string>()
  readonly #early = new Set<string>()
  #told = new Map<string, boolean>()

  wait(link: string, key: string): void {
    const keys = this.#keysByLink.get(link)
    if (keys) keys.add(key)
    else this.#keysByLink.set(link, new Set([key]))
  }

  /** What belongs to the link waits even if it runs, until `resume`. */
  pause(link: string): void {
    this.#paused.add(link)
    this.#early.delete(link)
  }

  /** What belongs to the link need not wait, if that is so. */
  isReady(link: string, runs: boolean): boolean {
    return this.#early.has(link) || (runs && !this.#paused.has(link))
  }

  /** `early`: nothing waits for the link to run. Returns the keys that have waited. */
  resume(link: string, early: boolean): readonly string[] {
    this.#paused.delete(link)
    if (early) this.#early.add(link)
    return [...(this.#keysByLink.get(link) ?? [])]
  }

  /** The link is not wanted any more. */
  forget(link: string): void {
    this.#keysByLink.delete(link)
    this.#paused.delete(link)
    this.#early.delete(link)
  }

  /** The other end of a link is up, or is not, which may be known. True if something waits for it. */
  tell(link: string, runs: boolean, isKnown: boolean): boolean {
    const isAwaited = runs && this.#keysByLink.has(link)
    if (!isKnown || isAwaited) this.#told.set(link, runs)
    return isAwaited
  }

  /** What was told since the last call, and the keys that wait no longer. */
  take(): { readonly told: ReadonlyMap<string, boolean>; readonly keys: readonly string[] } {
    const told = this.#told
    this.#told = new Map()
    const keys = [...told].flatMap(([link, runs]) => (runs ? [...(this.#keysByLink.get(link) ?? [])] : []))
    for (const [link, runs] of told) if (runs) this.#keysByLink.delete(link)
    return { told, keys }
  }
}
