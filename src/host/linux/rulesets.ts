/**
 * The filter tables of iptables, read with iptables-save. There may be two at once, one of the nftables kernel interface and
 * one of the old one. Asking the old one about a table makes that table, so it is asked only if it has one.
 */
import { existsSync, readFileSync } from 'node:fs'
import type { Firewall } from '../objects.js'
import { exec } from './exec.js'
import type { Inside } from './netns.js'

export type Family = Firewall['family']

export interface Chain {
  /** `ACCEPT` or `DROP`; `-` for a chain that is not built in. */
  readonly policy: string
  /** As iptables-save writes them, without `-A CHAIN`. */
  readonly rules: readonly string[]
}

/** The filter table of one flavour. */
export interface Ruleset {
  /** Prefix of the programs' names: `iptables-nft`, which has `iptables-nft-save` and `iptables-nft-restore`. */
  readonly flavour: string
  readonly chains: ReadonlyMap<string, Chain>
}

export interface Rulesets {
  /** Empty where there is no iptables, or no such family. */
  readonly found: readonly Ruleset[]
  /** Why one could not be read. */
  readonly problem?: string
}

const PROGRAM = { 4: 'iptables', 6: 'ip6tables' } as const
const LEGACY_TABLES = { 4: '/proc/net/ip_tables_names', 6: '/proc/net/ip6_tables_names' } as const
const IPV6_ADDRESSES = '/proc/net/if_inet6'

/** Reads the filter tables of a family. A packet passes through all of them. */
export async function readRulesets(family: Family, inside: Inside): Promise<Rulesets> {
  if (family === 6 && !inside(() => existsSync(IPV6_ADDRESSES))) return { found: [] }
  const flavours = [`${PROGRAM[family]}-nft`]
  if (inside(() => hasLegacyTable(family))) flavours.push(`${PROGRAM[family]}-legacy`)
  const named = await readAll(flavours, inside)
  const isUnnamed = named.found.length === 0 && named.problem === undefined
  return isUnnamed ? readAll([PROGRAM[family]], inside) : named
}

/** True if Docker has set up its chains. */
export function hasDockerChains({ chains }: Ruleset): boolean {
  return ['DOCKER-USER', 'DOCKER-FORWARD', 'DOCKER'].some((name) => chains.has(name))
}

/** Parses the output of `iptables-save -t filter`. */
export function parseSave(flavour: string, output: string): Ruleset {
  const chains = new Map<string, { policy: string; rules: string[] }>()
  for (const line of output.split('\n')) {
    const [, name = '', policy = ''] = /^:(\S+) (\S+)/.exec(line) ?? []
    if (name !== '') chains.set(name, { policy, rules: [] })
    const [, chain = '', rule = ''] = /^-A (\S+) (.*)$/.exec(line) ?? []
    chains.get(chain)?.rules.push(rule.trimEnd())
  }
  return { flavour, chains }
}

async function readAll(flavours: readonly string[], inside: Inside): Promise<Rulesets> {
  const results = await Promise.all(
    flavours.map((flavour) => exec([`${flavour}-save`, '-t', 'filter'], { inside }))
  )
  const found: Ruleset[] = []
  const problems: string[] = []
  results.forEach(({ code, errno, stdout, stderr }, index) => {
    const flavour = flavours[index] ?? ''
    if (code === 0) found.push(parseSave(flavour, stdout))
    else if (errno !== 'ENOENT') problems.push(`${flavour}-save: ${errno ?? stderr.trim()}`)
  })
  return problems.length === 0 ? { found } : { found, problem: problems.join('; ') }
}

function hasLegacyTable(family: Family): boolean {
  const path = LEGACY_TABLES[family]
  return existsSync(path) && readFileSync(path, 'utf8').split('\n').includes('filter')
}
