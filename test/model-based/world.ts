/**
 * One host with a daemon that may be stopped after any effect, and everything that can go wrong around it. All chance comes
 * from a seed, so that a schedule that failed fails again.
 */
import { expect } from 'chai'
import type { Config } from '../../src/config.js'
import type { Daemon } from '../../src/daemon.js'
import { RoutedError } from '../../src/errors.js'
import { FakeHost } from '../../src/host/fake-host.js'
import type { Host } from '../../src/host/host.js'
import type { Answer } from '../../src/http.js'
import { MemoryStore } from '../../src/store/memory-store.js'
import { clock, snapshot, startOn } from '../support/daemon.js'
import { Life, MortalHost, MortalStore } from '../support/mortal.js'

/** What becomes of one call. `broken` = dockerd did not hear the answer, whatever was done. */
export type Outcome =
  | { readonly result: 'answered'; readonly body: object }
  | { readonly result: 'refused'; readonly message: string }
  | { readonly result: 'broken' }

type Handled =
  | { readonly result: 'done'; readonly answer: Answer }
  | { readonly result: 'failed'; readonly error: unknown }
  | { readonly result: 'dead' }

const ENDS = /Leave|Delete|Release|Revoke/

export class World {
  readonly host = new FakeHost()
  readonly store = new MemoryStore()
  readonly clock = clock()
  /** True as long as nothing went wrong that was not healed since: then everything must be exactly right. */
  isClean = true
  /** True if the store or the kernel ever refused something. */
  wasRefused = false
  /** True while calls are made side by side. */
  isParallel = false
  /** How many calls from now on an answer gets lost. */
  lostAnswer: number | undefined
  readonly #config: Partial<Config>
  #seed: number
  #daemon: Daemon | undefined
  #life = new Life()
  #death: Promise<void> = new Promise(() => undefined)
  #starting: Promise<void> | undefined

  constructor(config: Partial<Config>, seed: number) {
    this.#config = config
    this.#seed = seed
  }

  /** True if routing daemons are to read announcements. */
  get announces(): boolean {
    return this.#config.routing !== undefined
  }

  get daemon(): Daemon {
    if (!this.#daemon) throw new Error('no daemon runs')
    return this.#daemon
  }

  /** Starts a new process, and again if it dies on the way. */
  async start(effects = Number.POSITIVE_INFINITY): Promise<void> {
    this.stop()
    this.#life = new Life()
    this.#death = this.#life.limit(effects)
    const started = startOn({
      config: this.#config,
      host: new MortalHost(this.#life, withoutEvents(this.host)),
      store: new MortalStore(this.#life, this.store),
      now: this.clock.now
    })
    this.#daemon = await Promise.race([started, this.#death.then(() => undefined)])
    if (this.#daemon) this.#death = this.#life.limit(Number.POSITIVE_INFINITY)
    else await this.start()
  }

  stop(): void {
    void this.#daemon?.stop()
    this.#daemon = undefined
  }

  /** The process stops after so many more effects. */
  dieAfter(effects: number): void {
    this.isClean = false
    this.#death = this.#life.limit(effects)
  }

  /** Some writes, and some operations of the kernel, fail from now on: so many in a hundred. */
  fail(writes: number, operations: number): void {
    this.isClean = false
    this.wasRefused = true
    this.store.refuse = () => (this.chance(writes) ? 'no space left on device' : undefined)
    this.host.refuse = () => (this.chance(operations) ? 'EIO' : undefined)
  }

  repair(): void {
    this.store.refuse = () => undefined
    this.host.refuse = () => undefined
    this.lostAnswer = undefined
    this.#death = this.#life.limit(Number.POSITIVE_INFINITY)
  }

  /** One pass of the daemon's own maintenance; it may die in it, and what is refused is tried again by the next. */
  async upkeep(): Promise<void> {
    await this.#survive(this.daemon.upkeep())
  }

  /** What the daemon does after a kernel event. */
  async resync(): Promise<void> {
    await this.#survive(this.daemon.reconciler.resync())
  }

  /** The kernel event that the other end of a link is up, or is not. */
  async runs(link: string, isUp: boolean): Promise<void> {
    await this.#survive(this.#daemon?.reconciler.runs(link, isUp) ?? Promise.resolve())
  }

  /** A call of dockerd. Without a daemon it breaks. One that breaks is repeated without its body, as all versions do, and fails. */
  async call(method: string, body: object): Promise<Outcome> {
    if (!this.#daemon) return { result: 'broken' }
    const isQuiet = this.isClean && !this.isParallel && !ENDS.test(method)
    const before = isQuiet ? JSON.stringify(snapshot(this.#parts())) : ''
    const handled = await this.#handle(method, body)
    switch (handled.result) {
      case 'dead':
        await this.#restart()
        return this.#broken(method)
      case 'failed':
        if (!(handled.error instanceof RoutedError)) throw handled.error
        if (isQuiet)
          expect(
            JSON.stringify(snapshot(this.#parts())),
            `the error of ${method} changed something`
          ).to.equal(before)
        return { result: 'refused', message: handled.error.message }
      case 'done':
        return this.#deliver(method, handled.answer)
    }
  }

  /** True in so many of a hundred cases. */
  chance(percent: number): boolean {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0
    return (this.#seed >>> 8) % 100 < percent
  }

  async #deliver(method: string, answer: Answer): Promise<Outcome> {
    if (this.lostAnswer === undefined || this.lostAnswer-- > 0)
      return { result: 'answered', body: answer.body }
    this.lostAnswer = undefined
    this.isClean = false
    if (answer.undo) await this.#survive(answer.undo())
    return this.#broken(method)
  }

  async #broken(method: string): Promise<Outcome> {
    this.isClean = false
    if (!this.#daemon) return { result: 'broken' }
    const repeated = await this.#handle(method, undefined)
    if (repeated.result === 'dead') await this.#restart()
    expect(repeated.result, `${method} with an empty body`).to.not.equal('done')
    return { result: 'broken' }
  }

  #handle(method: string, body: object | undefined): Promise<Handled> {
    const handle = this.daemon.methods[method]
    if (!handle) throw new Error(`no method ${method}`)
    let work: Promise<Handled>
    try {
      work = handle(body).then(
        (answer): Handled => ({ result: 'done', answer }),
        (error: unknown): Handled => ({ result: 'failed', error })
      )
    } catch (error) {
      work = Promise.resolve({ result: 'failed', error })
    }
    return Promise.race([work, this.#death.then((): Handled => ({ result: 'dead' }))])
  }

  async #survive(work: Promise<unknown>): Promise<void> {
    const done = work.then(
      () => false,
      (error: unknown) => {
        if (error instanceof RoutedError) return false
        throw error
      }
    )
    const isDead = await Promise.race([done, this.#death.then(() => true)])
    if (isDead) await this.#restart()
  }

  /** Calls that die together find one new process. */
  async #restart(): Promise<void> {
    this.isClean = false
    this.#starting ??= this.start().finally(() => {
      this.#starting = undefined
    })
    await this.#starting
  }

  #parts(): { daemon: Daemon; host: FakeHost; store: MemoryStore } {
    return { daemon: this.daemon, host: this.host, store: this.store }
  }
}

/** Events are repaired after a while: here, when the schedule says so. */
function withoutEvents(host: FakeHost): Host {
  return {
    list: (kinds) => host.list(kinds),
    apply: (ops) => host.apply(ops),
    facts: () => host.facts(),
    listeners: () => host.listeners(),
    dropped: () => host.dropped(),
    policed: () => host.policed(),
    watch: () => () => undefined
  }
}
