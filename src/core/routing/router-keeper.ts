/**
 * Keeps one routing daemon's configuration as wanted. Beside the reconciler of the kernel, not in it: a routing daemon may
 * be slow, away or stopped, and a container must never wait for it.
 *
 * Invariants: one pass at a time; a pass reads what runs, remembers what it is about to write, writes the difference, and
 * reads again, because a daemon may refuse a line without saying so; the record holds all that is ours and not ours by
 * name, at any moment, so that a crash leaves nothing that nobody knows.
 */
import { RoutedError, messageOf } from '../../errors.js'
import { commandsOf, conflictText, differenceText, routerDifference } from '../../host/router-difference.js'
import type { RouterDifference } from '../../host/router-difference.js'
import { givingLines } from '../../host/router-learnt.js'
import { keyOfLine, masked, maskedLine, parseRunning } from '../../host/router-lines.js'
import type { Line, RouterDaemon, WantedLine } from '../../host/router-lines.js'
import type { OpenVty, VtySession } from '../../host/vty.js'
import type { Log } from '../../log.js'
import type { Router } from '../../model/router.js'

/** A daemon that has just started reads its own file first; what we write meanwhile might be overwritten. */
const SETTLE_MS = 400
const FIRST_RETRY_MS = 100
/** Nothing tells of a change that somebody else makes. Asking costs the daemon half a millisecond. */
const CHECK_MS = 5_000
const LAST_RETRY_MS = 1_000

export interface KeeperParts {
  readonly daemon: RouterDaemon
  readonly open: OpenVty
  readonly log: Log
  /** What should be there now; empty = nothing of ours. */
  readonly wanted: () => readonly WantedLine[]
  /** False = it may be away. */
  readonly isNeeded: () => boolean
  readonly written: () => Router | undefined
  readonly remember: (daemon: RouterDaemon, lines: readonly Line[]) => Promise<void>
  readonly forget: (daemon: RouterDaemon) => Promise<void>
}

export interface RouterState {
  readonly daemon: RouterDaemon
  /** `kept`: as wanted; `faulty`: something is refused; `absent`: it does not answer; `idle`: nothing of ours is wanted. */
  readonly state: 'kept' | 'faulty' | 'absent' | 'idle'
  readonly faults: readonly { readonly key: string; readonly error: string }[]
}

export class RouterKeeper {
  readonly counters = { passes: 0, commands: 0, repairs: 0 }
  readonly #parts: KeeperParts
  #session: VtySession | undefined
  #faults = new Map<string, string>()
  #absent: string | undefined
  #tail: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #retryMs = FIRST_RETRY_MS
  #stopped = false
  /** It has just been started: when a session opens after there was none, or after one has ended. */
  #isFresh = false
  /** What was wanted at the last pass that left no gap: a gap for the same is somebody else's doing. */
  #kept: string | undefined

  constructor(parts: KeeperParts) {
    this.#parts = parts
  }

  get state(): RouterState {
    const { daemon } = this.#parts
    const faults = [...this.#faults].map(([key, error]) => ({ key, error }))
    if (this.#isIdle()) return { daemon, state: 'idle', faults: [] }
    if (this.#absent !== undefined) {
      const isFault = this.#parts.isNeeded()
      return {
        daemon,
        state: 'absent',
        faults: isFault ? [{ key: `routing ${daemon}`, error: this.#absent }] : []
      }
    }
    return { daemon, state: faults.length > 0 ? 'faulty' : 'kept', faults }
  }

  /** Closes the gap as of now. Never throws: see `state`. Calls during a pass share the next one. */
  settle(): Promise<void> {
    this.#next ??= this.#tail.then(() => {
      this.#next = undefined
      return this.#attempt()
    })
    this.#tail = this.#next
    return this.#next
  }

  /** Takes our redistribution back and writes it again, so that the daemon asks zebra for routes. */
  renew(): Promise<void> {
    return this.#afterwards((session) => this.#renew(session))
  }

  /** Has the daemon give zebra again what it has learnt of others. */
  giveAgain(): Promise<void> {
    return this.#afterwards((session) => this.#giveAgain(session))
  }

  /** Lines stay as they are. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#session?.close()
  }

  async #attempt(): Promise<void> {
    if (this.#stopped || this.#isIdle()) return
    clearTimeout(this.#timer)
    try {
      await this.#pass(await this.#connect())
      this.#retryMs = FIRST_RETRY_MS
      if (this.#absent !== undefined)
        this.#parts.log.info('routing daemon answers', { daemon: this.#parts.daemon })
      this.#absent = undefined
      this.#after(CHECK_MS)
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      this.#session?.close()
      this.#session = undefined
      this.#noteAbsent(messageOf(error))
      this.#after(this.#retryMs)
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS)
    }
  }

  async #connect(): Promise<VtySession> {
    if (this.#session) return this.#session
    const session = await this.#parts.open(this.#parts.daemon)
    this.#session = session
    void session.closed.then(() => {
      if (this.#session !== session) return
      this.#session = undefined
      this.#isFresh = true
      this.#kept = undefined
      if (!this.#stopped) this.#after(FIRST_RETRY_MS)
    })
    if (this.#isFresh) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    this.#isFresh = false
    return session
  }

  async #pass(session: VtySession): Promise<void> {
    this.counters.passes++
    const wanted = this.#parts.wanted()
    let gap = routerDifference(wanted, await running(session), this.#written())
    const said = new Map<string, string>()
    if (gap.add.length + gap.remove.length > 0) {
      this.#tell(gap, wanted)
      await this.#remember(gap.ours)
      await this.#write(session, gap, said)
      gap = routerDifference(wanted, await running(session), this.#written())
    }
    if (wanted.length === 0 && gap.remove.length === 0) await this.#parts.forget(this.#parts.daemon)
    else await this.#remember(gap.ours)
    this.#noteFaults(faultsOf(this.#parts.daemon, gap, said))
    this.#kept = gap.add.length + gap.remove.length === 0 ? keyOfWanted(wanted) : undefined
  }

  /** Never throws: who has gone meanwhile asks when it is back. */
  #afterwards(work: (session: VtySession) => Promise<void>): Promise<void> {
    this.#tail = this.#tail.then(async () => {
      try {
        if (this.#session) await work(this.#session)
      } catch (error) {
        if (!(error instanceof RoutedError)) throw error
      }
    })
    return this.#tail
  }

