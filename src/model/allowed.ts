/**
 * Lists of what is allowed: `10.0.0.0/8, fd00::/64:tcp/443+8000-8010, 10.1.0.2 - 10.1.0.9, registry.example.com:tcp/443`.
 *
 * An item is a peer, protocol and ports after a colon, or both. A colon that belongs to an IPv6 address is never followed by
 * the name of a protocol, so that nothing needs brackets; they are accepted.
 */
import { InvalidError, shown } from '../errors.js'
import { disjoint } from './disjoint.js'
import { familyOf, hostPrefix, ipToBigInt, parseIp, parsePrefix, rangeOf, toIp } from './ip.js'
import type { Ip } from './ip.js'

/** One peer with one range of ports. Without address and name it is everybody. */
export interface Allowed {
  /** Addresses from here to `last`. */
  readonly first?: Ip
  readonly last?: Ip
  /** A DNS name instead: its addresses. */
  readonly name?: string
  /** Absent = all. */
  readonly protocol?: 'tcp' | 'udp' | 'sctp' | 'icmp'
  /** Absent = all. */
  readonly firstPort?: number
  readonly lastPort?: number
}

/** After ports and such are taken apart. */
export const MAX_ALLOWED = 500
/** Where items overlap with other ports each, they are taken apart further. */
const MAX_BOXES = 4000

type Peer = Pick<Allowed, 'first' | 'last' | 'name'>
type Service = Pick<Allowed, 'protocol' | 'firstPort' | 'lastPort'>

const LARGEST_PORT = 65_535
const SERVICE = /^(?:(.*):)?\s*(tcp|udp|sctp|icmp)\s*(?:\/(.*))?$/i
const NAME =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\.?$/
/** `::ffff:10.1.0.2`, RFC 4291 §2.5.5.2 */
const MAPPED = /^::ffff:[0-9a-f]+:[0-9a-f]+$/
const ITEM_IS = 'an address, prefix or range (10.1.0.2, 10.0.0.0/8, 10.1.0.2-10.1.0.9, fd00::/64)'
const WITH_NAME = `${ITEM_IS} or a DNS name with a dot`
const SERVICE_IS = 'a protocol after a colon if wanted (:tcp/443, :udp/53+5000-5010, :icmp)'

/**
 * Parses the text of an option; a configuration may have a list of items instead. Nothing, and `any`, are everything; `none`
 * is nothing. Throws InvalidError that names the item. `names`: DNS names are allowed, too.
 */
export function parseAllowed(
  value: unknown,
  field: string,
  { names }: { readonly names: boolean }
): 'any' | readonly Allowed[] {
  const items = itemsOf(value, field)
  if (items.length === 0) return 'any'
  if (items.length === 1 && items[0] === 'none') return []
  if (items.includes('any')) {
    if (items.length > 1)
      throw new InvalidError(`${field}: "any" is everything already: give it alone, or leave it out`)
    return 'any'
  }
  const allowed = items.flatMap((item) => parseItem(item, field, names))
  if (allowed.length <= MAX_ALLOWED) return boxed(allowed, field)
  throw new InvalidError(
    `${field}: ${String(allowed.length)} items are too many: at most ${String(MAX_ALLOWED)}, each range of ports counted; a prefix or a range takes many addresses together`
  )
}

function boxed(allowed: readonly Allowed[], field: string): readonly Allowed[] {
  const count = disjoint(allowed).length
  if (count <= MAX_BOXES) return allowed
  throw new InvalidError(
    `${field}: the items overlap too much: taken apart they are ${String(count)}, and ${String(MAX_BOXES)} can be; give overlapping addresses the same ports`
  )
}

function itemsOf(value: unknown, field: string): string[] {
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string')
  if (typeof value !== 'string' && !isList)
    throw new InvalidError(
      `${field}: ${shown(value)} is not a list such as "10.0.0.0/8, fd00::/64:tcp/443", "any" or "none"`
    )
  const text = typeof value === 'string' ? value : value.join(',')
  if (text.trim() === '') return []
  // A comma ends an option in docker run --network name=...,driver-opt=...
  return text.split(/[,;]/).map((item) => item.trim())
}

function parseItem(item: string, field: string, names: boolean): Allowed[] {
  const fail = (what: string): InvalidError => new InvalidError(`${field}: ${shown(item)} ${what}`)
  if (item === 'none') throw fail('is nothing: give it alone')
  const [, before = '', protocol, ports] = SERVICE.exec(item) ?? [item, item]
  const peer = parsePeer(before.trim(), { isNeeded: protocol === undefined, names, fail })
  return servicesOf(protocol?.toLowerCase(), ports, fail).map((service) => ({ ...peer, ...service }))
}

interface PeerRules {
  readonly isNeeded: boolean
  readonly names: boolean
  readonly fail: (what: string) => InvalidError
}

function parsePeer(text: string, { isNeeded, names, fail }: PeerRules): Peer {
  if ((text === '' || text === 'any') && !isNeeded) return {}
  const bare = text
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\s*\/\s*/, '/')
    .trim()
  const name = bare.toLowerCase()
  if (NAME.test(name)) {
    if (names) return { name: name.replace(/\.$/, '') }
    throw fail('is a DNS name: what comes in is known by its address only')
  }
  const [first = '', last, ...rest] = bare.split('-').map((part) => part.trim())
  const range = rest.length > 0 ? undefined : last === undefined ? prefix(first) : span(first, last)
  if (range && MAPPED.test(range.first))
    throw fail('is IPv4 in the form of IPv6, which packets never have: give it as 10.1.0.2')
  if (!range)
    throw fail(
      `is not ${names ? WITH_NAME : ITEM_IS}, with ${SERVICE_IS}; a comma or semicolon between items`
    )
  if (ipToBigInt(range.first) > ipToBigInt(range.last))
    throw fail(`is a range that ends before it begins: ${range.last}-${range.first} would be one`)
  return range
}

/** A prefix, or an address as one. Its host bits do not matter. */
function prefix(text: string): { readonly first: Ip; readonly last: Ip } | undefined {
  const parsed = attempt(() => (text.includes('/') ? parsePrefix(text) : hostPrefix(parseIp(text))))
  if (parsed === undefined) return undefined
  const { family, first, last } = rangeOf(parsed)
  return { first: toIp(first, family), last: toIp(last, family) }
}

function span(from: string, to: string): { readonly first: Ip; readonly last: Ip } | undefined {
  const [first, last] = [attempt(() => parseIp(from)), attempt(() => parseIp(to))]
  if (first === undefined || last === undefined || familyOf(first) !== familyOf(last)) return undefined
  return { first, last }
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof InvalidError) return undefined
    throw error
  }
}

function servicesOf(
  protocol: string | undefined,
  ports: string | undefined,
  fail: PeerRules['fail']
): Service[] {
  if (protocol === undefined) return [{}]
  const known = protocol as NonNullable<Service['protocol']>
  if (ports === undefined) return [{ protocol: known }]
  if (known === 'icmp') throw fail('has ports, and ICMP has none')
  return ports.split('+').map((text) => {
    const [, first = '', last = first] = /^\s*(\d{1,5})\s*(?:-\s*(\d{1,5})\s*)?$/.exec(text) ?? []
    const [firstPort, lastPort] = [Number(first), Number(last)]
    const isRight = first !== '' && firstPort >= 1 && firstPort <= lastPort && lastPort <= LARGEST_PORT
    if (isRight) return { protocol: known, firstPort, lastPort }
    throw fail(
      `has ports ${shown(text)}: give a number from 1 to 65535, a range 8000-8010, or several: 80+443`
    )
  })
}
