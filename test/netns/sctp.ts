/**
 * A small SCTP on raw sockets, as many kernels have none: the whole handshake, and a message each way. Where the kernel's own
 * is loaded, it would answer for us that there is nobody.
 */
import { randomBytes, randomInt } from 'node:crypto'
import koffi from 'koffi'
import { bytesToIp, ipToBytes } from '../../src/host/linux/bytes.js'
import {
  CHUNK,
  SACK,
  dataChunk,
  decodeSctp,
  encodeSctp,
  initChunk,
  readInit,
  textOf
} from './sctp-packets.js'
import type { SctpPacket } from './sctp-packets.js'

const [AF_INET, AF_INET6, SOCK_RAW, IPPROTO_SCTP, MSG_DONTWAIT] = [2, 10, 3, 132, 0x40]
const NOTHING = Buffer.alloc(0)
const POLL_MS = 5
const AGAIN_MS = 250
/** What the kernel makes of ICMP messages that say no. */
const REFUSALS: readonly number[] = [
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOPROTOOPT',
  'EACCES'
].flatMap((name) => koffi.os.errno[name] ?? [])

const libc = koffi.load(null)
const sysSocket: (...args: [number, number, number]) => number = libc.func('int socket(int, int, int)')
const sysConnect: (...args: [number, Buffer, number]) => number = libc.func(
  'int connect(int, const void *, uint32_t)'
)
const sysBind: (...args: [number, Buffer, number]) => number = libc.func(
  'int bind(int, const void *, uint32_t)'
)
const sysSendTo: (...args: [number, Buffer, number, number, Buffer, number]) => number = libc.func(
  'long sendto(int, const void *, size_t, int, const void *, uint32_t)'
)
const sysReceiveFrom: (...args: [number, Buffer, number, number, Buffer, Buffer]) => number = libc.func(
  'long recvfrom(int, _Out_ void *, size_t, int, _Out_ void *, _Inout_ void *)'
)
const sysClose: (...args: [number]) => number = libc.func('int close(int)')

interface Received {
  readonly address: string
  readonly packet: SctpPacket
}

class RawSocket {
  readonly #fd: number
  readonly #family: 4 | 6
  readonly #bytes = Buffer.alloc(65_536)

