/** Published ports of one network namespace. The cost of a change does not depend on how many there are. */
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
  readonly messages: readonly Message[]
}

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

  /** Each alone, as one transaction: a replaced port leads to the one or to the other, never nowhere. */
  applyElements(ops: readonly Op[]): Promise<Failures> {
    return this.#turns.take(async () => {
      const failures: Failures = new Map()
      for (const step of ops.map(stepOf)) {
        const problem = await this.#change(step)
        if (problem) failures.set(keyOf(step.op.object), problem)
      }
      return failures
    })
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
    for (const object of kept) await this.#change(stepOf({ verb: 'add', object }))
    return undefined
  }

  async #remove(): Promise<Answer | undefined> {
    const [answer] = await transact(this.#kernel.filter, [deleteTable(PORT_TABLE)])
    return answer?.errno === undefined || answer.errno === 'ENOENT' ? undefined : answer
  }

  async #change({ op, messages }: Step): Promise<ReturnType<typeof refusal> | undefined> {
    for (const attempt of attemptsOf(messages)) {
      const answers = await transact(this.#kernel.filter, attempt)
      const refused = answers.find(({ errno }) => errno !== undefined)
      if (refused?.errno === undefined) return undefined
      const isLast = attempt.length === 1
      const isGone = refused.errno === 'ENOENT'
      if (op.verb === 'delete' && isGone) return undefined
      if (isLast) {
        const why = isGone ? `${refused.errno}: the nftables table for ports is not there` : refused.text
        return refusal(op, refused.errno, why)
      }
    }
    return undefined
  }
}

/** Replacing deletes first; where there is nothing to delete, adding alone does it. */
function attemptsOf(messages: readonly Message[]): (readonly Message[])[] {
  return messages.length > 1 ? [messages, messages.slice(-1)] : [messages]
}

function stepOf(op: Op): Step {
  if (!isPortObject(op.object)) return { op, messages: [] }
  const { set, element } = elementOf(op.object)
  const remove = changeBytes('delete', set, element)
  if (op.verb === 'delete') return { op, messages: [remove] }
  return { op, messages: [remove, changeBytes('add', set, element)] }
}
