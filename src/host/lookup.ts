/** What DNS says about a name. */
export interface LookupAnswer {
  /** Canonical text; none = the name has no address of that family. */
  readonly addresses: readonly string[]
  /** Until when it may be believed, in seconds. */
  readonly ttl: number
}

/** Asks DNS. Throws UnavailableError if there is no answer, or none that is of use. */
export type Lookup = (name: string, family: 4 | 6) => Promise<LookupAnswer>