  async #renew(session: VtySession): Promise<void> {
    const { daemon, wanted, log } = this.#parts
    const present = new Set((await running(session)).map(keyOfLine))
    const lines = wanted().filter((line) => isRedistribution(line) && present.has(keyOfLine(line)))
    if (lines.length === 0) return
    log.warn('routing daemon has lost zebra, asks for routes again', { daemon })
    await this.#write(session, { remove: lines, add: lines }, new Map())
  }

  async #giveAgain(session: VtySession): Promise<void> {
    const { daemon, log } = this.#parts
    const lines = await running(session)
    log.warn('routing daemon has lost zebra, gives routes again', { daemon })
    for (const line of givingLines(daemon, lines)) {
      const isThere = lines.includes(line)
      await this.#write(session, { add: isThere ? [] : [line], remove: isThere ? [line] : [] }, new Map())
      await this.#write(session, { add: isThere ? [line] : [], remove: isThere ? [] : [line] }, new Map())
    }
  }

  async #write(
    session: VtySession,
    gap: Pick<RouterDifference, 'add' | 'remove'>,
    said: Map<string, string>
  ): Promise<void> {
    for (const { text, line } of commandsOf(gap)) {
      const answer = await session.run(text)
      this.counters.commands++
      if (answer.status !== 0 && !said.has(keyOfLine(line))) said.set(keyOfLine(line), answer.text)
    }
  }

  #tell(gap: RouterDifference, wanted: readonly WantedLine[]): void {
    const { daemon, log } = this.#parts
    const change = differenceText(gap)
    if (this.#kept === keyOfWanted(wanted)) {
      this.counters.repairs++
      log.warn('routing daemon differs, repaired', { daemon, change })
    } else log.info('routing daemon configured', { daemon, lines: change.length })
  }

  async #remember(ours: readonly Line[]): Promise<void> {
    const lines = ours.map(maskedLine)
    const known = this.#parts.written()
    if (known && sameLines(known.lines, lines)) return
    await this.#parts.remember(this.#parts.daemon, lines)
  }

  #written(): readonly Line[] {
    return this.#parts.written()?.lines ?? []
  }

  /** Nothing is wanted and nothing of ours is there: it is not even asked. */
  #isIdle(): boolean {
    return this.#parts.wanted().length === 0 && this.#parts.written() === undefined
  }

  #after(ms: number): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.settle(), ms)
    this.#timer.unref()
  }

  #noteAbsent(reason: string): void {
    const { daemon, log, isNeeded } = this.#parts
    if (this.#absent === undefined && isNeeded())
      log.error('fault', { key: `routing ${daemon}`, err: reason })
    this.#absent = reason
    this.#isFresh = true
    this.#kept = undefined
  }

  #noteFaults(faults: Map<string, string>): void {
    const { log } = this.#parts
    for (const [key, err] of faults) if (this.#faults.get(key) !== err) log.error('fault', { key, err })
    for (const key of this.#faults.keys()) if (!faults.has(key)) log.info('fault cleared', { key })
    this.#faults = faults
  }
}

async function running(session: VtySession): Promise<Line[]> {
  const { text } = await session.run('show running-config')
  return parseRunning(text)
}

/** By what the daemon still has or has not, not by what it answered. */
function faultsOf(
  daemon: RouterDaemon,
  gap: RouterDifference,
  said: Map<string, string>
): Map<string, string> {
  const faults = new Map<string, string>()
  const note = (line: Line, error: string): void => {
    faults.set(`routing ${daemon}: ${keyOfLine(maskedLine(line))}`, error)
  }
  for (const conflict of gap.conflicts) note(conflict.line, conflictText(conflict))
  for (const line of gap.add) note(line, `not taken${reasonIn(line, said)}`)
  for (const line of gap.remove) note(line, `does not go${reasonIn(line, said)}`)
  return faults
}

/** The daemon's own words, which may repeat the command. */
function reasonIn(line: Line, said: ReadonlyMap<string, string>): string {
  const words = said
    .get(keyOfLine(line))
    ?.replaceAll(line.text, masked(line.text))
    .replaceAll(/\s+/g, ' ')
    .trim()
  return words ? `: ${words}` : ', without a word'
}

function isRedistribution({ text }: Line): boolean {
  return text.startsWith('redistribute ')
}

function sameLines(a: readonly Line[], b: readonly Line[]): boolean {
  return a.length === b.length && a.every((line, index) => keyOfLine(line) === keyOfLine(b[index] ?? line))
}

function keyOfWanted(wanted: readonly WantedLine[]): string {
  return wanted.map(keyOfLine).join('\n')
}
