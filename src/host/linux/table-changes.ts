import { keyOf } from '../objects.js'
import type { Op } from '../objects.js'
import { refusal } from './kernel.js'
import type { Failures } from './kernel.js'
import type { Answer } from './netlink.js'

/** Makes or removes tables of nftables, one after the other; goes on after a failure. */
export async function changeTables(
  ops: readonly Op[],
  { make, remove }: Readonly<Record<'make' | 'remove', () => Promise<Answer | undefined>>>
): Promise<Failures> {
  const failures: Failures = new Map()
  for (const op of ops) {
    const problem = op.verb === 'delete' ? await remove() : await make()
    if (problem) failures.set(keyOf(op.object), refusal(op, problem.errno ?? 'EIO', problem.text))
  }
  return failures
}
