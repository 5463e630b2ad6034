/**
 * Runs work on one thing one after the other, and work on different things side by side. Invariant: for each key at most
 * one piece of work is under way, in the order of the calls; a failure of one does not touch the next.
 */
export class Exclusive {
  readonly #tails = new Map<string, Promise<unknown>>()

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    const result = before.then(work, work)
    this.#tails.set(key, result)
    try {
      return await result
    } finally {
      if (this.#tails.get(key) === result) this.#tails.delete(key)
    }
  }
}
