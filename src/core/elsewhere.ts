/**
 * Which addresses other hosts announce. The kernel cannot say: of an address of ours it knows our own route only, and a routing
 * daemon does not install a second one. zebra keeps what the protocols have told it.
 */
import { isHeard, showRoute } from '../host/zebra.js'
import type { OpenVty, VtySession } from '../host/vty.js'

export class Elsewhere {
  readonly #open: OpenVty
  #session: Promise<VtySession> | undefined

  constructor(open: OpenVty) {
    this.#open = open
  }

  /** Those of the given destinations, each one address. Throws UnavailableError or TimeoutError if zebra does not answer. */
  async of(destinations: readonly string[]): Promise<string[]> {
    const session = await this.#connect()
    const found: string[] = []
    for (const dst of destinations) {
      const { text } = await session.run(showRoute(dst))
      if (isHeard(text, dst)) found.push(dst)
    }
    return found
  }

  async close(): Promise<void> {
    const session = await this.#session?.catch(() => undefined)
    session?.close()
  }

  #connect(): Promise<VtySession> {
    this.#session ??= this.#opened()
    return this.#session
  }

  async #opened(): Promise<VtySession> {
    try {
      const session = await this.#open('zebra')
      void session.closed.then(() => {
        this.#session = undefined
      })
      return session
    } catch (error) {
      this.#session = undefined
      throw error
    }
  }
}
