/** Netlink messages as bytes: netlink(7), include/uapi/linux/netlink.h. Little-endian hosts only, as Node's are. */
import { NLA_F_NESTED, NLA_TYPE_MASK } from './constants.js'

/** A message without its header: that gets its sequence number only when it is sent. */
export interface Message {
  readonly type: number
  readonly flags: number
  /** Family header, such as struct ifinfomsg, and attributes. */
  readonly body: Buffer
}

export interface Received {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  /** Port of who has sent it, or of who caused it. */
  readonly port: number
  /** Part of the receive buffer: decode or copy it before the next receive. */
  readonly body: Buffer
}

const HEADER_SIZE = 16
const ATTRIBUTE_HEADER_SIZE = 4

/** A whole message, padded. */
export function encode({ type, flags, body }: Message, sequence: number): Buffer {
  const length = HEADER_SIZE + body.length
  const bytes = Buffer.alloc(align(length))
  bytes.writeUInt32LE(length, 0)
  bytes.writeUInt16LE(type, 4)
  bytes.writeUInt16LE(flags, 6)
  bytes.writeUInt32LE(sequence, 8)
  body.copy(bytes, HEADER_SIZE)
  return bytes
}

/** The messages of one datagram, in order. */
export function* decode(datagram: Buffer): Generator<Received> {
  for (let at = 0; at + HEADER_SIZE <= datagram.length;) {
    const length = datagram.readUInt32LE(at)
    if (length < HEADER_SIZE) return
    yield {
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      port: datagram.readUInt32LE(at + 12),
      body: datagram.subarray(at + HEADER_SIZE, at + length)
    }
    at += align(length)
  }
}

/** One attribute with a value of bytes. */
export function attribute(type: number, value: Buffer): Buffer {
  const length = ATTRIBUTE_HEADER_SIZE + value.length
  const bytes = Buffer.alloc(align(length))
  bytes.writeUInt16LE(length, 0)
  bytes.writeUInt16LE(type, 2)
  value.copy(bytes, ATTRIBUTE_HEADER_SIZE)
  return bytes
}

/** One attribute made of attributes. */
export function nested(type: number, ...attributes: readonly Buffer[]): Buffer {
  return attribute(type | NLA_F_NESTED, Buffer.concat(attributes))
}

export function u8(type: number, value: number): Buffer {
  return attribute(type, Buffer.of(value))
}

export function u32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return attribute(type, bytes)
}

export function u64(type: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return attribute(type, bytes)
}

/** Text with the zero byte at its end that the kernel expects. */
export function text(type: number, value: string): Buffer {
  return attribute(type, Buffer.from(`${value}\0`))
}

/** Value of the first attribute of a type in `bytes` from offset `start`; part of `bytes`. */
export function find(bytes: Buffer, start: number, type: number): Buffer | undefined {
  for (let at = start; at + ATTRIBUTE_HEADER_SIZE <= bytes.length;) {
    const length = bytes.readUInt16LE(at)
    if (length < ATTRIBUTE_HEADER_SIZE) return undefined
    if ((bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK) === type) {
      return bytes.subarray(at + ATTRIBUTE_HEADER_SIZE, at + length)
    }
    at += align(length)
  }
  return undefined
}

/** Value of an attribute inside of attributes. */
export function findNested(bytes: Buffer, start: number, ...path: readonly number[]): Buffer | undefined {
  let found: Buffer | undefined = bytes.subarray(start)
  for (const type of path) found = found && find(found, 0, type)
  return found
}

export function findU32(bytes: Buffer, start: number, type: number): number | undefined {
  return find(bytes, start, type)?.readUInt32LE(0)
}

export function findText(bytes: Buffer, start: number, type: number): string | undefined {
  const value = find(bytes, start, type)
  return value?.toString('utf8', 0, value.length - 1)
}

function align(length: number): number {
  return (length + 3) & ~3
}
