/**
 * The only writer to the kernel of one namespace. It knows what should be there (`want`), remembers what is there, and
 * closes the gap in passes.
 *
 * Invariants: one pass at a time; `settle` resolves after a pass that began after the call, so that callers who arrive
 * during a pass share the next one, like group commit; a pass looks only at keys that were touched, so its cost does not
 * depend on how much else is there; what could not be applied is read again before it is tried again. A sweep reads and
 * compares while passes go on, and the event loop too; what passes touch meanwhile is newer than what it has read.
 */
import { messageOf } from '../errors.js'
import type { KernelError } from '../errors.js'
import type { Log } from '../log.js'
import { diff, isDone } from './diff.js'
import { gently } from './gently.js'
import type { Host, HostChange } from './host.js'
import { Known } from './known.js'
import { keyOf, linkOf, satisfies } from './objects.js'
import type { HostObject, Kind, Op } from './objects.js'
import { isNeededBy, pick } from './remembered.js'
import { newCounters, tellRepairs } from './counters.js'
import type { ReconcilerCounters } from './counters.js'
import { Starts } from './starts.js'
import { Turns } from './turns.js'

const MAX_ROUNDS = 3

/** Why a key is not as desired, since the last pass that touched it. */
export type Faults = ReadonlyMap<string, KernelError>

export type Objects = ReadonlyMap<string, HostObject>

export class Reconciler {
  readonly counters: ReconcilerCounters = newCounters()
  readonly #host: Host
  readonly #log: Log
  readonly #desired = new Map<string, HostObject>()
  readonly #known = new Known()
  readonly #faults = new Map<string, KernelError>()
  #lost = new Set<string>()
  #orphans: ReadonlySet<string> = new Set<string>()
  #dirty = new Set<string>()
  readonly #starts = new Starts()
  readonly #turns = new Turns()
  readonly #sweeps = new Turns()
  #next: Promise<void> | undefined

  constructor(host: Host, log: Log) {
    this.#host = host
    this.#log = log
  }

  get faults(): Faults {
    return this.#faults
  }

  /** Links of which the other end is gone: their container is dead. */
  get lost(): ReadonlySet<string> {
    return this.#lost
  }

  /** Links that containers use, and that no record knows. */
  get orphans(): ReadonlySet<string> {
    return this.#orphans
  }

  /** Changes what should be there. Nothing happens until `settle`. An object in both lists stays, as in `add`. */
  want(drop: readonly HostObject[], add: Iterable<HostObject>): void {
    for (const object of drop) this.#set(keyOf(object), undefined)
    for (const object of add) this.#set(keyOf(object), object)
    for (const object of drop)
      if (object.kind === 'link' && !this.#desired.has(keyOf(object))) this.#starts.forget(object.name)
  }

  /** Changes how objects should be that are wanted already; others are left out. */
  adjust(objects: Iterable<HostObject>): void {
    for (const object of objects) if (this.#desired.has(keyOf(object))) this.#set(keyOf(object), object)
  }

  /** Closes the gap for everything that was wanted before the call. Never throws: see `faults`. */
  settle(): Promise<void> {
    this.#next ??= this.#turns.take(() => {
      this.#next = undefined
      return this.#pass()
    })
    return this.#next
  }

