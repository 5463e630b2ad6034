/** Long loops that let the event loop run: whoever asks something meanwhile is answered. */
import { setImmediate } from 'node:timers/promises'

const ITEMS_PER_TURN = 2_000

/**
 * Calls back for each item, with pauses. What is looped over may change in the pauses: what is new in a map comes at the
 * end, what is gone does not come.
 */
export async function gently<T>(
  items: Iterable<T>,
  work: (item: T) => void,
  itemsPerTurn = ITEMS_PER_TURN
): Promise<void> {
  let count = 0
  for (const item of items) {
    if (++count % itemsPerTurn === 0) await setImmediate()
    work(item)
  }
}
