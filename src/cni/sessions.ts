/**
 * Commands that need a delegate run for them. A delegate must run where the runtime has called us, with its environment,
 * so the executable runs it: the command waits in the daemon, the executable is told what to run, and comes back with the
 * result under a ticket. Invariants: one session for each attachment, a new one ends the old one, because a runtime that
 * calls again has given up the former call; whatever is waited for has a deadline.
 */
import { randomUUID } from 'node:crypto'
import { NotFoundError, TimeoutError } from '../errors.js'

/** A delegate for the executable to run. */
export interface DelegateCall {
  /** Its file's name in CNI_PATH. */
  readonly type: string
  /** Replaces variables of the environment that the runtime has given. */
  readonly env: Readonly<Record<string, string>>
  readonly input: string
}

/** What became of it. */
export interface DelegateResult {
  /** Exit code; -1 = it could not be run, and `output` says why. */
  readonly exit: number
  readonly output: string
}

export type RunDelegate = (call: DelegateCall) => Promise<DelegateResult>

/** What the executable prints and ends with. */
export interface Outcome {
  readonly exit: number
  readonly output: string
  /** What to do if nobody is there any more to read it. */
  readonly undo?: () => Promise<void>
}

/** What the executable does next. */
export type Turn =
  | { readonly kind: 'run'; readonly ticket: string; readonly call: DelegateCall }
  | { readonly kind: 'print'; readonly outcome: Outcome }

/** DHCP servers are slow; runtimes give up after some minutes. */
const DELEGATE_LIMIT_MS = 120_000

export class Sessions {
  readonly #byTicket = new Map<string, Session>()
  readonly #byKey = new Map<string, Session>()

  /** Begins a command. `key`: what it is about; at most one command is under way for it. */
  begin(key: string, command: (run: RunDelegate) => Promise<Outcome>): Promise<Turn> {
    this.#byKey.get(key)?.abort(`another command for ${key} has come`)
    const session = new Session()
    this.#byKey.set(key, session)
    this.#byTicket.set(session.ticket, session)
    const forget = (): void => {
      this.#byTicket.delete(session.ticket)
      if (this.#byKey.get(key) === session) this.#byKey.delete(key)
    }
    command((call) => session.run(call)).then(
      (outcome) => {
        forget()
        session.turn.resolve({ kind: 'print', outcome })
      },
      (error: unknown) => {
        forget()
        session.turn.reject(error)
      }
    )
    return session.turn.promise
  }

  /** Goes on with the result of the delegate. Throws NotFoundError for a command that is over. */
  async resume(ticket: string, result: DelegateResult): Promise<Turn> {
    const session = this.#byTicket.get(ticket)
    if (!session)
      throw new NotFoundError(
        'the command is not known any more: net-routed was restarted, or it took too long'
      )
    return session.resume(result)
  }

  /** The executable is gone. */
  abort(ticket: string): void {
    this.#byTicket.get(ticket)?.abort('the caller has gone')
  }
}

class Session {
  readonly ticket = randomUUID()
  /** What the executable waits for. */
  turn = deferred<Turn>()
  /** What the command waits for. */
  #result: Deferred<DelegateResult> | undefined
  #aborted: string | undefined

  async run(call: DelegateCall): Promise<DelegateResult> {
    if (this.#aborted !== undefined) throw new TimeoutError(`cannot run ${call.type}: ${this.#aborted}`)
    const result = deferred<DelegateResult>()
    this.#result = result
    const timer = setTimeout(() => {
      this.abort(`nothing was heard of it for ${String(DELEGATE_LIMIT_MS / 1000)} s`)
    }, DELEGATE_LIMIT_MS)
    timer.unref()
    this.turn.resolve({ kind: 'run', ticket: this.ticket, call })
    try {
      return await result.promise
    } finally {
      clearTimeout(timer)
    }
  }

  resume(result: DelegateResult): Promise<Turn> {
    this.turn = deferred()
    this.#result?.resolve(result)
    return this.turn.promise
  }

  abort(why: string): void {
    this.#aborted = why
    this.#result?.reject(new TimeoutError(`no result of a delegate: ${why}`))
  }
}

/** A promise that somebody else settles. */
interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  if (!settle) throw new Error('a promise runs its executor at once')
  return { promise, ...settle }
}