  constructor(family: 4 | 6) {
    this.#family = family
    this.#fd = sysSocket(family === 4 ? AF_INET : AF_INET6, SOCK_RAW, IPPROTO_SCTP)
    if (this.#fd < 0) throw new Error('cannot open a raw socket')
  }

  /** Only packets to this address, and answers from it. */
  bind(address: string): void {
    const own = socketAddress(address)
    if (sysBind(this.#fd, own, own.length) !== 0) throw new Error(`cannot bind to ${address}`)
  }

  /** Only packets from there, and what ICMP says about those that go there. */
  connect(address: string): boolean {
    const peer = socketAddress(address)
    return sysConnect(this.#fd, peer, peer.length) === 0
  }

  send(address: string, packet: SctpPacket): void {
    const [bytes, peer] = [encodeSctp(packet), socketAddress(address)]
    sysSendTo(this.#fd, bytes, bytes.length, 0, peer, peer.length)
  }

  receive(): Received | 'refused' | 'nothing' {
    for (;;) {
      const [from, size] = [Buffer.alloc(28), Buffer.alloc(4)]
      size.writeUInt32LE(from.length)
      const length = sysReceiveFrom(this.#fd, this.#bytes, this.#bytes.length, MSG_DONTWAIT, from, size)
      if (length < 0) return REFUSALS.includes(koffi.errno()) ? 'refused' : 'nothing'
      const begin = this.#family === 4 ? (this.#bytes.readUInt8(0) & 15) * 4 : 0
      const packet = decodeSctp(this.#bytes.subarray(begin, length))
      const address = this.#family === 4 ? from.subarray(4, 8) : from.subarray(8, 24)
      if (packet) return { address: bytesToIp(address), packet }
    }
  }

  close(): void {
    sysClose(this.#fd)
  }
}

/**
 * Answers each message to these ports, at these addresses, with the text and the client's address, as long as the process
 * runs.
 */
export function answerSctp(
  ports: readonly number[],
  text: string,
  addresses: readonly string[] = ['0.0.0.0', '::']
): void {
  for (const own of addresses) {
    const socket = new RawSocket(own.includes(':') ? 6 : 4)
    socket.bind(own)
    const begun = new Map<string, { readonly own: number; readonly peer: number }>()
    setInterval(() => {
      for (let one = socket.receive(); one !== 'nothing'; one = socket.receive()) {
        if (one === 'refused' || !ports.includes(one.packet.to)) continue
        const { address, packet } = one
        const answer = answerOf(packet, `${text} ${address}`, begun, `${address} ${String(packet.from)}`)
        if (answer) socket.send(address, { from: packet.to, to: packet.from, ...answer })
      }
    }, POLL_MS)
  }
}

function answerOf(
  { tag, chunks }: SctpPacket,
  text: string,
  begun: Map<string, { readonly own: number; readonly peer: number }>,
  key: string
): Pick<SctpPacket, 'tag' | 'chunks'> | undefined {
  const [first] = chunks
  if (first?.type === CHUNK.INIT) {
    const { tag: peer } = readInit(first)
    const cookie = Buffer.alloc(8)
    cookie.writeUInt32BE(peer, 0)
    cookie.writeUInt32BE(newTag(), 4)
    return { tag: peer, chunks: [initChunk(cookie.readUInt32BE(4), cookie)] }
  }
  if (first?.type === CHUNK.COOKIE_ECHO && first.body.length === 8) {
    const [peer, own] = [first.body.readUInt32BE(0), first.body.readUInt32BE(4)]
    if (own !== tag) return undefined
    begun.set(key, { own, peer })
    return { tag: peer, chunks: [{ type: CHUNK.COOKIE_ACK, body: NOTHING }] }
  }
  const known = begun.get(key)
  if (first?.type !== CHUNK.DATA || known?.own !== tag) return undefined
  return { tag: known.peer, chunks: [SACK, dataChunk(text)] }
}

/** What answers there; `refused` if somebody says no, `silent` after so long. */
export async function askSctp(address: string, port: number, limitMs: number): Promise<string> {
  const socket = new RawSocket(address.includes(':') ? 6 : 4)
  const [own, from] = [newTag(), randomInt(32_768, 61_000)]
  let next: Step = { tag: 0, chunks: [initChunk(own)] }
  const send = (): void => {
    socket.send(address, { from, to: port, ...next })
  }
  const again = setInterval(send, AGAIN_MS)
  try {
    if (!socket.connect(address)) return 'refused'
    send()
    for (const end = performance.now() + limitMs; performance.now() < end;) {
      const one = socket.receive()
      if (one === 'refused') return one
      if (one === 'nothing') await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      const isOurs = typeof one === 'object' && one.packet.from === port && one.packet.to === from
      const step = isOurs && one.packet.tag === own ? stepAfter(one.packet, next.tag) : undefined
      if (!step) continue
      next = step
      send()
      if (step.heard !== undefined) return step.heard
    }
    return 'silent'
  } finally {
    clearInterval(again)
    socket.close()
  }
}

/** What the client sends next. */
type Step = Pick<SctpPacket, 'tag' | 'chunks'> & { readonly heard?: string }

function stepAfter({ chunks }: SctpPacket, tag: number): Step | undefined {
  const data = chunks.find(({ type }) => type === CHUNK.DATA)
  if (data) return { tag, chunks: [SACK, { type: CHUNK.ABORT, body: NOTHING }], heard: textOf(data) }
  const [first] = chunks
  if (first?.type === CHUNK.COOKIE_ACK) return { tag, chunks: [dataChunk('?')] }
  if (first?.type !== CHUNK.INIT_ACK) return undefined
  const { tag: peer, cookie } = readInit(first)
  return { tag: peer, chunks: [{ type: CHUNK.COOKIE_ECHO, body: cookie }] }
}

function newTag(): number {
  return randomBytes(4).readUInt32BE(0) || 1
}

function socketAddress(address: string): Buffer {
  const bytes = ipToBytes(address)
  const isV4 = bytes.length === 4
  const structure = Buffer.alloc(isV4 ? 16 : 28)
  structure.writeUInt16LE(isV4 ? AF_INET : AF_INET6, 0)
  bytes.copy(structure, isV4 ? 4 : 8)
  return structure
}
