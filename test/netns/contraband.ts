/** Packets that a container must not send, by what they are, with the counter that says so. */
import { ipToBytes } from '../../src/host/linux/bytes.js'
import { A, B, GATEWAY, GATEWAY6 } from './containers.js'
import {
  PROTOCOL,
  fragment,
  fragment4,
  icmp,
  icmpv6,
  icmpv6Message,
  options,
  packet,
  ports
} from './packets.js'

export const LINK_LOCAL = 'fe80::42:aff:fe01:2'
export const ALL_NODES = 'ff02::1'
export const V4 = { from: A.address, to: B.address }
export const V6 = { from: A.address6, to: B.address6 }
export const MARKER = 'contraband'
const MARK = Buffer.from(MARKER)
const { ICMP, TCP, UDP, ROUTING, FRAGMENT, DESTINATION, HOP_BY_HOP, ICMPV6, OSPF } = PROTOCOL
/** Nobody has them. */
export const MADE_UP = 'fe80::bad'
const IGNORED = Buffer.alloc(4)

/** Counter by what must not pass to another container. Without the guard all of it does. */
export const CONTRABAND: Record<string, readonly [string, Buffer]> = {
  'an address of another container': ['spoofed-ipv4', udp({ ...V4, from: B.address })],
  'an IPv6 address of another container': ['spoofed-ipv6', udp({ ...V6, from: B.address6 })],
  'a later fragment of a foreign packet': ['spoofed-ipv4', fragment4(udp({ ...V4, from: B.address }), 8)],
  'an IPv6 routing header of type 0': [
    'routing-header',
    packet({ ...V6, protocol: ROUTING }, Buffer.concat([Buffer.of(59, 0, 0, 0, 0, 0, 0, 0), MARK]))
  ],
  'an IPv6 routing header of type 4 behind another header': [
    'routing-header',
    behindOptions(ROUTING, Buffer.concat([Buffer.of(59, 0, 4, 0, 0, 0, 0, 0), MARK]))
  ],
  'a first fragment that does not say what the whole is': [
    'hidden-transport',
    packet({ ...V6, protocol: FRAGMENT }, fragment(DESTINATION, { at: 0, more: true }, options(TCP, MARKER)))
  ],
  'a later fragment of it': [
    'hidden-transport',
    packet({ ...V6, protocol: FRAGMENT }, fragment(DESTINATION, { at: 16, more: false }, MARK))
  ],
  'a fragment in a fragment': [
    'hidden-transport',
    packet(
      { ...V6, protocol: FRAGMENT },
      fragment(FRAGMENT, { at: 0, more: false }, fragment(OSPF, { at: 0, more: false }, MARK))
    )
  ],
  'headers that end before what they announce': [
    'hidden-transport',
    behindOptions(DESTINATION, Buffer.of(6))
  ],
  'neighbour discovery in a fragment': [
    'hidden-transport',
    packet(
      { ...V6, protocol: FRAGMENT },
      fragment(ICMPV6, { at: 0, more: true }, icmpv6Message(V6, [136, advertisement(V6.from)]))
    )
  ],
  'OSPFv3 behind options': ['ospf-packet', behindOptions(OSPF, MARK)],
  'BGP behind options': ['bgp-packet', behindOptions(TCP, ports(40000, 179, MARKER))],
  'BGP in a first fragment': ['bgp-packet', fragment4(tcp(V4, 40000, 179), 0, 24)],
  'a router advertisement behind options': [
    'router-advertisement',
    behindOptions(ICMPV6, icmpv6Message(V6, [134, Buffer.concat([IGNORED, MARK])]))
  ],
  EIGRP: ['router-protocol', packet({ ...V4, protocol: 88 }, MARK)],
  PIM: ['router-protocol', packet({ ...V4, protocol: 103 }, MARK)],
  'VRRP over IPv6': ['router-protocol', packet({ ...V6, protocol: 112 }, MARK)],
  RIP: ['router-protocol', udp(V4, 520)],
  RIPng: ['router-protocol', udp(V6, 521)],
  Babel: ['router-protocol', udp(V6, 6696)],
  'IP in IP': ['tunnel-packet', packet({ ...V4, protocol: 4 }, udp({ ...V4, from: B.address }))],
  'IPv6 in IPv4': ['tunnel-packet', packet({ ...V4, protocol: 41 }, udp(V6))],
  'IP in IPv6': ['tunnel-packet', packet({ ...V6, protocol: 4 }, udp(V4))],
  GRE: ['tunnel-packet', packet({ ...V4, protocol: 47 }, MARK)],
  VXLAN: ['tunnel-packet', udp(V4, 4789)],
  'VXLAN over IPv6, on the old port': ['tunnel-packet', udp(V6, 8472)],
  Geneve: ['tunnel-packet', udp(V4, 6081)],
  'an answer of a DHCP server': ['dhcp-server', udp(V4, 68)],
  'an answer of a DHCPv6 server': ['dhcp-server', udp(V6, 546)],
  OSPF: ['ospf-packet', packet({ ...V4, protocol: OSPF }, MARK)],
  OSPFv3: ['ospf-packet', packet({ ...V6, protocol: OSPF }, MARK)],
  'a question to a BGP router': ['bgp-packet', tcp(V4, 40000, 179)],
  'an answer of a BGP router': ['bgp-packet', tcp(V4, 179, 40000)],
  'BGP over IPv6': ['bgp-packet', tcp(V6, 40000, 179)],
  BFD: ['bfd-packet', udp(V4, 3784)],
  'BFD echo': ['bfd-packet', udp(V4, 3785)],
  'BFD over many hops, IPv6': ['bfd-packet', udp(V6, 4784)],
  'an ICMP redirect': [
    'icmp-redirect',
    packet({ ...V4, protocol: ICMP }, icmp(5, Buffer.concat([IGNORED, MARK])))
  ],
  'an ICMP router advertisement': [
    'router-advertisement',
    packet({ ...V4, protocol: ICMP }, icmp(9, Buffer.concat([IGNORED, MARK])))
  ],
  'an IPv6 redirect': ['icmp-redirect', icmpv6(V6.from, V6.to, [137, Buffer.concat([IGNORED, MARK])])],
  'an IPv6 router advertisement': [
    'router-advertisement',
    icmpv6(V6.from, V6.to, [134, Buffer.concat([IGNORED, MARK])])
  ],
  'a neighbour advertisement for somebody else': [
    'foreign-neighbour-advertisement',
    icmpv6(V6.from, V6.to, [136, advertisement('fd00::3')])
  ]
}

