/** How the heap grows: small hosts should not pay for large ones, nor large ones wait for the collection of garbage. */
import { setFlagsFromString } from 'node:v8'

/** With fewer the heap is below 40 MB, and is collected in some milliseconds. */
const MANY_RECORDS = 5_000
/** Of what is in use, so much garbage may come to it. What Node chooses by itself is two or three times as much. */
const GROWTH_PERCENT = 50

/**
 * With few records a heap that is collected often. With many that would take most of the time, and every collection of all of
 * it longer than a request may wait. Costs nothing to call again.
 */
export function fitHeap(records: number): void {
  const isLarge = records >= MANY_RECORDS
  setFlagsFromString(isLarge ? '--no-optimize-for-size' : '--optimize-for-size')
  setFlagsFromString(`--heap-growing-percent=${String(isLarge ? GROWTH_PERCENT : 0)}`)
}
