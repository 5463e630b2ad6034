/** Packets of SCTP, byte by byte: RFC 9260. */

export const CHUNK = {
  DATA: 0,
  INIT: 1,
  INIT_ACK: 2,
  SACK: 3,
  ABORT: 6,
  COOKIE_ECHO: 10,
  COOKIE_ACK: 11
} as const

export interface Chunk {
  readonly type: number
  readonly body: Buffer
}

export interface SctpPacket {
  readonly from: number
  readonly to: number
  /** What the receiver chose when the association began; 0 in the first packet. */
  readonly tag: number
  readonly chunks: readonly Chunk[]
}

const HEADER_BYTES = 12
const CHUNK_HEADER_BYTES = 4
const CHECKSUM_OFFSET = 8
const STATE_COOKIE = 7
/** The whole message is in this chunk. */
const BEGIN_AND_END = 3
const WINDOW = 65_536
const CASTAGNOLI = 0x82f63b78
const TABLE = Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ CASTAGNOLI : rest >>> 1
  return rest >>> 0
})

export function encodeSctp({ from, to, tag, chunks }: SctpPacket): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(from, 0)
  header.writeUInt16BE(to, 2)
  header.writeUInt32BE(tag, 4)
  const packet = Buffer.concat([header, ...chunks.map(encodeChunk)])
  packet.writeUInt32LE(crc32c(packet), CHECKSUM_OFFSET)
  return packet
}

/** Undefined if it is too short, or its checksum is wrong. */
export function decodeSctp(bytes: Buffer): SctpPacket | undefined {
  if (bytes.length < HEADER_BYTES) return undefined
  const cleared = Buffer.from(bytes)
  cleared.writeUInt32LE(0, CHECKSUM_OFFSET)
  if (crc32c(cleared) !== bytes.readUInt32LE(CHECKSUM_OFFSET)) return undefined
  const chunks: Chunk[] = []
  for (let at = HEADER_BYTES; at + CHUNK_HEADER_BYTES <= bytes.length;) {
    const length = Math.max(CHUNK_HEADER_BYTES, bytes.readUInt16BE(at + 2))
    const body = Buffer.from(bytes.subarray(at + CHUNK_HEADER_BYTES, at + length))
    chunks.push({ type: bytes.readUInt8(at), body })
    at += padded(length)
  }
  return { from: bytes.readUInt16BE(0), to: bytes.readUInt16BE(2), tag: bytes.readUInt32BE(4), chunks }
}

/** What begins an association, and what answers it; only the answer has a cookie. */
export function initChunk(tag: number, cookie?: Buffer): Chunk {
  const body = Buffer.alloc(16)
  body.writeUInt32BE(tag, 0)
  body.writeUInt32BE(WINDOW, 4)
  body.writeUInt16BE(1, 8)
  body.writeUInt16BE(1, 10)
  body.writeUInt32BE(1, 12)
  if (!cookie) return { type: CHUNK.INIT, body }
  const parameter = Buffer.alloc(CHUNK_HEADER_BYTES)
  parameter.writeUInt16BE(STATE_COOKIE, 0)
  parameter.writeUInt16BE(CHUNK_HEADER_BYTES + cookie.length, 2)
  return { type: CHUNK.INIT_ACK, body: Buffer.concat([body, parameter, cookie]) }
}

/** The tag that the sender of such a chunk wants, and the cookie that it wants back. */
export function readInit({ body }: Chunk): { readonly tag: number; readonly cookie: Buffer } {
  return { tag: body.readUInt32BE(0), cookie: body.subarray(16 + CHUNK_HEADER_BYTES) }
}

/** The first message of an association, and the acknowledgement of one. */
export function dataChunk(text: string): Chunk {
  const head = Buffer.alloc(12)
  head.writeUInt32BE(1, 0)
  return { type: CHUNK.DATA, body: Buffer.concat([head, Buffer.from(text)]) }
}

export const SACK: Chunk = { type: CHUNK.SACK, body: Buffer.of(0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0) }

export function textOf({ body }: Chunk): string {
  return body.toString('utf8', 12)
}

function encodeChunk({ type, body }: Chunk): Buffer {
  const length = CHUNK_HEADER_BYTES + body.length
  const bytes = Buffer.alloc(padded(length))
  bytes.writeUInt8(type, 0)
  bytes.writeUInt8(type === CHUNK.DATA ? BEGIN_AND_END : 0, 1)
  bytes.writeUInt16BE(length, 2)
  body.copy(bytes, CHUNK_HEADER_BYTES)
  return bytes
}

function padded(length: number): number {
  return (length + 3) & ~3
}

function crc32c(bytes: Buffer): number {
  let rest = 0xffffffff
  for (const byte of bytes) rest = (TABLE[(rest ^ byte) & 0xff] ?? 0) ^ (rest >>> 8)
  return (rest ^ 0xffffffff) >>> 0
}
