/** Which record an object of the host belongs to: two records cannot want the same one. */
import { ConflictError } from '../errors.js'
import { keyOf } from '../host/objects.js'
import type { HostObject } from '../host/objects.js'

export class Claims {
  /** Ids of records by the object's key. */
  readonly #owners = new Map<string, string>()

  /** Throws ConflictError if another record has one of these keys. */
  refuseTaken(recordId: string, keys: Iterable<string>): void {
    for (const key of keys) {
      const owner = this.#owners.get(key)
      if (owner !== undefined && owner !== recordId)
        throw new ConflictError(`${key} belongs to endpoint ${owner} already`)
    }
  }

  claim(recordId: string, keys: Iterable<string>): void {
    for (const key of keys) this.#owners.set(key, recordId)
  }

  /** Nobody has these any more, but for those in `kept`. */
  disown(objects: readonly HostObject[], kept: readonly HostObject[]): void {
    const gone = new Set(objects.map(keyOf))
    if (gone.size > 0) for (const object of kept) gone.delete(keyOf(object))
    for (const key of gone) this.#owners.delete(key)
  }

  /**
   * What goes with a record. Not what another one has by now: after a write that failed and a restart, a dead endpoint may
   * have the address of a living one.
   */
  own(recordId: string, objects: readonly HostObject[]): HostObject[] {
    return objects.filter((object) => (this.#owners.get(keyOf(object)) ?? recordId) === recordId)
  }
}
