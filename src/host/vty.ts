/**
 * Door to the routing daemons: a command, and what it prints. There are two: the daemons' own sockets (linux/vty.ts) and
 * FakeVty, held to the same contract (test/contract/vty-contract.ts).
 */
export interface VtyAnswer {
  readonly text: string
  /** 0 = done; anything else is a refusal, whose reason is in the text. */
  readonly status: number
}

/** A session with one daemon, in the mode that its last command left it in; at first `enable`. */
export interface VtySession {
  /** One command after the other, however they are called. Throws UnavailableError or TimeoutError, and is over then. */
  run(command: string): Promise<VtyAnswer>
  /** Resolves when the session is over: closed by us, or because the daemon has ended. */
  readonly closed: Promise<void>
  close(): void
}

/** Opens a session with the daemon of that name, `ospfd`. Throws UnavailableError that says what stands in the way. */
export type OpenVty = (daemon: string) => Promise<VtySession>
