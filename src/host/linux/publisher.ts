/** Published ports of one network namespace. The cost of a change does not depend on how many there are. */
import type { KernelError } from '../../errors.js'
import { keyOf } from '../objects.js'
import type { HostObject, Kind, Op, Publisher } from '../objects.js'
import { exec } from './exec.js'
import { refusal } from './kernel.js'
import type { Failures, Kernel } from './kernel.js'
import type { Message } from './messages.js'
import type { Answer } from './netlink.js'
import { changeBytes, decodeBytes, deleteTable, getElements, transact } from './nftables.js'
import { ELEMENT_SETS, elementOf, isPortObject, objectOf } from './port-elements.js'
import type { PortObject } from './port-elements.js'
import { PORT_SKELETON, PORT_TABLE } from './port-table.js'
import { isIntact, readTable, tableText } from './tables.js'
import { Turns } from '../turns.js'
import { changeTables } from './table-changes.js'

interface Step {
  readonly op: Op
  /** To be tried one after the other. */
  readonly ways: readonly (readonly Message[])[]
}

/** Of two messages each, in one datagram to the kernel. */
const STEPS_PER_TRANSACTION = 512

export class PortPublisher {
  readonly #kernel: Kernel
  readonly #turns = new Turns()

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** The table, if a part of it is there, and what is in it. */
  list(wants: (kind: Kind) => boolean): Promise<HostObject[]> {
    return this.#turns.take(async () => [
      ...(wants('publisher') ? await this.#listTable() : []),
      ...((['port', 'exclusion', 'hairpin'] as const).some(wants)
        ? (await this.#listElements()).filter(({ kind }) => wants(kind))
        : [])
    ])
  }

  /** Makes or removes the table; what is in it stays in it. */
  applyTable(ops: readonly Op[]): Promise<Failures> {
    return this.#turns.take(() =>
      changeTables(ops, { make: () => this.#make(), remove: () => this.#remove() })
    )
  }

  /**
   * Many at once: the kernel waits for its readers after each transaction, and a range may have thousands. A replaced port
   * leads to the one or to the other, never nowhere.
   */
  applyElements(ops: readonly Op[]): Promise<Failures> {
    return this.#turns.take(() => this.#change(ops.map(stepOf)))
  }

  async #listTable(): Promise<Publisher[]> {
    const state = await readTable(PORT_TABLE, this.#kernel)
    return state ? [{ kind: 'publisher', intact: isIntact(PORT_SKELETON, state) }] : []
  }

  async #listElements(): Promise<PortObject[]> {
    const found: PortObject[] = []
    for (const set of ELEMENT_SETS) {
      const elements = (await this.#kernel.filterDumps.dump(getElements(set), decodeBytes)).flat()
      found.push(...elements.flatMap((element) => objectOf(set.name, element) ?? []))
    }
    return found
  }

  async #make(): Promise<Answer | undefined> {
    const [table] = await this.#listTable()
    if (table?.intact) return undefined
    const kept = table ? await this.#listElements() : []
    const options = { input: tableText(PORT_SKELETON), inside: this.#kernel.inside }
    const { code, errno, stderr } = await exec(['nft', '-f', '-'], options)
    if (code !== 0) return { errno: errno ?? 'EIO', text: `nft: ${errno ?? stderr.trim()}` }
    await this.#change(kept.map((object) => stepOf({ verb: 'add', object })))
    return undefined
  }

  async #remove(): Promise<Answer | undefined> {
    const [answer] = await transact(this.#kernel.filter, [deleteTable(PORT_TABLE)])
    return answer?.errno === undefined || answer.errno === 'ENOENT' ? undefined : answer
  }

  async #change(all: readonly Step[]): Promise<Failures> {
    const failures: Failures = new Map()
    const steps = all.filter(({ ways }) => ways.length > 0)
    for (let at = 0; at < steps.length; at += STEPS_PER_TRANSACTION)
      await this.#changeSome(steps.slice(at, at + STEPS_PER_TRANSACTION), failures)
    return failures
  }

  /**
   * A transaction in which something is refused does nothing, but tells everything that is wrong with it: that is tried in
   * its next way, or left out of the next transaction.
   */
  async #changeSome(all: readonly Step[], failures: Map<string, KernelError>): Promise<void> {
    let steps = all
    while (steps.length > 0) {
      const told = await this.#try(steps)
      if (told.every((refused) => refused === undefined)) break
      steps = steps.flatMap((step, index): Step[] => {
        const refused = told[index]
        if (!refused) return [step]
        const [, ...ways] = step.ways
        if (ways.length > 0) return [{ ...step, ways }]
        const problem = problemOf(step.op, refused)
        if (problem) failures.set(keyOf(step.op.object), problem)
        return []
      })
    }
  }

  /** One transaction of all. Gives what was refused of each. */
  async #try(steps: readonly Step[]): Promise<(Answer | undefined)[]> {
    const messages = steps.map(({ ways: [way = []] }) => way)
    const answers = await transact(this.#kernel.filter, messages.flat())
    return messages.map((own) => answers.splice(0, own.length).find(({ errno }) => errno !== undefined))
  }
}

function problemOf(
  { verb, object }: Op,
  { errno = 'EIO', text }: Answer
): ReturnType<typeof refusal> | undefined {
  const isGone = errno === 'ENOENT'
  if (verb === 'delete' && isGone) return undefined
  return refusal(
    { verb, object },
    errno,
    isGone ? `${errno}: the nftables table for ports is not there` : text
  )
}

/** What is there leads elsewhere, or is not there any more, only where somebody else has changed it. */
function stepOf(op: Op): Step {
  if (!isPortObject(op.object)) return { op, ways: [] }
  const { set, element } = elementOf(op.object)
  const remove = changeBytes('delete', set, element)
  if (op.verb === 'delete') return { op, ways: [[remove]] }
  const add = changeBytes('add', set, element)
  return { op, ways: op.verb === 'add' ? [[add], [remove, add]] : [[remove, add], [add]] }
}
