// send DESTINATION-MAC WHAT [ARG...] - one frame from eth0 of the network namespace this runs in, whatever its kernel
// thinks of it, as a container with NET_RAW can do.
//   echo SOURCE DESTINATION           tcp|udp SOURCE DESTINATION PORT   ospf SOURCE   redirect SOURCE DESTINATION
//   ipip SOURCE DESTINATION           (another echo in it)
//   arp SENDER                        advertise TARGET (IPv6)           router        echo6 SOURCE DESTINATION
import koffi from 'koffi'

const [AF_PACKET, SOCK_RAW, ETH_P_ALL] = [17, 3, 0x0003]
const [IPV4, ARP, IPV6] = [0x0800, 0x0806, 0x86dd]
const [ICMP, IPIP, TCP, UDP, ICMPV6, OSPF] = [1, 4, 6, 17, 58, 89]
const HEADER = 14
const libc = koffi.load(null)
const openSocket = libc.func('int socket(int, int, int)')
const bind = libc.func('int bind(int, const void *, uint32_t)')
const send = libc.func('long send(int, const void *, size_t, int)')
const indexOf = libc.func('uint32_t if_nametoindex(const char *)')

const OWN_MAC = '02:00:00:00:00:66'
const LINK_LOCAL = 'fe80::66'
const ALL_NODES = 'ff02::1'
const [mac, what, ...args] = process.argv.slice(2)
const frames = {
  echo: (source, destination) => ipv4(source, destination, ICMP, checked(bytes(8, 0, 0, 0, 0, 1, 0, 1), 2)),
  ipip: (source, destination) => ipv4(source, destination, IPIP, frames.echo(destination, destination).subarray(HEADER)),
  tcp: (source, destination, port) =>
    ipv4(source, destination, TCP, bytes(0x30, 0x39, ...short(port), 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0)),
  udp: (source, destination, port) => ipv4(source, destination, UDP, bytes(0x30, 0x39, ...short(port), 0, 12, 0, 0, 1, 2, 3, 4)),
  ospf: (source) => ipv4(source, '224.0.0.5', OSPF, checked(hello(source), 12)),
  redirect: (source, destination) =>
    ipv4(source, destination, ICMP, checked(Buffer.concat([bytes(5, 1, 0, 0, ...quad(source)), Buffer.alloc(28)]), 2)),
  arp: (sender) =>
    frame(ARP, bytes(0, 1, 8, 0, 6, 4, 0, 2, ...macBytes(OWN_MAC), ...quad(sender), ...macBytes(mac), ...quad(sender))),
  advertise: (target) =>
    icmpv6(LINK_LOCAL, ALL_NODES, bytes(136, 0, 0, 0, 0x20, 0, 0, 0, ...words(target), 2, 1, ...macBytes(OWN_MAC))),
  router: () => icmpv6(LINK_LOCAL, ALL_NODES, bytes(134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0)),
  echo6: (source, destination) => icmpv6(source, destination, bytes(128, 0, 0, 0, 0, 1, 0, 1))
}
const packet = frames[what](...args)
const socket = openSocket(AF_PACKET, SOCK_RAW, 0)
const name = Buffer.alloc(20)
name.writeUInt16LE(AF_PACKET)
name.writeUInt16BE(ETH_P_ALL, 2)
name.writeUInt32LE(indexOf('eth0'), 4)
if (socket < 0 || bind(socket, name, name.length) < 0 || send(socket, packet, packet.length, 0) < 0)
  throw new Error('cannot send')

function frame(type, payload) {
  return Buffer.concat([bytes(...macBytes(mac), ...macBytes(OWN_MAC), ...short(type)), payload])
}

function ipv4(source, destination, protocol, payload) {
  const head = bytes(0x45, 0xc0, ...short(20 + payload.length), 0, 1, 0, 0, 64, protocol, 0, 0, ...quad(source), ...quad(destination))
  return frame(IPV4, Buffer.concat([checked(head, 10), payload]))
}

function icmpv6(source, destination, message) {
  const pseudo = bytes(...words(source), ...words(destination), 0, 0, ...short(message.length), 0, 0, 0, ICMPV6)
  message.writeUInt16BE(checksum(Buffer.concat([pseudo, message])), 2)
  const head = bytes(0x60, 0, 0, 0, ...short(message.length), ICMPV6, 255, ...words(source), ...words(destination))
  return frame(IPV6, Buffer.concat([head, message]))
}

/** An OSPF hello of a router that has seen nobody yet. */
function hello(source) {
  const head = bytes(2, 1, 0, 44, ...quad(source), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
  return Buffer.concat([head, bytes(255, 255, 255, 255, 0, 1, 2, 255, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0)])
}

function checked(message, at) {
  message.writeUInt16BE(checksum(message), at)
  return message
}

function checksum(message) {
  let sum = 0
  for (let at = 0; at < message.length; at += 2) sum += message.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function bytes(...values) {
  return Buffer.from(values)
}

function short(value) {
  return [Number(value) >> 8, Number(value) & 255]
}

function quad(address) {
  return address.split('.').map(Number)
}

function macBytes(text) {
  return text.split(':').map((part) => parseInt(part, 16))
}

/** Of an IPv6 address, also a shortened one. */
function words(address) {
  const [left, right] = address.split('::').map((part) => part.split(':').filter((word) => word !== ''))
  const gap = right === undefined ? [] : Array(8 - left.length - right.length).fill('0')
  return [...left, ...gap, ...(right ?? [])].flatMap((word) => short(parseInt(word, 16)))
}
