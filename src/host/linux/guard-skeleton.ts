/**
 * What the guard consists of. Its size does not depend on the number of containers: links are matched by the beginning of
 * their name, and what they may send is in sets. Nothing here keeps state or needs connection tracking.
 *
 * The sets are keyed by link and address. A counter's name says what was dropped, and has a hyphen, so that it is no word of nft's: `nft list table inet net-routed`.
 */
import { LINK_PREFIX } from '../objects.js'
import { IFNAMSIZ, NFPROTO } from './constants.js'
import type { NamedSet, Table } from './nftables.js'

const NAME = 'net-routed'
const INET: Table = { family: NFPROTO.INET, name: NAME }
const ARP: Table = { family: NFPROTO.ARP, name: NAME }
export interface Chain {
  readonly name: string
  /** Absent for chains that others jump to. Both hooks have the number 0 in their families. */
  readonly hook?: { readonly name: string; readonly priority: number }
  readonly rules: readonly string[]
}

/** A table, apart from its elements. */
export interface Skeleton {
  readonly table: Table
  readonly counters: readonly string[]
  readonly sets: readonly { readonly name: string; readonly type: string; readonly keyBytes: number }[]
  readonly chains: readonly Chain[]
}

/** Where the elements of a source go, by the family of its address. */
export const GUARD_SETS: Readonly<Record<4 | 6, readonly [NamedSet, NamedSet]>> = {
  4: [
    { table: INET, name: 'sources4' },
    { table: ARP, name: 'sources4' }
  ],
  6: [
    { table: INET, name: 'sources6' },
    { table: INET, name: 'advertised6' }
  ]
}

const SOURCES4 = { name: 'sources4', type: 'type ifname . ipv4_addr', keyBytes: IFNAMSIZ + 4 }
const FROM_CONTAINER = `iifname "${LINK_PREFIX}*"`

const OSPF = 'meta l4proto 89 counter name "ospf-packet" drop'
const ROUTING_HEADER = 'rt type 0 counter name "routing-header" drop'
/**
 * One comparison each, which costs a packet less than looking the protocol up. By number: nft finds names in
 * /etc/protocols, which not every image has.
 */
const PORTS = ['meta l4proto 6 goto from-tcp', 'meta l4proto 17 goto from-udp']

/** Before connection tracking, and before what others do at `raw` (-300). */
const PRIORITY = -310

/** Both tables. */
export const SKELETONS: readonly Skeleton[] = [
  {
    table: INET,
    counters: [
      'spoofed-ipv4',
      'spoofed-ipv6',
      'loopback-destination',
      'routing-header',
      'ospf-packet',
      'bgp-packet',
      'bfd-packet',
      'icmp-redirect',
      'router-advertisement',
      'foreign-neighbour-advertisement'
    ],
    sets: [
      SOURCES4,
      { name: 'sources6', type: 'type ifname . ipv6_addr', keyBytes: IFNAMSIZ + 16 },
      // The target of an advertisement has no name in nft 1.0.6.
      { name: 'advertised6', type: 'typeof iifname . @th,64,128', keyBytes: IFNAMSIZ + 16 }
    ],
    chains: [
      {
        name: 'prerouting',
        hook: { name: 'prerouting', priority: PRIORITY },
        rules: [`${FROM_CONTAINER} goto from-container`]
      },
      {
        name: 'from-container',
        rules: ['meta nfproto ipv4 goto from-ipv4', 'meta nfproto ipv6 goto from-ipv6']
      },
      {
        name: 'from-ipv4',
        rules: [
          'iifname . ip saddr != @sources4 counter name "spoofed-ipv4" drop',
          // Martian unless somebody has set route_localnet, as kube-proxy does.
          'ip daddr 127.0.0.0/8 counter name "loopback-destination" drop',
          ...PORTS,
          OSPF,
          'icmp type redirect counter name "icmp-redirect" drop',
          'icmp type router-advertisement counter name "router-advertisement" drop'
        ]
      },
      {
        name: 'from-ipv6',
        rules: [
          'meta l4proto 58 goto from-icmpv6',
          OSPF,
          'iifname . ip6 saddr != @sources6 counter name "spoofed-ipv6" drop',
          ROUTING_HEADER,
          ...PORTS
        ]
      },
      {
        name: 'from-icmpv6',
        rules: [
          'icmpv6 type nd-redirect counter name "icmp-redirect" drop',
          'icmpv6 type nd-router-advert counter name "router-advertisement" drop',
          'icmpv6 type nd-neighbor-advert @th,64,10 != 0x3fa iifname . @th,64,128 != @advertised6 counter name "foreign-neighbour-advertisement" drop',
          ROUTING_HEADER,
          'iifname . ip6 saddr @sources6 accept',
          'ip6 saddr { ::, fe80::/10 } icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld-listener-report, mld-listener-done, mld2-listener-report } accept',
          'counter name "spoofed-ipv6" drop'
        ]
      },
      {
        name: 'from-tcp',
        rules: [
          'tcp dport 179 counter name "bgp-packet" drop',
          'tcp sport 179 counter name "bgp-packet" drop'
        ]
      },
      {
        name: 'from-udp',
        rules: [3784, 3785, 4784].map((port) => `udp dport ${String(port)} counter name "bfd-packet" drop`)
      }
    ]
  },
  {
    table: ARP,
    counters: ['spoofed-arp'],
    sets: [SOURCES4],
    chains: [
      {
        name: 'input',
        hook: { name: 'input', priority: 0 },
        rules: [`${FROM_CONTAINER} iifname . arp saddr ip != @sources4 counter name "spoofed-arp" drop`]
      }
    ]
  }
]

export const GUARD_TABLES: readonly Table[] = SKELETONS.map(({ table }) => table)
