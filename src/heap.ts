/** How the heap grows: small hosts should not pay for large ones, nor large ones wait for the collection of garbage. */
import { setFlagsFromString } from 'node:v8'

/** With fewer the heap is below 40 MB, and is collected in some milliseconds. */
const MANY_RECORDS = 5_000

/**
 * With few records a heap that is collected often. With many that would take most of the time, and every collection of all of
 * it longer than a request may wait. Costs nothing to call again.
 */
export function fitHeap(records: number): void {
  setFlagsFromString(records < MANY_RECORDS ? '--optimize-for-size' : '--no-optimize-for-size')
}
