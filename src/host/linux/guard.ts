/**
 * The guard of one network namespace, and the sources in it. The tables are made anew in one transaction with the sources
 * that are there, so that what passes goes on passing, and what does not does not for a moment.
 */
import { keyOf } from '../objects.js'
import type { Guard, HostObject, Kind, Op, Source } from '../objects.js'
import {
  NFTA_CHAIN,
  NFTA_COUNTER_PACKETS,
  NFTA_HOOK,
  NFTA_OBJ,
  NFTA_RULE,
  NFTA_SET,
  NFTA_TABLE,
  NFTA_TABLE_FLAGS,
  NFT_MSG,
  NFT_SET_ANONYMOUS,
  NF_ACCEPT
} from './constants.js'
import { exec } from './exec.js'
import { GUARD_TABLES } from './guard-skeleton.js'
import { guardText, isIntact } from './guard-tables.js'
import type { TableState } from './guard-tables.js'
import { refusal } from './kernel.js'
import type { Failures, Kernel } from './kernel.js'
import { find, findNested, findText } from './messages.js'
import type { Answer } from './netlink.js'
import { NFGENMSG_SIZE, deleteTable, getOf, transact } from './nftables.js'
import type { Table } from './nftables.js'
import { changeSources, listSources } from './sources.js'

/** libnftnl's type of a comment in the user data of a rule: type, length, text with a zero. */
const UDATA_COMMENT = 0

export class PacketGuard {
  readonly #kernel: Kernel
  #tail: Promise<unknown> = Promise.resolve()

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** The guard, if at least a part of it is there, and the sources that are there completely. */
  list(wants: (kind: Kind) => boolean): Promise<HostObject[]> {
    return this.#exclusively(async () => [
      ...(wants('guard') ? await this.#listGuard() : []),
      ...(wants('source') ? (await listSources(this.#kernel)).complete : [])
    ])
  }

  /** What the counters say, by their names. */
  dropped(): Promise<ReadonlyMap<string, number>> {
    return this.#exclusively(async () => {
      const counts = await Promise.all(GUARD_TABLES.map((table) => readCounters(table, this.#kernel)))
      return new Map(counts.flat())
    })
  }

  /** Makes or removes the tables. `coming` are sources that are added next: they are allowed from the first moment. */
  applyGuard(ops: readonly Op[], coming: readonly Source[]): Promise<Failures> {
    return this.#exclusively(async () => {
      const failures: Failures = new Map()
      for (const op of ops) {
        const problem = op.verb === 'delete' ? await this.#remove() : await this.#make(coming)
        if (problem) failures.set(keyOf(op.object), refusal(op, problem.errno ?? 'EIO', problem.text))
      }
      return failures
    })
  }

  applySources(ops: readonly Op[]): Promise<Failures> {
    return this.#exclusively(() => changeSources(ops, this.#kernel))
  }

  /** Nothing may be added between reading the sources and making the tables with them. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work)
    this.#tail = turn.catch(() => undefined)
    return turn
  }

  async #listGuard(): Promise<Guard[]> {
    const states = await Promise.all(GUARD_TABLES.map((table) => readTable(table, this.#kernel)))
    if (states.every((state) => state === undefined)) return []
    const intact = GUARD_TABLES.every((table, index) => {
      const state = states[index]
      return state !== undefined && isIntact(table, state)
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

/** Reads a table without the elements of its sets. Undefined if it does not exist. */
async function readTable(table: Table, { filter, filterDumps }: Kernel): Promise<TableState | undefined> {
  const [answer] = await filter.request([getOf(NFT_MSG.GETTABLE, table)])
  if (!answer?.reply) return undefined
  const ofTable = async <T>(message: number, decode: (body: Buffer) => T | undefined): Promise<T[]> =>
    filterDumps.dump(getOf(message, table), (body) =>
      findText(body, NFGENMSG_SIZE, NFTA_TABLE) === table.name ? decode(body) : undefined
    )
  const chains = await ofTable(NFT_MSG.GETCHAIN, decodeChain)
  const rules = await ofTable(NFT_MSG.GETRULE, decodeRule)
  const commentsOf = (chain: string): string[] =>
    rules.filter((rule) => rule.chain === chain).map(({ comment }) => comment)
  return {
    flags: findNumber(answer.reply, NFTA_TABLE_FLAGS) ?? 0,
    sets: new Map(await ofTable(NFT_MSG.GETSET, decodeSet)),
    chains: new Map(chains.map(([name, hook]) => [name, { hook, comments: commentsOf(name) }]))
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

function decodeChain(body: Buffer): readonly [string, string] {
  const hook = find(body, NFGENMSG_SIZE, NFTA_CHAIN.HOOK)
  const at = hook && find(hook, 0, NFTA_HOOK.HOOKNUM)?.readUInt32BE(0)
  const priority = hook && find(hook, 0, NFTA_HOOK.PRIORITY)?.readInt32BE(0)
  const policy = findNumber(body, NFTA_CHAIN.POLICY) ?? NF_ACCEPT
  const isUsual = policy === NF_ACCEPT && (at ?? 0) === 0
  const name = findText(body, NFGENMSG_SIZE, NFTA_CHAIN.NAME) ?? ''
  return [name, `${String(priority ?? '')}${isUsual ? '' : ` hook ${String(at)} policy ${String(policy)}`}`]
}

function decodeRule(body: Buffer): { chain: string; comment: string } {
  const chain = findText(body, NFGENMSG_SIZE, NFTA_RULE.CHAIN) ?? ''
  const data = find(body, NFGENMSG_SIZE, NFTA_RULE.USERDATA)
  const isComment = data?.[0] === UDATA_COMMENT
  return { chain, comment: isComment ? data.toString('utf8', 2, 2 + (data[1] ?? 0) - 1) : '' }
}

/** Sets without a name belong to rules. */
function decodeSet(body: Buffer): readonly [string, number] | undefined {
  if (((findNumber(body, NFTA_SET.FLAGS) ?? 0) & NFT_SET_ANONYMOUS) !== 0) return undefined
  return [findText(body, NFGENMSG_SIZE, NFTA_SET.NAME) ?? '', findNumber(body, NFTA_SET.KEY_LEN) ?? 0]
}

function findNumber(body: Buffer, type: number): number | undefined {
  return find(body, NFGENMSG_SIZE, type)?.readUInt32BE(0)
}
