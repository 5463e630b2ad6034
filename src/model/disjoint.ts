/**
 * What a list allows, as boxes of addresses, protocol and ports that do not overlap, because the sets that hold them cannot
 * have two that do. Canonical: two lists that allow the same have the same boxes in the same order.
 *
 * The addresses are cut wherever an item begins or ends; between two cuts the same is allowed for all; neighbours for which
 * the same is allowed are one again.
 */
import { familyOf, ipToBigInt, toIp, widthOf } from './ip.js'
import type { Family, Ip } from './ip.js'
import type { Allowed } from './allowed.js'

export interface Box {
  readonly first: Ip
  readonly last: Ip
  /** Number; absent = all, and all ports. */
  readonly protocol?: number
  readonly ports?: readonly [number, number]
}

interface Span {
  readonly first: bigint
  readonly last: bigint
  readonly item: Allowed
}

type Service = Pick<Box, 'protocol' | 'ports'>

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const
const ICMP: Readonly<Record<Family, number>> = { 4: 1, 6: 58 }

/** `addressesOf`: what is known of a DNS name. */
export function disjoint(
  items: readonly Allowed[],
  addressesOf: (name: string) => readonly Ip[] = () => []
): Box[] {
  return ([4, 6] as const).flatMap((family) => {
    const spans = items.flatMap((item) => spansOf(item, family, addressesOf))
    return merged(pieces(spans, family)).flatMap(({ first, last, services }) =>
      services.map((service) => ({ first: toIp(first, family), last: toIp(last, family), ...service }))
    )
  })
}

function spansOf(item: Allowed, family: Family, addressesOf: (name: string) => readonly Ip[]): Span[] {
  const { first, last, name } = item
  if (name !== undefined) {
    return addressesOf(name)
      .filter((address) => familyOf(address) === family)
      .map((address) => ({ first: ipToBigInt(address), last: ipToBigInt(address), item }))
  }
  if (first === undefined || last === undefined)
    return [{ first: 0n, last: (1n << BigInt(widthOf(family))) - 1n, item }]
  return familyOf(first) === family ? [{ first: ipToBigInt(first), last: ipToBigInt(last), item }] : []
}

interface Piece {
  readonly first: bigint
  readonly last: bigint
  readonly services: readonly Service[]
}

/** A sweep over the addresses: which items hold between one cut and the next. */
function pieces(spans: readonly Span[], family: Family): Piece[] {
  const begins = groupedBy(spans, ({ first }) => first)
  const ends = groupedBy(spans, ({ last }) => last + 1n)
  const cuts = [...new Set([...begins.keys(), ...ends.keys()])].sort((a, b) => (a < b ? -1 : 1))
  const open = new Set<Span>()
  return cuts.flatMap((cut, index) => {
    for (const span of ends.get(cut) ?? []) open.delete(span)
    for (const span of begins.get(cut) ?? []) open.add(span)
    const next = cuts[index + 1]
    if (next === undefined || open.size === 0) return []
    return [{ first: cut, last: next - 1n, services: servicesOf([...open], family) }]
  })
}

function servicesOf(spans: readonly Span[], family: Family): Service[] {
  const items = spans.map(({ item }) => item)
  if (items.some(({ protocol }) => protocol === undefined)) return [{}]
  const byProtocol = groupedBy(items, ({ protocol = 'tcp' }) =>
    protocol === 'icmp' ? ICMP[family] : PROTOCOLS[protocol]
  )
  return [...byProtocol]
    .sort(([a], [b]) => a - b)
    .flatMap(([protocol, of]) => {
      if (of.some(({ firstPort }) => firstPort === undefined)) return [{ protocol }]
      return portsOf(of).map((ports) => ({ protocol, ports }))
    })
}

/** Ranges that do not overlap, and have something between them. */
function portsOf(items: readonly Allowed[]): (readonly [number, number])[] {
  const ranges = items
    .map(({ firstPort = 0, lastPort = 0 }) => [firstPort, lastPort] as const)
    .sort(([a], [b]) => a - b)
  const found: (readonly [number, number])[] = []
  for (const [first, last] of ranges) {
    const before = found.at(-1)
    if (!before || first > before[1] + 1) found.push([first, last])
    else found[found.length - 1] = [before[0], Math.max(before[1], last)]
  }
  return found
}

function merged(pieces: readonly Piece[]): Piece[] {
  const found: Piece[] = []
  for (const piece of pieces) {
    const before = found.at(-1)
    const continues =
      before?.last === piece.first - 1n && JSON.stringify(before.services) === JSON.stringify(piece.services)
    if (continues) found[found.length - 1] = { ...before, last: piece.last }
    else found.push(piece)
  }
  return found
}

function groupedBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}
