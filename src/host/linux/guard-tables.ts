/** The guard as text for nft, and how to tell that what the kernel has is what the text says. */
import { createHash } from 'node:crypto'
import type { Source } from '../objects.js'
import { ipToBytes } from './bytes.js'
import { NFPROTO } from './constants.js'
import { GUARD_SETS, SKELETONS } from './guard-skeleton.js'
import type { Chain, Skeleton } from './guard-skeleton.js'
import type { Table } from './nftables.js'

const FAMILY_NAMES: ReadonlyMap<number, string> = new Map([
  [NFPROTO.INET, 'inet'],
  [NFPROTO.ARP, 'arp']
])

/** A table as it is in the kernel, as far as it can differ; lists are in order. */
export interface TableState {
  readonly flags: number
  /** Key bytes by name. */
  readonly sets: ReadonlyMap<string, number>
  /** By name. */
  readonly chains: ReadonlyMap<string, ChainState>
}

export interface ChainState {
  /** Priority at the hook, and policy if that is not to accept; empty for a chain that others jump to. */
  readonly hook: string
  /** Comments of the rules: they say which rules they are. */
  readonly comments: readonly string[]
}

/** True if the table is just as `guardText` makes it. */
export function isIntact(table: Table, { flags, sets, chains }: TableState): boolean {
  const skeleton = SKELETONS.find((one) => one.table === table)
  return (
    skeleton !== undefined &&
    flags === 0 &&
    sets.size === skeleton.sets.length &&
    skeleton.sets.every(({ name, keyBytes }) => sets.get(name) === keyBytes) &&
    chains.size === skeleton.chains.length &&
    skeleton.chains.every(({ name, hook, rules }) => {
      const found = chains.get(name)
      return (
        found?.hook === (hook ? String(hook.priority) : '') &&
        found.comments.join() === rules.map(commentOf).join()
      )
    })
  )
}

/** Commands for nft that make the tables anew with these sources in them: one transaction, nothing passes in between. */
export function guardText(sources: readonly Source[]): string {
  return `${SKELETONS.map((skeleton) => tableText(skeleton)).join('')}${elementsText(sources)}`
}

function tableText({ table, counters, sets, chains }: Skeleton): string {
  const name = nameOf(table)
  return [
    `add table ${name}`,
    `delete table ${name}`,
    `table ${name} {`,
    ...counters.map((counter) => `counter ${counter} {\n}`),
    ...sets.map((set) => `set ${set.name} { ${set.type}; }`),
    ...chains.map((chain) => chainText(chain)),
    '}\n'
  ].join('\n')
}

function chainText({ name, hook, rules }: Chain): string {
  const head = hook ? [`type filter hook ${hook.name} priority ${String(hook.priority)}; policy accept;`] : []
  const lines = rules.map((rule) => `${rule} comment "${commentOf(rule)}"`)
  return [`chain ${name} {`, ...head, ...lines, '}'].join('\n')
}

function elementsText(sources: readonly Source[]): string {
  const lines = ([4, 6] as const).flatMap((family) => {
    const ofFamily = sources.filter(({ address }) => address.includes(':') === (family === 6))
    if (ofFamily.length === 0) return []
    return GUARD_SETS[family].map(({ table, name }) => {
      const keys = ofFamily.map(({ link, address }) => `"${link}" . ${valueText(name, address)}`)
      return `add element ${nameOf(table)} ${name} { ${keys.join(', ')} }\n`
    })
  })
  return lines.join('')
}

/** In the set of advertised targets, for which nft knows no type, addresses are numbers. */
function valueText(set: string, address: string): string {
  return set === 'advertised6' ? `0x${ipToBytes(address).toString('hex')}` : address
}

function commentOf(rule: string): string {
  return `net-routed:${createHash('sha256').update(rule).digest('hex').slice(0, 8)}`
}

function nameOf({ family, name }: Table): string {
  return `${FAMILY_NAMES.get(family) ?? ''} ${name}`
}
