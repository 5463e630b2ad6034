/**
 * Sources as elements of the guard's sets. Each source is in two: one for its packets, and one for what speaks for it to
 * neighbours (ARP, neighbour advertisements). The cost of a change does not depend on how many there are.
 */
import { keyOf } from '../objects.js'
import type { Op, Source } from '../objects.js'
import { bytesToIp, ipToBytes } from './bytes.js'
import { GUARD_SETS } from './guard-skeleton.js'
import { refusal } from './kernel.js'
import type { Failures, Kernel } from './kernel.js'
import type { Message } from './messages.js'
import type { Answer } from './netlink.js'
import { changeElement, decodeElements, getElements, transact } from './nftables.js'

interface Step {
  readonly op: Op
  readonly message: Message
}

const NO_ANSWER: Answer = { text: '' }
/** What somebody else may have put into our sets under another name could not be told to nft. */
const LINK_NAME = /^[\w.-]+$/

/**
 * Adds and deletes elements, all at once. A transaction in which something is refused does nothing but tells everything
 * that is wrong with it, which is left out of the next one.
 */
export async function changeSources(ops: readonly Op[], kernel: Kernel): Promise<Failures> {
  const failures: Failures = new Map()
  let steps = ops.flatMap(stepsOf)
  while (steps.length > 0) {
    const answers = await transact(
      kernel.filter,
      steps.map(({ message }) => message)
    )
    const isRefused = (_: Step, index: number): boolean => answers[index]?.errno !== undefined
    steps.forEach(({ op }, index) => {
      const problem = problemOf(op, answers[index])
      if (problem) failures.set(keyOf(op.object), problem)
    })
    if (!steps.some(isRefused)) break
    steps = steps.filter((step, index) => !isRefused(step, index))
  }
  return failures
}

/** Sources of which both elements are there (`complete`), and those of which at least one is (`any`). */
export async function listSources(kernel: Kernel): Promise<{ complete: Source[]; any: Source[] }> {
  const found = new Map<string, { source: Source; count: number }>()
  for (const set of Object.values(GUARD_SETS).flat()) {
    const elements = (await kernel.filterDumps.dump(getElements(set), decodeElements)).flat()
    for (const { link, address } of elements.filter((element) => LINK_NAME.test(element.link))) {
      const source: Source = { kind: 'source', link, address: bytesToIp(address) }
      const count = found.get(keyOf(source))?.count ?? 0
      found.set(keyOf(source), { source, count: count + 1 })
    }
  }
  const all = [...found.values()]
  return {
    complete: all.filter(({ count }) => count === 2).map(({ source }) => source),
    any: all.map(({ source }) => source)
  }
}

function stepsOf(op: Op): Step[] {
  const { verb, object } = op
  if (object.kind !== 'source') return []
  const address = ipToBytes(object.address)
  const element = { link: object.link, address }
  return GUARD_SETS[address.length === 4 ? 4 : 6].map((set) => ({
    op,
    message: changeElement(verb === 'delete' ? 'delete' : 'add', set, element)
  }))
}

function problemOf(op: Op, { errno, text }: Answer = NO_ANSWER): ReturnType<typeof refusal> | undefined {
  if (errno === undefined || (op.verb === 'delete' && errno === 'ENOENT')) return undefined
  const why = errno === 'ENOENT' ? `${errno}: the nftables tables of net-routed are not there` : text
  return refusal(op, errno, why)
}
