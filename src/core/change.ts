/** A change of records, and what it comes to while it is under way. */
import type { HostObject } from '../host/objects.js'
import type { RecordRef, Stored } from '../store/records.js'
import type { Hold } from './routing/holds.js'

export interface Change {
  readonly put?: readonly Stored[]
  readonly remove?: readonly RecordRef[]
  /** True = a container end that is gone makes the change fail. */
  readonly needsLinks?: boolean
  /**
   * True = the engine has ended something and will not come back if we fail. What the store refuses is written later, and
   * told only when all else is done, so that a full disk does not keep routes to containers that are gone.
   */
  readonly isEnd?: boolean
}

export type Objects = readonly HostObject[]

/** A change under way: the records as they were, and the objects it takes away and brings. */
export interface Step {
  readonly change: Change
  readonly put: readonly Stored[]
  readonly before: readonly Stored[]
  readonly removed: readonly Stored[]
  readonly drop: Objects
  readonly add: Objects
  /** What the host itself needs after it, if that may have changed. */
  readonly host: Objects
  /** Announced on, without an endpoint. */
  readonly held: readonly Hold[]
}
