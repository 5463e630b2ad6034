/** Packets that no program sends, byte by byte, and a socket that sends them from a container and sees what arrives. */
import koffi from 'koffi'
import { ipToBytes, macToBytes } from '../../src/host/linux/bytes.js'
import { withNetns } from '../../src/host/linux/netns.js'
import { ip, pathOf } from './scratch.js'

export const PROTOCOL = {
  HOP_BY_HOP: 0,
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  ROUTING: 43,
  FRAGMENT: 44,
  ICMPV6: 58,
  DESTINATION: 60,
  OSPF: 89
} as const
const ETHERTYPE = { IPV4: 0x0800, ARP: 0x0806, VLAN: 0x8100, IPV6: 0x86dd } as const
const AF_PACKET = 17
const SOCK_RAW = 3
const ETH_P_ALL_BE = 0x0300
const MSG_DONTWAIT = 0x40
const SOCKADDR_LL_SIZE = 20
/** Reserved for experiments; who does not know it goes on (RFC 4727, RFC 8200). */
const SKIPPED_OPTION = 0x1e

const libc = koffi.load(null)
const sysSocket: (...args: [number, number, number]) => number = libc.func('int socket(int, int, int)')
const sysBind: (...args: [number, Buffer, number]) => number = libc.func(
  'int bind(int, const void *, uint32_t)'
)
const sysSend: (...args: [number, Buffer, number, number]) => number = libc.func(
  'long send(int, const void *, size_t, int)'
)
const sysRecv: (...args: [number, Buffer, number, number]) => number = libc.func(
  'long recv(int, _Out_ void *, size_t, int)'
)
const sysClose: (...args: [number]) => number = libc.func('int close(int)')

interface Header {
  readonly from: string
  readonly to: string
  readonly protocol: number
}

/** The end of a link: sends what it is told and keeps what arrives. */
export class Wire {
  readonly #fd: number
  readonly #mac: Buffer
  readonly #peer: Buffer
  readonly #frame = Buffer.alloc(65536)

