/**
 * Tables of ours in nftables: as text for nft, as they are in the kernel, and how to tell that the one is the other. Every
 * rule carries a hash of itself as comment; the elements of sets are somebody else's business.
 */
import { createHash } from 'node:crypto'
import {
  NFPROTO,
  NFTA_CHAIN,
  NFTA_HOOK,
  NFTA_RULE,
  NFTA_SET,
  NFTA_TABLE,
  NFTA_TABLE_FLAGS,
  NFT_MSG,
  NFT_SET_ANONYMOUS,
  NF_ACCEPT
} from './constants.js'
import type { Kernel } from './kernel.js'
import { find, findText } from './messages.js'
import { NFGENMSG_SIZE, getOf } from './nftables.js'
import type { Table } from './nftables.js'

const FAMILY_NAMES: ReadonlyMap<number, string> = new Map([
  [NFPROTO.INET, 'inet'],
  [NFPROTO.ARP, 'arp']
])
/** libnftnl's type of a comment in the user data of a rule: type, length, text with a zero. */
const UDATA_COMMENT = 0

export interface Chain {
  readonly name: string
  /** Absent for chains that others jump to. */
  readonly hook?: Hook
  readonly rules: readonly string[]
}

export interface Hook {
  /** Absent = filter. */
  readonly type?: 'nat'
  readonly name: string
  /** NF_INET_PRE_ROUTING and NF_ARP_IN are 0. */
  readonly number: number
  readonly priority: number
}

/** A table, apart from its elements. */
export interface Skeleton {
  readonly table: Table
  readonly counters: readonly string[]
  readonly sets: readonly {
    readonly name: string
    readonly type: string
    readonly keyBytes: number
    readonly isMap?: true
  }[]
  readonly chains: readonly Chain[]
}

/** A table as it is in the kernel, as far as it can differ; lists are in order. */
export interface TableState {
  readonly flags: number
  /** Key bytes by name. */
  readonly sets: ReadonlyMap<string, number>
  /** By name. */
  readonly chains: ReadonlyMap<string, ChainState>
}

export interface ChainState {
  /** Hook and priority at it, and policy if that is not to accept; empty for a chain that others jump to. */
  readonly hook: string
  /** Comments of the rules: they say which rules they are. */
  readonly comments: readonly string[]
}

/** True if the table is just as `tableText` makes it. */
export function isIntact(skeleton: Skeleton, { flags, sets, chains }: TableState): boolean {
  return (
    flags === 0 &&
    sets.size === skeleton.sets.length &&
    skeleton.sets.every(({ name, keyBytes }) => sets.get(name) === keyBytes) &&
    chains.size === skeleton.chains.length &&
    skeleton.chains.every(({ name, hook, rules }) => {
      const found = chains.get(name)
      return (
        found?.hook === (hook ? hookText(hook.number, hook.priority, NF_ACCEPT) : '') &&
        found.comments.join() === rules.map(commentFor).join()
      )
    })
  )
}

/** Commands for nft that make the table anew, without elements. */
export function tableText({ table, counters, sets, chains }: Skeleton): string {
  const name = nameOf(table)
  return [
    `add table ${name}`,
    `delete table ${name}`,
    `table ${name} {`,
    ...counters.map((counter) => `counter ${counter} {\n}`),
    ...sets.map((set) => `${set.isMap ? 'map' : 'set'} ${set.name} { ${set.type}; }`),
    ...chains.map((chain) => chainText(chain)),
    '}\n'
  ].join('\n')
}

/** The comment that says which rule it is. */
export function commentFor(rule: string): string {
  return `net-routed:${createHash('sha256').update(rule).digest('hex').slice(0, 8)}`
}

/** A comment as user data of a rule. */
export function commentData(comment: string): Buffer {
  const text = Buffer.from(`${comment}\0`)
  return Buffer.concat([Buffer.of(UDATA_COMMENT, text.length), text])
}

/** As nft names a table: `inet net-routed`. */
export function nameOf({ family, name }: Table): string {
  return `${FAMILY_NAMES.get(family) ?? ''} ${name}`
}

/** Reads a table without the elements of its sets. Undefined if it does not exist. */
export async function readTable(
  table: Table,
  { filter, filterDumps }: Pick<Kernel, 'filter' | 'filterDumps'>
): Promise<TableState | undefined> {
  const [answer] = await filter.request([getOf(NFT_MSG.GETTABLE, table)])
  if (!answer?.reply) return undefined
  const ofTable = async <T>(message: number, decode: (body: Buffer) => T | undefined): Promise<T[]> =>
    filterDumps.dump(getOf(message, table), (body) =>
      findText(body, NFGENMSG_SIZE, NFTA_TABLE) === table.name ? decode(body) : undefined
    )
  const chains = await ofTable(NFT_MSG.GETCHAIN, decodeChain)
  const rules = await ofTable(NFT_MSG.GETRULE, decodeRule)
  const comments = new Map(chains.map(([name]): [string, string[]] => [name, []]))
  for (const { chain, comment } of rules) comments.get(chain)?.push(comment)
  return {
    flags: findNumber(answer.reply, NFTA_TABLE_FLAGS) ?? 0,
    sets: new Map(await ofTable(NFT_MSG.GETSET, decodeSet)),
    chains: new Map(chains.map(([name, hook]) => [name, { hook, comments: comments.get(name) ?? [] }]))
  }
}

function decodeChain(body: Buffer): readonly [string, string] {
  const hook = find(body, NFGENMSG_SIZE, NFTA_CHAIN.HOOK)
  const at = hook && find(hook, 0, NFTA_HOOK.HOOKNUM)?.readUInt32BE(0)
  const priority = hook && find(hook, 0, NFTA_HOOK.PRIORITY)?.readInt32BE(0)
  const policy = findNumber(body, NFTA_CHAIN.POLICY) ?? NF_ACCEPT
  const name = findText(body, NFGENMSG_SIZE, NFTA_CHAIN.NAME) ?? ''
  return [name, priority === undefined ? '' : hookText(at ?? 0, priority, policy)]
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

function hookText(number: number, priority: number, policy: number): string {
  return `${String(number)} priority ${String(priority)} policy ${String(policy)}`
}

function chainText({ name, hook, rules }: Chain): string {
  const head = hook
    ? [`type ${hook.type ?? 'filter'} hook ${hook.name} priority ${String(hook.priority)}; policy accept;`]
    : []
  const lines = rules.map((rule) => `${rule} comment "${commentFor(rule)}"`)
  return [`chain ${name} {`, ...head, ...lines, '}'].join('\n')
}
