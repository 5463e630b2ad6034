// probe ADDRESS... - an echo request to each address every millisecond until SIGINT; then prints for each silence of five
// packets or more "silence ADDRESS BEGIN END", in milliseconds since 1970, and a line for each address: ADDRESS SENT LOST
// LONGEST, the last being the longest time without a request, in milliseconds. The kernel of the other end answers, so that
// nothing but the network can lose one. Needs root, for raw sockets.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import koffi from 'koffi'

const [AF_INET, AF_INET6, SOCK_RAW, MSG_DONTWAIT] = [2, 10, 3, 0x40]
const ICMP = { family: AF_INET, protocol: 1, request: 8, reply: 0 }
/** The kernel takes the header away and computes the checksum. */
const ICMPV6 = { family: AF_INET6, protocol: 58, request: 128, reply: 129 }
const INTERVAL_MS = 1
/** Lost packets in a row that count as silence. */
const SILENCE = 5
/** Answers that are under way at the end may take this long. */
const LAST_ANSWER_MS = 500

const libc = koffi.load(null)
const openSocket = libc.func('int socket(int, int, int)')
const connect = libc.func('int connect(int, const uint8_t *, int)')
const send = libc.func('long send(int, const uint8_t *, size_t, int)')
const receive = libc.func('long recv(int, _Out_ uint8_t *, size_t, int)')
const packet = Buffer.alloc(2048)

const probes = process.argv.slice(2).map(probeOf)
const end = once(process, 'SIGINT')
const begin = performance.now()
const timer = setInterval(step, INTERVAL_MS)
await end
clearInterval(timer)
const deadline = performance.now() + LAST_ANSWER_MS
while (probes.some(({ missing }) => missing.size > 0) && performance.now() < deadline) {
  probes.forEach(collect)
  await sleep(INTERVAL_MS)
}
for (const { address, missing } of probes)
  for (const [first, last] of silences(missing)) console.log('silence', address, first, last)
for (const { address, sent, missing, longest } of probes)
  console.log(address, sent, missing.size, Math.round(longest))

function probeOf(address) {
  const kind = address.includes(':') ? ICMPV6 : ICMP
  const socket = openSocket(kind.family, SOCK_RAW, kind.protocol)
  const name = nameOf(address, kind)
  if (socket < 0 || connect(socket, name, name.length) < 0) throw new Error(`no socket for ${address}`)
  return { address, kind, socket, sent: 0, missing: new Map(), last: performance.now(), longest: 0 }
}

/** struct sockaddr_in, struct sockaddr_in6. */
function nameOf(address, { family }) {
  const name = Buffer.alloc(family === AF_INET ? 16 : 28)
  name.writeUInt16LE(family)
  if (family === AF_INET) name.set(address.split('.').map(Number), 4)
  else name.set(bytesOf(address), 8)
  return name
}

function bytesOf(address) {
  const [head, tail] = address.split('::').map((part) => part.split(':').filter(Boolean))
  const groups = tail ? [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail] : head
  return groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255])
}

/** What is due, also what was due while this process had to wait. */
function step() {
  const due = Math.floor((performance.now() - begin) / INTERVAL_MS)
  for (const probe of probes) {
    while (probe.sent < due) {
      ask(probe)
      collect(probe)
    }
  }
}

/** A request that cannot be sent is as lost as one without answer. */
function ask(probe) {
  const now = performance.now()
  probe.longest = Math.max(probe.longest, now - probe.last)
  probe.last = now
  probe.sent++
  probe.missing.set(probe.sent, Date.now())
  const request = Buffer.alloc(16)
  request[0] = probe.kind.request
  request.writeUInt16BE(process.pid & 0xffff, 4)
  request.writeUInt32BE(probe.sent, 8)
  if (probe.kind === ICMP) request.writeUInt16BE(checksum(request), 2)
  send(probe.socket, request, request.length, 0)
}

function collect({ socket, kind, missing }) {
  for (;;) {
    const length = receive(socket, packet, packet.length, MSG_DONTWAIT)
    if (length < 0) return
    const start = kind === ICMP ? (packet[0] & 15) * 4 : 0
    const isOurs = packet[start] === kind.reply && packet.readUInt16BE(start + 4) === (process.pid & 0xffff)
    if (isOurs) missing.delete(packet.readUInt32BE(start + 8))
  }
}

/** Begin and end of each run of lost packets that is long enough. */
function silences(missing) {
  const runs = []
  for (const [number, time] of missing) {
    const run = runs.at(-1)
    if (run && run.last === number - 1) Object.assign(run, { last: number, end: time })
    else runs.push({ first: number, last: number, begin: time, end: time })
  }
  return runs.filter(({ first, last }) => last - first + 1 >= SILENCE).map(({ begin, end }) => [begin, end])
}

function checksum(message) {
  let sum = 0
  for (let at = 0; at < message.length; at += 2) sum += message.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