  /** Reads what is there and repairs what differs, of all kinds or of these. False if it could not be read. */
  resync(kinds?: readonly Kind[]): Promise<boolean> {
    return this.#sweeps.take(async () => {
      const begin = performance.now()
      const done = await this.#sweep(kinds)
      this.counters.sweepSeconds += (performance.now() - begin) / 1000
      return done
    })
  }

  /** Between two passes, does what leaves everything as it is. What is refused is left to the next sweep. */
  async retell(opsOf: (desired: Objects, actual: Objects) => readonly Op[]): Promise<void> {
    await this.#turns.take(async () => {
      const ops = opsOf(this.#desired, this.#known.objects)
      this.counters.operations += ops.length
      this.#known.touch(ops)
      if (ops.length > 0) await this.#host.apply(ops)
    })
  }

  /** Links whose other end is where they were made, at the last sweep: no container has it. */
  idleLinks(): ReadonlySet<string> {
    const found = [...this.#known.objects.values()]
    return new Set(found.flatMap((object) => (object.kind === 'link' && !object.inUse ? [object.name] : [])))
  }

  /** The other end of a link is up, or is not: what has waited for that is made. Costs nothing where it is no news. */
  async runs(name: string, isUp = true): Promise<void> {
    const isKnown = (this.#known.findLink(name)?.runs === true) === isUp
    if (this.#starts.tell(name, isUp, isKnown)) await this.settle()
  }

  /** True if the object was there at the last look. */
  has(key: string): boolean {
    return this.#known.objects.has(key)
  }

  /** What waits for the link to run waits on, until `resume`. */
  pause(name: string): void {
    this.#starts.pause(name)
  }

  /** `early`: it need not run for that, it has to be there only. */
  async resume(name: string, { early = false } = {}): Promise<void> {
    const keys = this.#starts.resume(name, early)
    for (const key of keys) this.#dirty.add(key)
    if (keys.length > 0) await this.settle()
  }

  /** Removes a link that nothing wants, with what lives on it. */
  async remove(link: string): Promise<void> {
    const objects = [...this.#known.objects.values()].filter(
      (object) => keyOf(object) === `link ${link}` || linkOf(object) === link
    )
    this.want(objects, [])
    await this.settle()
    this.#orphans = new Set([...this.#orphans].filter((name) => name !== link))
  }

  /** True if the event is news: it contradicts what should be there. */
  concerns(change: HostChange): boolean {
    if (change.key === undefined) return change.kind !== 'firewall' || this.#wantsFirewall()
    const desired = this.#desired.get(change.key)
    if (!desired) return false
    return change.gone || (change.object !== undefined && !satisfies(desired, change.object))
  }

  #wantsFirewall(): boolean {
    return this.#desired.has('firewall 4') || this.#desired.has('firewall 6')
  }

  #set(key: string, object: HostObject | undefined): void {
    if (object) this.#desired.set(key, object)
    else this.#desired.delete(key)
    this.#dirty.add(key)
  }

  #noteStarts(): void {
    const { told, keys } = this.#starts.take()
    for (const [name, isUp] of told) this.#known.tell(name, isUp)
    for (const key of keys) this.#dirty.add(key)
  }

  async #pass(): Promise<void> {
    this.#noteStarts()
    const keys = this.#dirty
    this.#dirty = new Set()
    this.counters.passes++
    for (let round = 1; keys.size > 0; round++) {
      const failed = await this.#apply(this.#difference(keys))
      this.#remember(keys, failed)
      if (failed.size === 0 || round === MAX_ROUNDS || !(await this.#known.reread(() => this.#list()))) return
      // What was refused may need something that somebody else has taken away.
      for (const key of this.#desired.keys()) keys.add(key)
    }
  }

  /** Undefined where the kernel could not say; the next sweep asks again. */
  async #list(kinds?: readonly Kind[]): Promise<readonly HostObject[] | undefined> {
    try {
      return await this.#host.list(kinds)
    } catch (error) {
      this.#log.warn('cannot read what is there, will be tried again', { err: messageOf(error) })
      return undefined
    }
  }

  async #sweep(kinds?: readonly Kind[]): Promise<boolean> {
    this.counters.sweeps++
    const alone = (work: () => void): Promise<void> =>
      this.#turns.take(() => {
        work()
        return Promise.resolve()
      })
    if (!(await this.#known.readBeside(() => this.#list(kinds), alone, kinds))) return false
    const different = await this.#different()
    await this.#turns.take(() => this.#repair(different))
    return true
  }

  /** Keys of which something may have to be done. Passes go on meanwhile, so each has to be looked at again. */
  async #different(): Promise<Set<string>> {
    const exists = (name: string): boolean => this.#known.findLink(name) !== undefined
    const keys = new Set([...this.#faults.keys(), ...[...this.#lost].map((name) => `link ${name}`)])
    await gently(this.#desired, ([key, object]) => {
      if (!isDone(object, this.#known.objects.get(key), exists)) keys.add(key)
    })
    await gently(this.#known.objects, ([key]) => {
      if (!this.#desired.has(key)) keys.add(key)
    })
    return keys
  }

  async #repair(keys: Set<string>): Promise<void> {
    const asked = this.#dirty
    for (const key of asked) keys.add(key)
    const ops = this.#withoutOrphans(this.#difference(keys))
    this.#noteRepairs(ops)
    this.#dirty = new Set()
    const failed = await this.#apply(ops)
    this.#remember(keys, failed)
    for (const key of asked) if (failed.has(key)) this.#dirty.add(key)
  }

  /** What nobody asked for, once: what is refused again and again is a fault. */
  #noteRepairs(ops: readonly Op[]): void {
    const isNews = (key: string): boolean => !this.#dirty.has(key) && !this.#faults.has(key)
    const repairs = ops.filter(({ object }) => isNews(keyOf(object)))
    tellRepairs(repairs, this.counters.repairs, this.#log)
  }

  /**
   * A link that a container uses and no record wants is one whose record was lost. Removing it would cut off the container
   * for a mistake of ours, so it stays, with what lives on it, until its endpoint is deleted.
   */
  #withoutOrphans(ops: readonly Op[]): readonly Op[] {
    const orphans = new Set<string>()
    for (const { verb, object } of ops) {
      const isUnasked = !this.#dirty.has(keyOf(object)) && !this.#faults.has(keyOf(object))
      if (verb === 'delete' && object.kind === 'link' && object.inUse && isUnasked) orphans.add(object.name)
    }
    for (const name of orphans) {
      if (!this.#orphans.has(name))
        this.#log.warn('link of an unknown endpoint is in use, it is left alone', { link: name })
    }
    this.#orphans = orphans
    return ops.filter(({ verb, object }) => verb !== 'delete' || !isNeededBy(orphans, object))
  }

  #difference(keys: ReadonlySet<string>): readonly Op[] {
    const { ops, lost, waiting } = diff(pick(this.#desired, keys), pick(this.#known.objects, keys), {
      exists: (name) => this.#known.findLink(name) !== undefined,
      runs: (name) => this.#starts.isReady(name, this.#known.findLink(name)?.runs === true)
    })
    this.#noteLost(keys, lost)
    for (const { key, link } of waiting) this.#starts.wait(link, key)
    return ops
  }

  async #apply(ops: readonly Op[]): Promise<Faults> {
    if (ops.length === 0) return new Map()
    this.counters.operations += ops.length
    this.#known.touch(ops)
    const failed = await this.#host.apply(ops)
    this.#known.done(ops, failed)
    return failed
  }

  #remember(keys: ReadonlySet<string>, failed: Faults): void {
    for (const key of new Set([...this.#faults.keys(), ...failed.keys()])) {
      if (!keys.has(key)) continue
      const fault = failed.get(key)
      const known = this.#faults.get(key)
      if (fault) this.#faults.set(key, fault)
      else this.#faults.delete(key)
      if (fault && known?.message !== fault.message) this.#log.error('fault', { key, err: fault.message })
      if (!fault && known) this.#log.info('fault cleared', { key })
    }
  }

  #noteLost(keys: ReadonlySet<string>, lost: readonly string[]): void {
    const now = new Set([...this.#lost].filter((name) => !keys.has(`link ${name}`)))
    for (const name of lost) {
      if (!this.#lost.has(name)) this.#log.warn('link is gone, its routes are withdrawn', { link: name })
      now.add(name)
    }
    this.#lost = now
  }
}
