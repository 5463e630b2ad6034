/** Packets that no program sends, byte by byte, and a socket that sends them from a container and sees what arrives. */
import koffi from 'koffi'
import { ipToBytes, macToBytes } from '../../src/host/linux/bytes.js'
import { withNetns } from '../../src/host/linux/netns.js'
import { ip, pathOf } from './scratch.js'

export const PROTOCOL = { ICMP: 1, TCP: 6, UDP: 17, ROUTING: 43, FRAGMENT: 44, ICMPV6: 58, OSPF: 89 } as const
const ETHERTYPE = { IPV4: 0x0800, ARP: 0x0806, IPV6: 0x86dd } as const
const AF_PACKET = 17
const SOCK_RAW = 3
const ETH_P_ALL_BE = 0x0300
const MSG_DONTWAIT = 0x40
const SOCKADDR_LL_SIZE = 20

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

  /** Sends an IPv4, IPv6 or ARP packet; of these only ARP does not begin with a version. */
  send(packet: Buffer): void {
    const type = { 4: ETHERTYPE.IPV4, 6: ETHERTYPE.IPV6 }[(packet[0] ?? 0) >> 4] ?? ETHERTYPE.ARP
    const frame = Buffer.concat([this.#peer, this.#mac, u16(type), packet])
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

/** ICMP: type, code 0, checksum, and what follows. */
export function icmp(type: number, rest: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.of(type, 0, 0, 0), rest])
  bytes.writeUInt16BE(checksum(bytes), 2)
  return bytes
}

/** A whole ICMPv6 packet, with the checksum that covers its addresses. */
export function icmpv6(from: string, to: string, [type, rest]: readonly [number, Buffer]): Buffer {
  const bytes = Buffer.concat([Buffer.of(type, 0, 0, 0), rest])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  const pseudo = Buffer.concat([
    ipToBytes(from),
    ipToBytes(to),
    length,
    Buffer.of(0, 0, 0, PROTOCOL.ICMPV6),
    bytes
  ])
  bytes.writeUInt16BE(checksum(pseudo), 2)
  return packet({ from, to, protocol: PROTOCOL.ICMPV6 }, bytes)
}

/** ARP over Ethernet, between protocol addresses. `mac`: of the sender. */
export function arp(what: 'request' | 'reply', mac: string, { from, to }: Omit<Header, 'protocol'>): Buffer {
  const head = Buffer.of(0, 1, 8, 0, 6, 4, 0, what === 'request' ? 1 : 2)
  return Buffer.concat([head, macToBytes(mac), ipToBytes(from), Buffer.alloc(6), ipToBytes(to)])
}

function ipv4Header({ from, to, protocol }: Header, length: number): Buffer {
  const start = Buffer.of(0x45, 0, 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0)
  const header = Buffer.concat([start, ipToBytes(from), ipToBytes(to)])
  header.writeUInt16BE(header.length + length, 2)
  header.writeUInt16BE(checksum(header), 10)
  return header
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
