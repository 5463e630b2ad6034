/** The table of marks: a link leads to the chain that gives packets its code point. Its size does not depend on their number. */
import { IFNAMSIZ, NFPROTO } from './constants.js'
import type { NamedSet, Table } from './nftables.js'
import type { Skeleton } from './tables.js'

export const MARK_TABLE: Table = { family: NFPROTO.INET, name: 'net-routed-marks' }
export const MARKS: NamedSet = { table: MARK_TABLE, name: 'marks' }

const CODE_POINTS = Array.from({ length: 64 }, (_, dscp) => dscp)
/** As mangle in iptables. */
const PRIORITY = -150
const PREFIX = 'dscp-'

export const MARK_SKELETON: Skeleton = {
  table: MARK_TABLE,
  counters: [],
  sets: [{ name: MARKS.name, type: 'type ifname : verdict', keyBytes: IFNAMSIZ, isMap: true }],
  chains: [
    ...CODE_POINTS.map((dscp) => ({
      name: chainOf(dscp),
      rules: [`ip dscp set ${String(dscp)}`, `ip6 dscp set ${String(dscp)}`]
    })),
    {
      name: 'prerouting',
      hook: { name: 'prerouting', number: 0, priority: PRIORITY },
      rules: ['iifname vmap @marks']
    }
  ]
}

/** Chain of a code point. */
export function chainOf(dscp: number): string {
  return `${PREFIX}${String(dscp)}`
}

/** Code point of a chain; undefined for one that is not ours. */
export function dscpOf(chain: string): number | undefined {
  return CODE_POINTS.find((dscp) => chainOf(dscp) === chain)
}
