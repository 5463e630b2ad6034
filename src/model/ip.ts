/**
 * Addresses, prefixes and MAC addresses as canonical text. Canonical, because they serve as keys: two spellings of one
 * address must be the same string. Arithmetic is done on bigints, so that IPv4 and IPv6 share every function.
 */
import { Address4, Address6 } from 'ip-address'
import { InvalidError } from '../errors.js'

/** An IPv4 or IPv6 address in canonical text: `10.1.0.2`, `fd00::5`. */
export type Ip = string & { readonly ip: unique symbol }
/** An address with a prefix length, host bits kept: `10.1.0.2/32`, `fd00::5/64`. */
export type Prefix = string & { readonly prefix: unique symbol }
/** A MAC address in lower case: `02:42:0a:01:00:02`. */
export type Mac = string & { readonly mac: unique symbol }
export type Family = 4 | 6

/** A range of addresses of one family, both ends included. */
export interface AddressRange {
  readonly family: Family
  readonly first: bigint
  readonly last: bigint
}

/** Parses an address without prefix length. Throws InvalidError that names `field`. */
export function parseIp(text: string, field = 'address'): Ip {
  const family = /[/%]/.test(text) ? undefined : familyOfText(text)
  if (family === undefined)
    throw new InvalidError(`${field}: "${text}" is not an IP address such as 10.1.0.2 or fd00::2`)
  return canonical(text, family)
}

/** Parses `ADDRESS/LENGTH`. Throws InvalidError that names `field`. */
export function parsePrefix(text: string, field = 'prefix'): Prefix {
  const [address = '', length = '', ...rest] = text.split('/')
  const family = familyOfText(address)
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : -1
  if (family === undefined || rest.length > 0 || bits < 0 || bits > widthOf(family)) {
    throw new InvalidError(`${field}: "${text}" is not a prefix such as 10.1.0.0/16 or fd00::/64`)
  }
  return `${canonical(address, family)}/${String(bits)}` as Prefix
}

/** Parses a prefix whose host bits must be zero, as a subnet has. Throws InvalidError that says what would be right. */
export function parseSubnet(text: string, field = 'subnet'): Prefix {
  const prefix = parsePrefix(text, field)
  const canonical = subnetOf(prefix)
  if (canonical !== prefix)
    throw new InvalidError(`${field}: "${text}" has host bits set; the subnet is ${canonical}`)
  return prefix
}

/** Parses a unicast MAC address. Throws InvalidError that names `field`. */
export function parseMac(text: string, field = 'MAC address'): Mac {
  const mac = text.toLowerCase().replaceAll('-', ':')
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) || mac === '00:00:00:00:00:00') {
    throw new InvalidError(`${field}: "${text}" is not a MAC address such as 02:42:0a:01:00:02`)
  }
  if ((Number.parseInt(mac.slice(0, 2), 16) & 1) === 1) {
    throw new InvalidError(
      `${field}: "${text}" is a multicast address; the lowest bit of the first byte must be 0`
    )
  }
  return mac as Mac
}

export function familyOf(address: Ip | Prefix): Family {
  return address.includes(':') ? 6 : 4
}

/** Number of bits of an address of the family. */
export function widthOf(family: Family): number {
  return family === 4 ? 32 : 128
}

/** The address of a prefix, without its length. */
export function addressOf(prefix: Prefix): Ip {
  return prefix.slice(0, prefix.indexOf('/')) as Ip
}

export function lengthOf(prefix: Prefix): number {
  return Number(prefix.slice(prefix.indexOf('/') + 1))
}

/** The address as a /32 or /128. */
export function hostPrefix(address: Ip): Prefix {
  return `${address}/${String(widthOf(familyOf(address)))}` as Prefix
}

export function withLength(address: Ip, length: number): Prefix {
  return `${address}/${String(length)}` as Prefix
}

/** The prefix with its host bits cleared. */
export function subnetOf(prefix: Prefix): Prefix {
  const { family, first } = rangeOf(prefix)
  return withLength(toIp(first, family), lengthOf(prefix))
}

/** All addresses of the prefix's subnet, network and broadcast address included. */
export function rangeOf(prefix: Prefix): AddressRange {
  const family = familyOf(prefix)
  const hostBits = BigInt(widthOf(family) - lengthOf(prefix))
  const first = (ipToBigInt(addressOf(prefix)) >> hostBits) << hostBits
  return { family, first, last: first + (1n << hostBits) - 1n }
}

export function contains(prefix: Prefix, address: Ip): boolean {
  const family = familyOf(prefix)
  if (family !== familyOf(address)) return false
  if (family === 4) return containsIpv4(prefix, address)
  const { first, last } = rangeOf(prefix)
  const value = ipToBigInt(address)
  return value >= first && value <= last
}

/** As numbers: there may be a hundred thousand addresses to ask about. */
function containsIpv4(prefix: Prefix, address: Ip): boolean {
  const size = 2 ** (widthOf(4) - lengthOf(prefix))
  return Math.floor(ipv4ToNumber(addressOf(prefix)) / size) === Math.floor(ipv4ToNumber(address) / size)
}

function ipv4ToNumber(address: Ip): number {
  return address.split('.').reduce((value, octet) => value * 256 + Number(octet), 0)
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return contains(a, addressOf(subnetOf(b))) || contains(b, addressOf(subnetOf(a)))
}

export function ipToBigInt(address: Ip): bigint {
  return toBigInt(address, familyOf(address))
}

/** Canonical text of a number; dotted for IPv4, RFC 5952 for IPv6. */
export function toIp(value: bigint, family: Family): Ip {
  const text =
    family === 4
      ? [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.')
      : Address6.fromBigInt(value).correctForm()
  return text as Ip
}

/**
 * The MAC of a container with this address: `02:42:` and the last four bytes of the address, so that an address which
 * moves to another container keeps its MAC and no neighbour entry becomes stale (ancestor's rule, also Docker's own).
 */
export function macOf(address: Ip): Mac {
  const value = ipToBigInt(address) & 0xffffffffn
  const bytes = [24n, 16n, 8n, 0n].map((shift) => Number((value >> shift) & 255n))
  return ['02', '42', ...bytes.map((byte) => byte.toString(16).padStart(2, '0'))].join(':') as Mac
}

/** The link-local address that an interface with this MAC gives itself (RFC 4291, appendix A). */
export function linkLocalOf(mac: Mac): Ip {
  const value = BigInt(`0x${mac.replaceAll(':', '')}`)
  const interfaceId = ((value >> 24n) << 40n) | (0xfffen << 24n) | (value & 0xffffffn)
  return toIp((0xfe80n << 112n) | (interfaceId ^ (2n << 56n)), 6)
}

function familyOfText(text: string): Family | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text) && Address4.isValid(text)) return 4
  return text.includes(':') && Address6.isValid(text) && !text.includes('%') ? 6 : undefined
}

function canonical(text: string, family: Family): Ip {
  return family === 4 ? (text.split('.').map(Number).join('.') as Ip) : toIp(toBigInt(text, family), family)
}

function toBigInt(text: string, family: Family): bigint {
  if (family === 6) return new Address6(text).bigInt()
  return text.split('.').reduce((value, octet) => (value << 8n) | BigInt(Number(octet)), 0n)
}
