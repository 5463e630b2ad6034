/**
 * The table of published ports. Its size does not depend on their number: what goes where is in maps. A packet for a port
 * of one address finds that before one for the port of all addresses. It comes before Docker's own translation (-100).
 */
import { IFNAMSIZ, NFPROTO } from './constants.js'
import type { NamedSet, Table } from './nftables.js'
import type { Skeleton } from './tables.js'

export const PORT_TABLE: Table = { family: NFPROTO.INET, name: 'net-routed-ports' }

const BEFORE_DOCKER = -101
const BEFORE_MASQUERADE = 99
const [PRE_ROUTING, LOCAL_OUT, POST_ROUTING] = [0, 3, 4]
/** Every field of a key takes whole words. */
const WORD = 4
const PORT = `inet_proto . inet_service`

/** Sets and maps by what is in them and the family of the container's address. */
export const PORT_SETS = {
  everywhere: { 4: setOf('everywhere4'), 6: setOf('everywhere6') },
  bound: { 4: setOf('bound4'), 6: setOf('bound6') },
  hairpins: { 4: setOf('hairpins4'), 6: setOf('hairpins6') },
  /** Hairpins of one address: an interval set takes the longer to let one go the more it has. */
  selves: { 4: setOf('selves4'), 6: setOf('selves6') },
  exclusions: setOf('exclusions')
} as const

export const PORT_SKELETON: Skeleton = {
  table: PORT_TABLE,
  counters: [],
  sets: [
    mapOf('everywhere4', `type ${PORT} : ipv4_addr . inet_service`, 2 * WORD),
    mapOf('everywhere6', `type ${PORT} : ipv6_addr . inet_service`, 2 * WORD),
    mapOf('bound4', `type ipv4_addr . ${PORT} : ipv4_addr . inet_service`, 3 * WORD),
    mapOf('bound6', `type ipv6_addr . ${PORT} : ipv6_addr . inet_service`, 6 * WORD),
    { name: 'hairpins4', type: 'type ipv4_addr . ipv4_addr; flags interval', keyBytes: 2 * WORD },
    { name: 'hairpins6', type: 'type ipv6_addr . ipv6_addr; flags interval', keyBytes: 8 * WORD },
    { name: 'selves4', type: 'type ipv4_addr . ipv4_addr', keyBytes: 2 * WORD },
    { name: 'selves6', type: 'type ipv6_addr . ipv6_addr', keyBytes: 8 * WORD },
    { name: 'exclusions', type: `type ifname . ${PORT}`, keyBytes: IFNAMSIZ + 2 * WORD }
  ],
  chains: [
    {
      name: 'prerouting',
      hook: { type: 'nat', name: 'prerouting', number: PRE_ROUTING, priority: BEFORE_DOCKER },
      // For the host itself only: from elsewhere they are martians, which the kernel drops where it still sees their address.
      rules: ['ip daddr 127.0.0.0/8 accept', 'fib daddr type local goto published']
    },
    {
      name: 'output',
      hook: { type: 'nat', name: 'output', number: LOCAL_OUT, priority: BEFORE_DOCKER },
      rules: [
        'ip daddr 127.0.0.0/8 goto loopback',
        'ip6 daddr ::1 goto loopback',
        'fib daddr type local goto published'
      ]
    },
    {
      // Ports of all addresses are there with 127.0.0.1 and ::1, where links let it through.
      name: 'loopback',
      rules: [
        'dnat ip to ip daddr . meta l4proto . th dport map @bound4',
        'dnat ip6 to ip6 daddr . meta l4proto . th dport map @bound6'
      ]
    },
    {
      name: 'published',
      rules: [
        'iifname . meta l4proto . th dport @exclusions accept',
        'dnat ip to ip daddr . meta l4proto . th dport map @bound4',
        'dnat ip to meta l4proto . th dport map @everywhere4',
        'dnat ip6 to ip6 daddr . meta l4proto . th dport map @bound6',
        'dnat ip6 to meta l4proto . th dport map @everywhere6'
      ]
    },
    {
      name: 'postrouting',
      hook: { type: 'nat', name: 'postrouting', number: POST_ROUTING, priority: BEFORE_MASQUERADE },
      rules: [
        // Nobody can answer to these.
        'ct status dnat ip saddr 127.0.0.0/8 masquerade',
        'ct status dnat ip6 saddr ::1 masquerade',
        'ct status dnat ip saddr . ip daddr @selves4 masquerade',
        'ct status dnat ip6 saddr . ip6 daddr @selves6 masquerade',
        'ct status dnat ip saddr . ip daddr @hairpins4 masquerade',
        'ct status dnat ip6 saddr . ip6 daddr @hairpins6 masquerade'
      ]
    }
  ]
}

function setOf(name: string): NamedSet {
  return { table: PORT_TABLE, name }
}

function mapOf(name: string, type: string, keyBytes: number): Skeleton['sets'][number] {
  return { name, type, keyBytes, isMap: true }
}
