/** Packets that a container must not send, by what they are, with the counter that says so. */
import { ipToBytes } from '../../src/host/linux/bytes.js'
import { A, B, GATEWAY, GATEWAY6 } from './containers.js'
import { PROTOCOL, icmp, icmpv6, packet, ports } from './packets.js'

export const LINK_LOCAL = 'fe80::42:aff:fe01:2'
export const ALL_NODES = 'ff02::1'
export const V4 = { from: A.address, to: B.address }
export const V6 = { from: A.address6, to: B.address6 }
export const MARKER = 'contraband'
const MARK = Buffer.from(MARKER)
const { ICMP, TCP, UDP, ROUTING, OSPF } = PROTOCOL
const IGNORED = Buffer.alloc(4)

/** Counter by what must not pass to another container. Without the guard all of it does. */
export const CONTRABAND: Record<string, readonly [string, Buffer]> = {
  'an address of another container': ['spoofed-ipv4', udp({ ...V4, from: B.address })],
  'an IPv6 address of another container': ['spoofed-ipv6', udp({ ...V6, from: B.address6 })],
  'a later fragment of a foreign packet': ['spoofed-ipv4', laterFragment(udp({ ...V4, from: B.address }))],
  'an IPv6 routing header of type 0': [
    'routing-header',
    packet({ ...V6, protocol: ROUTING }, Buffer.concat([Buffer.of(59, 0, 0, 0, 0, 0, 0, 0), MARK]))
  ],
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
  'anything but neighbour discovery from a link-local address': [
    'spoofed-ipv6',
    udp({ from: LINK_LOCAL, to: GATEWAY6 })
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

/** The same packet as the second half of a longer one. The sum over the header stays right: what one field gains, it loses. */
function laterFragment(bytes: Buffer): Buffer {
  const fragment = Buffer.from(bytes)
  fragment.writeUInt16BE(3, 6)
  fragment.writeUInt16BE(fragment.readUInt16BE(10) - 3, 10)
  return fragment
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
