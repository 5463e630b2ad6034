/** Work that must not overlap: each begins when the one before has ended, however that ended. */
export class Turns {
  #tail: Promise<unknown> = Promise.resolve()

  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work)
    // A failure is its caller's; the next one starts anew.
    this.#tail = turn.catch(() => undefined)
    return turn
  }
}
