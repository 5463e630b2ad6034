/**
 * Marks of what comes from links. The table is made with the first mark and goes with the last one. Where somebody has changed
 * the table, its marks are listed as unsettled, and made anew with it.
 */
import { keyOf } from '../objects.js'
import type { Mark, Op } from '../objects.js'
import { Turns } from '../turns.js'
import {
  NFTA_DATA_VERDICT,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_KEY,
  NFTA_DATA_VALUE,
  NFTA_VERDICT
} from './constants.js'
import { exec } from './exec.js'
import { refusal } from './kernel.js'
import type { Failures, Kernel } from './kernel.js'
import { MARKS, MARK_SKELETON, MARK_TABLE, chainOf, dscpOf } from './mark-table.js'
import { findNested } from './messages.js'
import type { Answer } from './netlink.js'
import {
  changeBytes,
  decodeName,
  deleteTable,
  elementsIn,
  getElements,
  nameBytes,
  transact
} from './nftables.js'
import { jumpTo } from './nftables-rules.js'
import { isIntact, readTable, tableText } from './tables.js'

type Found = Omit<Mark, 'settled'>

export class Marker {
  readonly #kernel: Kernel
  readonly #turns = new Turns()

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  list(): Promise<Mark[]> {
    return this.#turns.take(async () => {
      const state = await readTable(MARK_TABLE, this.#kernel)
      if (!state) return []
      const settled = isIntact(MARK_SKELETON, state)
      return (await this.#elements()).map((found) => ({ ...found, settled }))
    })
  }

  /** One after the other. What is there and what is gone is no failure. */
  apply(ops: readonly Op[]): Promise<Failures> {
    return this.#turns.take(async () => {
      const failures: Failures = new Map()
      if (ops.some(({ verb }) => verb !== 'delete')) await this.#makeTable()
      for (const op of ops) {
        const { errno, text: why } = op.object.kind === 'mark' ? await this.#change(op, op.object) : DONE
        if (errno !== undefined) failures.set(keyOf(op.object), refusal(op, errno, why))
      }
      const isEnd = ops.some(({ verb }) => verb === 'delete')
      if (isEnd && (await this.#elements()).length === 0)
        await transact(this.#kernel.filter, [deleteTable(MARK_TABLE)])
      return failures
    })
  }

  async #change({ verb }: Op, { link, dscp }: Mark): Promise<Answer> {
    const key = nameBytes(link)
    const remove = changeBytes('delete', MARKS, { key })
    const add = changeBytes('add', MARKS, { key, verdict: jumpTo(chainOf(dscp)) })
    const gone = (answer: Answer): boolean => answer.errno === 'ENOENT'
    if (verb === 'delete') {
      const [answer = DONE] = await transact(this.#kernel.filter, [remove])
      return gone(answer) ? DONE : answer
    }
    const answers = await transact(this.#kernel.filter, [remove, add])
    const refused = answers.find(({ errno }) => errno !== undefined)
    if (!refused || !gone(refused)) return refused ?? DONE
    const [answer = DONE] = await transact(this.#kernel.filter, [add])
    return gone(answer) ? { ...answer, text: 'ENOENT: the nftables table for marks cannot be made' } : answer
  }

  /** Nothing is lost: what it had is put back. */
  async #makeTable(): Promise<void> {
    const state = await readTable(MARK_TABLE, this.#kernel)
    if (state && isIntact(MARK_SKELETON, state)) return
    const kept = state ? await this.#elements() : []
    await exec(['nft', '-f', '-'], { input: tableText(MARK_SKELETON), inside: this.#kernel.inside })
    for (const mark of kept)
      await this.#change({ verb: 'add', object: { ...mark, settled: true } }, { ...mark, settled: true })
  }

  #elements(): Promise<Found[]> {
    return this.#kernel.filterDumps.dump(getElements(MARKS), decodeMarks).then((found) => found.flat())
  }
}

const DONE: Answer = { text: 'done' }

function decodeMarks(body: Buffer): Found[] {
  return elementsIn(body).flatMap((element): Found[] => {
    const key = findNested(element, 0, NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE)
    const chain = findNested(element, 0, NFTA_SET_ELEM_DATA, NFTA_DATA_VERDICT, NFTA_VERDICT.CHAIN)
    const dscp = dscpOf(chain?.toString('utf8', 0, chain.length - 1) ?? '')
    return key && dscp !== undefined ? [{ kind: 'mark', link: decodeName(key), dscp }] : []
  })
}
