/** Sessions with the routing daemons that stay open, for those who ask often. A daemon that is away is asked anew each time. */
import type { OpenVty, VtySession } from '../../host/vty.js'

export class RouterSessions {
  readonly #open: OpenVty
  readonly #sessions = new Map<string, Promise<VtySession>>()

  constructor(open: OpenVty) {
    this.#open = open
  }

  /** What the daemon prints. Throws UnavailableError or TimeoutError; the next command opens a new session then. */
  async ask(daemon: string, command: string): Promise<string> {
    const opening = this.#sessions.get(daemon) ?? this.#begin(daemon)
    try {
      return (await (await opening).run(command)).text
    } catch (error) {
      if (this.#sessions.get(daemon) === opening) this.#sessions.delete(daemon)
      throw error
    }
  }

  close(): void {
    for (const opening of this.#sessions.values())
      opening.then(
        (session) => {
          session.close()
        },
        () => undefined
      )
    this.#sessions.clear()
  }

  #begin(daemon: string): Promise<VtySession> {
    const opening = this.#open(daemon)
    this.#sessions.set(daemon, opening)
    opening.then(
      ({ closed }) =>
        void closed.then(() => {
          if (this.#sessions.get(daemon) === opening) this.#sessions.delete(daemon)
        }),
      () => undefined
    )
    return opening
  }
}
