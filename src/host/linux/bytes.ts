/** Addresses as the kernel has them, bytes in network order, and as objects have them, canonical text (RFC 5952). */
import { AF } from './constants.js'

const IPV6_GROUPS = 8

/** Bytes of `10.1.0.2` (4) or `fd00::5` (16). */
export function ipToBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = address.split('::')
  const before = groupsOf(head)
  const after = tail === undefined ? [] : groupsOf(tail)
  const zeros = new Array<number>(IPV6_GROUPS - before.length - after.length).fill(0)
  return Buffer.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]))
}

/** Text of 4 or 16 bytes. */
export function bytesToIp(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: IPV6_GROUPS }, (_, index) => bytes.readUInt16BE(index * 2))
  const { start, length } = longestZeroRun(groups)
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':')
  return length < 2 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`
}

/** Address and length of `10.1.0.2/32`; without a slash, the length of a single address. */
export function parsePrefix(text: string): { readonly address: Buffer; readonly length: number } {
  const [host = '', length] = text.split('/')
  const address = ipToBytes(host)
  return { address, length: length === undefined ? address.length * 8 : Number(length) }
}

/** AF_INET or AF_INET6, by the number of bytes. */
export function familyOf(address: Buffer): number {
  return address.length === 4 ? AF.INET : AF.INET6
}

/** Bytes of `02:42:0a:01:00:02`. */
export function macToBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex')
}

/** Text of a link-layer address. */
export function bytesToMac(bytes: Buffer): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** One of 32-bit numbers in the host's order; 0 where there are fewer. */
export function valueAt(values: Buffer | undefined, index: number): number {
  const offset = index * 4
  return values && offset + 4 <= values.length ? values.readInt32LE(offset) : 0
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}