/** The same with nobody to see it arrive: not even without the guard would it be forwarded. */
export const NOISE: Record<string, readonly [string, Buffer]> = {
  'no address': ['spoofed-ipv4', udp({ ...V4, from: '0.0.0.0' })],
  'an address of the host itself': ['spoofed-ipv4', udp({ ...V4, from: GATEWAY })],
  'a made-up link-local address': ['spoofed-ipv6', udp({ from: MADE_UP, to: GATEWAY6 })],
  'neighbour discovery from a made-up link-local address': [
    'spoofed-ipv6',
    icmpv6(MADE_UP, 'ff02::1:ff00:1', [135, solicitation(GATEWAY6)])
  ],
  'a router solicitation from a made-up link-local address': [
    'spoofed-ipv6',
    icmpv6(MADE_UP, 'ff02::2', [133, Buffer.concat([IGNORED, Buffer.of(1, 1, 2, 0, 0, 0, 0, 1)])])
  ],
  'an advertisement of a made-up link-local address': [
    'foreign-neighbour-advertisement',
    icmpv6(V6.from, ALL_NODES, [136, advertisement(MADE_UP)])
  ],
  'a link-local address that nobody has, as a destination': [
    'foreign-link-local',
    udp({ from: A.address6, to: MADE_UP })
  ],
  'a question to a link-local address that nobody has': [
    'foreign-link-local',
    icmpv6(A.address6, MADE_UP, [128, IGNORED])
  ],
  'anything but neighbour discovery from no IPv6 address': [
    'spoofed-ipv6',
    udp({ from: '::', to: GATEWAY6 })
  ],
  'a router advertisement of the usual kind': ['router-advertisement', routerAdvertisement()],
  'an OSPF hello': ['ospf-packet', packet({ from: A.address, to: '224.0.0.5', protocol: OSPF }, MARK)],
  'an OSPFv3 hello': ['ospf-packet', packet({ from: LINK_LOCAL, to: 'ff02::5', protocol: OSPF }, MARK)]
}

export function udp(addresses: { from: string; to: string }, port = 7): Buffer {
  return packet({ ...addresses, protocol: UDP }, ports(40000, port, MARKER))
}

function tcp(addresses: { from: string; to: string }, source: number, destination: number): Buffer {
  return packet({ ...addresses, protocol: TCP }, ports(source, destination, MARKER))
}

/** Flags, target, and the marker where nobody looks. */
export function advertisement(target: string): Buffer {
  return Buffer.concat([
    Buffer.of(0x20, 0, 0, 0),
    ipToBytes(target),
    Buffer.from(`\x02\x02${MARKER}    `, 'latin1')
  ])
}

export function routerAdvertisement(): Buffer {
  return icmpv6(LINK_LOCAL, ALL_NODES, [134, Buffer.of(64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0)])
}

/** Whose MAC is asked for, and one's own. */
export function solicitation(target: string): Buffer {
  return Buffer.concat([IGNORED, ipToBytes(target), Buffer.of(1, 1, 2, 0, 0, 0, 0, 1)])
}

/** IPv6 with options between it and what it carries, and a marker in the options. */
function behindOptions(next: number, rest: Buffer): Buffer {
  const chain = [options(DESTINATION, MARKER), options(next)]
  return packet({ ...V6, protocol: HOP_BY_HOP }, Buffer.concat([...chain, rest]))
}
