/**
 * What is known to be there: what was read last, and what has been done since. Reading takes a while, and goes on beside
 * passes; what these touch meanwhile is newer than what was read.
 */
import { gently } from './gently.js'
import { keyOf } from './objects.js'
import type { HostObject, Kind, Link, Op } from './objects.js'
import type { KernelError } from '../errors.js'

type Listed = readonly HostObject[] | undefined

export class Known {
  #objects = new Map<string, HostObject>()
  /** Keys that were touched since the reading that is under way began. */
  #touched: Set<string> | undefined

  get objects(): ReadonlyMap<string, HostObject> {
    return this.#objects
  }

  findLink(name: string): Link | undefined {
    const found = this.#objects.get(`link ${name}`)
    return found?.kind === 'link' ? found : undefined
  }

  /** Before operations are done: whether a reading sees them is chance. */
  touch(ops: readonly Op[]): void {
    if (this.#touched) for (const { object } of ops) this.#touched.add(keyOf(object))
  }

  /** After operations were done, but for those that failed. */
  done(ops: readonly Op[], failed: ReadonlyMap<string, KernelError>): void {
    for (const { verb, object } of ops) {
      const key = keyOf(object)
      if (failed.has(key)) continue
      if (verb === 'delete') this.#objects.delete(key)
      else this.#objects.set(key, asListed(object, this.#objects.get(key)))
    }
  }

  /** The other end of a link is up, or is not. */
  tell(name: string, isUp: boolean): void {
    const found = this.findLink(name)
    if (!found) return
    const { runs: _runs, ...link } = found
    this.#touched?.add(keyOf(link))
    this.#objects.set(keyOf(link), isUp ? { ...link, runs: true } : link)
  }

  /** Reads while nobody else is at work. False if nothing could be read. */
  async reread(list: () => Promise<Listed>): Promise<boolean> {
    const listed = await list()
    if (listed) this.#objects = await keyed(listed)
    return listed !== undefined
  }

  /** Reads all kinds, or these, while others go on. `alone`: runs work between theirs. */
  async readBeside(
    list: () => Promise<Listed>,
    alone: (work: () => void) => Promise<void>,
    kinds: readonly Kind[] | undefined
  ): Promise<boolean> {
    // What is under way may be in the listing or not: this waits for its end.
    await alone(() => {
      this.#touched = new Set()
    })
    const listed = await list()
    const read = listed && (await keyed(listed))
    if (read && kinds) await this.#copy(read, (kind) => !kinds.includes(kind))
    await alone(() => {
      if (read) this.#objects = this.#withTouched(read)
      this.#touched = undefined
    })
    return read !== undefined
  }

  async #copy(into: Map<string, HostObject>, isToCopy: (kind: Kind) => boolean): Promise<void> {
    await gently(this.#objects, ([key, object]) => {
      if (isToCopy(object.kind)) into.set(key, object)
    })
  }

  #withTouched(read: Map<string, HostObject>): Map<string, HostObject> {
    for (const key of this.#touched ?? []) {
      const object = this.#objects.get(key)
      if (object) read.set(key, object)
      else read.delete(key)
    }
    return read
  }
}

/** What a change does not touch: where the other end of a link is, and whether it is up. */
function asListed(object: HostObject, before: HostObject | undefined): HostObject {
  if (object.kind !== 'link' || before?.kind !== 'link') return object
  const { inUse, runs } = before
  return { ...object, ...(inUse ? { inUse } : {}), ...(runs ? { runs } : {}) }
}

async function keyed(objects: Iterable<HostObject>): Promise<Map<string, HostObject>> {
  const map = new Map<string, HostObject>()
  await gently(objects, (object) => {
    map.set(keyOf(object), object)
  })
  return map
}
