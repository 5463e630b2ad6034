/**
 * What the guard consists of. Its size does not depend on the number of containers: links are matched by the beginning of
 * their name, and what they may send is in sets. Nothing here keeps state or needs connection tracking.
 *
 * The sets are keyed by link and address. A counter's name says what was dropped, and has a hyphen, so that it is no word of nft's: `nft list table inet net-routed`.
 */
import { LINK_PREFIX } from '../objects.js'
import { IFNAMSIZ, NFPROTO } from './constants.js'
import type { NamedSet, Table } from './nftables.js'
import type { Skeleton } from './tables.js'

const NAME = 'net-routed'
const INET: Table = { family: NFPROTO.INET, name: NAME }
const ARP: Table = { family: NFPROTO.ARP, name: NAME }

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

/**
 * By number: nft finds names in /etc/protocols, which not every image has. One comparison each for what most packets are,
 * one look-up for what is dropped of the rest.
 */
const PORTS = ['meta l4proto 6 goto from-tcp', 'meta l4proto 17 goto from-udp']
/**
 * A packet in a packet would come out at the other end of a tunnel, with whatever source. WireGuard and IPsec, which do not
 * let in everybody, pass.
 */
const PROTOCOLS = dropped('meta l4proto', {
  'ospf-packet': [89],
  'router-protocol': [88, 103, 112], // EIGRP, PIM, VRRP
  'tunnel-packet': [4, 41, 47] // IP in IP, IPv6 in IPv4, GRE
})
const UDP_PORTS = dropped('udp dport', {
  'bfd-packet': [3784, 3785, 4784],
  'router-protocol': [520, 521, 6696], // RIP, RIPng, Babel
  'tunnel-packet': [4789, 8472, 6081], // VXLAN, VXLAN as Linux once had it, Geneve
  'dhcp-server': [68, 546]
})
/** Of IPv6, in front of what a packet really is. Others are not known to the kernel either, so nothing is behind them. */
const EXTENSIONS = '{ 0, 43, 44, 51, 60 }'

/**
 * Before fragments are put together (-400): a part of a packet in another container's name would end up in that one's. So
 * rules see fragments, and what the first one says must be readable in it.
 */
const PRIORITY = -450

/** Both tables. */
export const SKELETONS: readonly Skeleton[] = [
  {
    table: INET,
    counters: [
      'spoofed-ipv4',
      'spoofed-ipv6',
      'loopback-destination',
      'routing-header',
      'hidden-transport',
      'ospf-packet',
      'bgp-packet',
      'bfd-packet',
      'router-protocol',
      'tunnel-packet',
      'dhcp-server',
      'icmp-redirect',
      'router-advertisement',
      'foreign-neighbour-advertisement',
      'foreign-link-local'
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
        hook: { name: 'prerouting', number: 0, priority: PRIORITY },
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
          PROTOCOLS,
          dropped('icmp type', { 'icmp-redirect': [5], 'router-advertisement': [9] })
        ]
      },
      {
        name: 'from-ipv6',
        rules: [
          // The host would ask for each of them, and remember that there was no answer.
          'ip6 daddr fe80::/16 fib daddr . iif type != local counter name "foreign-link-local" drop',
          'meta l4proto 58 goto from-icmpv6',
          'iifname . ip6 saddr != @sources6 counter name "spoofed-ipv6" drop',
          `ip6 nexthdr ${EXTENSIONS} jump extensions`,
          ...PORTS,
          PROTOCOLS
        ]
      },
      {
        name: 'from-icmpv6',
        rules: [
          `ip6 nexthdr ${EXTENSIONS} jump extensions`,
          dropped('icmpv6 type', { 'icmp-redirect': [137], 'router-advertisement': [134] }),
          'icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @advertised6 counter name "foreign-neighbour-advertisement" drop',
          'iifname . ip6 saddr @sources6 accept',
          'ip6 saddr :: icmpv6 type { nd-neighbor-solicit, nd-router-solicit, mld-listener-report, mld-listener-done, mld2-listener-report } accept',
          'counter name "spoofed-ipv6" drop'
        ]
      },
      {
        // A chain of headers can be cut into fragments such that no part tells what the whole is (RFC 7112, RFC 6980).
        name: 'extensions',
        rules: [
          'exthdr rt exists counter name "routing-header" drop',
          `frag nexthdr ${EXTENSIONS} counter name "hidden-transport" drop`,
          'exthdr frag exists icmpv6 type 133-137 counter name "hidden-transport" drop',
          // Whatever it is, it is known; nothing has the number 255.
          'meta l4proto != 255 return',
          'counter name "hidden-transport" drop'
        ]
      },
      {
        name: 'from-tcp',
        rules: [
          'tcp dport 179 counter name "bgp-packet" drop',
          'tcp sport 179 counter name "bgp-packet" drop'
        ]
      },
      { name: 'from-udp', rules: [UDP_PORTS] }
    ]
  },
  {
    table: ARP,
    counters: ['spoofed-arp'],
    sets: [SOURCES4],
    chains: [
      {
        name: 'input',
        hook: { name: 'input', number: 0, priority: 0 },
        rules: [`${FROM_CONTAINER} iifname . arp saddr ip != @sources4 counter name "spoofed-arp" drop`]
      }
    ]
  }
]

export const GUARD_TABLES: readonly Table[] = SKELETONS.map(({ table }) => table)

/** A rule that drops what has one of the numbers, and counts it under their name; it costs others one look-up. */
function dropped(what: string, numbersByCounter: Readonly<Record<string, readonly number[]>>): string {
  const elements = Object.entries(numbersByCounter).flatMap(([counter, numbers]) =>
    numbers.map((number) => `${String(number)} : "${counter}"`)
  )
  return `counter name ${what} map { ${elements.join(', ')} } drop`
}
