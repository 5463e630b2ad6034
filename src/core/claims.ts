/** Which record an object of the host belongs to: two records cannot want the same one. */
import { ConflictError } from '../errors.js'
import { keyOf } from '../host/objects.js'
import type { HostObject } from '../host/objects.js'

export class Claims {
  /** Ids of records by the object's key. */
  readonly #owners = new Map<string, string>()

  /** Throws ConflictError if another record has one of them. */
  refuseTaken(recordId: string, objects: readonly HostObject[]): void {
    for (const object of objects) {
      const owner = this.#owners.get(keyOf(object))
      if (owner !== undefined && owner !== recordId)
        throw new ConflictError(`${keyOf(object)} belongs to endpoint ${owner} already`)
    }
  }

  claim(recordId: string, objects: readonly HostObject[]): void {
    for (const object of objects) this.#owners.set(keyOf(object), recordId)
  }

  /** Nobody has these any more, but for those in `kept`. */
  disown(objects: readonly HostObject[], kept: readonly HostObject[]): void {
    const keys = new Set(kept.map(keyOf))
    for (const object of objects) if (!keys.has(keyOf(object))) this.#owners.delete(keyOf(object))
  }

  /**
   * What goes with a record. Not what another one has by now: after a write that failed and a restart, a dead endpoint may
   * have the address of a living one.
   */
  own(recordId: string, objects: readonly HostObject[]): HostObject[] {
    return objects.filter((object) => (this.#owners.get(keyOf(object)) ?? recordId) === recordId)
  }
}