  /** `peer`: MAC address that packets are sent to. */
  constructor(netns: string, link: string, peer: string) {
    const [, index = '', , mac = ''] = /^(\d+): (.|\n)*ether (\S+)/.exec(ip(netns, `link show ${link}`)) ?? []
    const address = Buffer.alloc(SOCKADDR_LL_SIZE)
    address.writeUInt16LE(AF_PACKET, 0)
    address.writeUInt16LE(ETH_P_ALL_BE, 2)
    address.writeInt32LE(Number(index), 4)
    this.#fd = withNetns(pathOf(netns), () => sysSocket(AF_PACKET, SOCK_RAW, ETH_P_ALL_BE))
    if (sysBind(this.#fd, address, address.length) !== 0) throw new Error(`cannot bind to ${link}`)
    this.#mac = macToBytes(mac)
    this.#peer = macToBytes(peer)
  }

  /** Sends an IPv4, IPv6 or ARP packet; of these only ARP does not begin with a version. `tags`: of VLANs, outer first. */
  send(
    packet: Buffer,
    { from = this.#mac, tags = [] }: { from?: Buffer; tags?: readonly number[] } = {}
  ): void {
    const type = { 4: ETHERTYPE.IPV4, 6: ETHERTYPE.IPV6 }[(packet[0] ?? 0) >> 4] ?? ETHERTYPE.ARP
    const vlans = tags.flatMap((tag) => [u16(ETHERTYPE.VLAN), u16(tag)])
    const frame = Buffer.concat([this.#peer, from, ...vlans, u16(type), packet])
    if (sysSend(this.#fd, frame, frame.length, 0) !== frame.length) throw new Error('cannot send')
  }

  /** Everything that has come since the last call, sent and received, as one text. */
  seen(): string {
    const frames: string[] = []
    for (;;) {
      const length = sysRecv(this.#fd, this.#frame, this.#frame.length, MSG_DONTWAIT)
      if (length < 0) return frames.join('\n')
      frames.push(this.#frame.toString('latin1', 0, length))
    }
  }

  close(): void {
    sysClose(this.#fd)
  }
}

/** An IPv4 or IPv6 packet. */
export function packet({ from, to, protocol }: Header, payload: Buffer): Buffer {
  return to.includes(':')
    ? Buffer.concat([
        Buffer.of(0x60, 0, 0, 0),
        u16(payload.length),
        Buffer.of(protocol, 255),
        ipToBytes(from),
        ipToBytes(to),
        payload
      ])
    : Buffer.concat([ipv4Header({ from, to, protocol }, payload.length), payload])
}

/** UDP or TCP as far as ports go. */
export function ports(source: number, destination: number, marker = ''): Buffer {
  const length = 8 + marker.length
  return Buffer.concat([u16(source), u16(destination), u16(length), u16(0), Buffer.from(marker, 'latin1')])
}

/** An IPv6 extension header with options that mean nothing. `next`: what follows it. */
export function options(next: number, text = ''): Buffer {
  const length = Math.ceil((4 + text.length) / 8) * 8
  const bytes = Buffer.alloc(length)
  bytes.set([next, length / 8 - 1, SKIPPED_OPTION, length - 4])
  bytes.write(text, 4, 'latin1')
  return bytes
}

/** A part of an IPv6 packet. `at`: bytes before it, a multiple of eight. */
export function fragment(next: number, { at, more }: { at: number; more: boolean }, part: Buffer): Buffer {
  return Buffer.concat([Buffer.of(next, 0), u16(at | Number(more)), Buffer.of(0, 0, 0, 7), part])
}

/** A part of an IPv4 packet. Length and sum of the header are those of the part. */
export function fragment4(whole: Buffer, at: number, end?: number): Buffer {
  const start = ((whole[0] ?? 0) & 15) * 4
  const header = Buffer.from(whole.subarray(0, start))
  const part = whole.subarray(start + at, end === undefined ? undefined : start + end)
  header.writeUInt16BE(header.length + part.length, 2)
  header.writeUInt16BE((end === undefined ? 0 : 0x2000) | (at / 8), 6)
  header.writeUInt16BE(0, 10)
  header.writeUInt16BE(checksum(header), 10)
  return Buffer.concat([header, part])
}

/** The same IPv4 packet with an option that names the next hop (RFC 791): its destination is to send it on to there. */
export function sourceRouted(whole: Buffer, next: string): Buffer {
  const option = Buffer.concat([Buffer.of(131, 7, 4), ipToBytes(next), Buffer.of(0)])
  const header = Buffer.concat([whole.subarray(0, 20), option])
  header[0] = 0x40 | (header.length / 4)
  return fragment4(Buffer.concat([header, whole.subarray(20)]), 0)
}

/** ICMP: type, code 0, checksum, and what follows. */
export function icmp(type: number, rest: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.of(type, 0, 0, 0), rest])
  bytes.writeUInt16BE(checksum(bytes), 2)
  return bytes
}

/** A whole ICMPv6 packet, with the checksum that covers its addresses. */
export function icmpv6(from: string, to: string, [type, rest]: readonly [number, Buffer]): Buffer {
  const header = { from, to, protocol: PROTOCOL.ICMPV6 }
  return packet(header, icmpv6Message(header, [type, rest]))
}

/** The same without IPv6 in front. */
export function icmpv6Message(
  { from, to }: Omit<Header, 'protocol'>,
  [type, rest]: readonly [number, Buffer]
): Buffer {
  const bytes = Buffer.concat([Buffer.of(type, 0, 0, 0), rest])
  bytes.writeUInt16BE(checksumWith({ from, to, protocol: PROTOCOL.ICMPV6 }, bytes), 2)
  return bytes
}

/** ARP between protocol addresses, over Ethernet (1) or what is treated alike (6). `mac`: of the sender. */
export function arp(
  what: 'request' | 'reply',
  mac: string,
  { from, to, hardware = 1 }: Omit<Header, 'protocol'> & { readonly hardware?: number }
): Buffer {
  const head = Buffer.of(0, hardware, 8, 0, 6, 4, 0, what === 'request' ? 1 : 2)
  return Buffer.concat([head, macToBytes(mac), ipToBytes(from), Buffer.alloc(6), ipToBytes(to)])
}

function ipv4Header({ from, to, protocol }: Header, length: number): Buffer {
  const start = Buffer.of(0x45, 0, 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0)
  const header = Buffer.concat([start, ipToBytes(from), ipToBytes(to)])
  header.writeUInt16BE(header.length + length, 2)
  header.writeUInt16BE(checksum(header), 10)
  return header
}

/** Over the addresses as well, as in IPv6. */
function checksumWith({ from, to, protocol }: Header, bytes: Buffer): number {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return checksum(
    Buffer.concat([ipToBytes(from), ipToBytes(to), length, Buffer.of(0, 0, 0, protocol), bytes])
  )
}

function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function u16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff)
}
