/**
 * The guard of one network namespace, and the sources in it. The tables are made anew in one transaction with the sources
 * that are there, so that what passes goes on passing, and what does not does not for a moment.
 */
import { keyOf } from '../objects.js'
import type { Guard, HostObject, Kind, Op, Source } from '../objects.js'
import { NFTA_COUNTER_PACKETS, NFTA_OBJ, NFTA_TABLE, NFT_MSG } from './constants.js'
import { exec } from './exec.js'
import { GUARD_TABLES, SKELETONS } from './guard-skeleton.js'
import { guardText } from './guard-tables.js'
import type { Failures, Kernel } from './kernel.js'
import { findNested, findText } from './messages.js'
import type { Answer } from './netlink.js'
import { NFGENMSG_SIZE, deleteTable, getOf, transact } from './nftables.js'
import type { Table } from './nftables.js'
import { changeSources, listSources } from './sources.js'
import { isIntact, readTable } from './tables.js'
import { Turns } from '../turns.js'
import { changeTables } from './table-changes.js'

export class PacketGuard {
  readonly #kernel: Kernel
  /** Nothing may be added between reading the sources and making the tables with them. */
  readonly #turns = new Turns()

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** The guard, if at least a part of it is there, and the sources that are there completely. */
  list(wants: (kind: Kind) => boolean): Promise<HostObject[]> {
    return this.#turns.take(async () => [
      ...(wants('guard') ? await this.#listGuard() : []),
      ...(wants('source') ? (await listSources(this.#kernel)).complete : [])
    ])
  }

  /** What the counters say, by their names. */
  dropped(): Promise<ReadonlyMap<string, number>> {
    return this.#turns.take(async () => {
      const counts = await Promise.all(GUARD_TABLES.map((table) => readCounters(table, this.#kernel)))
      return new Map(counts.flat())
    })
  }

  /** Makes or removes the tables. `coming` are sources that are added next: they are allowed from the first moment. */
  applyGuard(ops: readonly Op[], coming: readonly Source[]): Promise<Failures> {
    return this.#turns.take(() =>
      changeTables(ops, { make: () => this.#make(coming), remove: () => this.#remove() })
    )
  }

  applySources(ops: readonly Op[]): Promise<Failures> {
    return this.#turns.take(() => changeSources(ops, this.#kernel))
  }

  async #listGuard(): Promise<Guard[]> {
    const states = await Promise.all(GUARD_TABLES.map((table) => readTable(table, this.#kernel)))
    if (states.every((state) => state === undefined)) return []
    const intact = SKELETONS.every((skeleton, index) => {
      const state = states[index]
      return state !== undefined && isIntact(skeleton, state)
    })
    return [{ kind: 'guard', intact }]
  }

  async #make(coming: readonly Source[]): Promise<Answer | undefined> {
    const [guard] = await this.#listGuard()
    if (guard?.intact) return undefined
    const { any } = await listSources(this.#kernel)
    const sources = new Map([...any, ...coming].map((source) => [keyOf(source), source]))
    const options = { input: guardText([...sources.values()]), inside: this.#kernel.inside }
    const { code, errno, stderr } = await exec(['nft', '-f', '-'], options)
    if (code === 0) return undefined
    if (errno === 'ENOENT')
      return { errno, text: `${errno}: there is no program nft: install the package nftables` }
    return { errno: errno ?? 'EIO', text: `nft: ${errno ?? stderr.trim()}` }
  }

  async #remove(): Promise<Answer | undefined> {
    for (const table of GUARD_TABLES) {
      const [answer] = await transact(this.#kernel.filter, [deleteTable(table)])
      if (answer?.errno !== undefined && answer.errno !== 'ENOENT') return answer
    }
    return undefined
  }
}

async function readCounters(table: Table, { filterDumps }: Kernel): Promise<(readonly [string, number])[]> {
  return filterDumps.dump(getOf(NFT_MSG.GETOBJ, table), (body) => {
    const packets = findNested(body, NFGENMSG_SIZE, NFTA_OBJ.DATA, NFTA_COUNTER_PACKETS)
    const isOfTable = findText(body, NFGENMSG_SIZE, NFTA_TABLE) === table.name
    if (!packets || !isOfTable) return undefined
    return [findText(body, NFGENMSG_SIZE, NFTA_OBJ.NAME) ?? '', Number(packets.readBigUInt64BE(0))]
  })
}
