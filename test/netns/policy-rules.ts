/** Random lists of what is allowed, as text for the option and as something that says what is allowed in the simplest way. */
import { BlockList } from 'node:net'
import type { Probe } from './prober.js'

/** Deterministic numbers from 0 to 1. */
export type Random = () => number

export interface List {
  /** Absent = the option is not given. */
  readonly text?: string
  /** `peer`: who is at the other end. */
  readonly allows: (peer: string, probe: Probe) => boolean
}

interface Item {
  readonly text: string
  readonly allows: List['allows']
}

/** Mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}

/** A list about these addresses and ports; not given means `otherwise`. */
export function randomList(
  random: Random,
  known: { readonly addresses: readonly string[]; readonly ports: readonly number[] },
  otherwise: boolean
): List {
  const kind = random()
  if (kind < 0.15) return { allows: () => otherwise }
  if (kind < 0.2) return { text: pick(random, ['', 'any', ' ']), allows: () => true }
  if (kind < 0.25) return { text: 'none', allows: () => false }
  const items = Array.from({ length: 1 + Math.floor(random() * 6) }, () => randomItem(random, known))
  return {
    text: items.map(({ text }) => text).join(pick(random, [',', ' , ', ';'])),
    allows: (peer, probe) => items.some((item) => item.allows(peer, probe))
  }
}

function randomItem(random: Random, known: Parameters<typeof randomList>[1]): Item {
  const peer = randomPeer(random, known.addresses)
  const service = randomService(random, known.ports)
  if (peer === undefined) {
    const { text, allows } = service ?? { text: 'icmp', allows: ({ protocol }: Probe) => protocol === 'icmp' }
    return { text: pick(random, [text, `any:${text}`]), allows: (_, probe) => allows(probe) }
  }
  return {
    text: service ? `${peer.text}:${service.text}` : peer.text,
    allows: (address, probe) => peer.has(address) && (service?.allows(probe) ?? true)
  }
}

function randomPeer(
  random: Random,
  addresses: readonly string[]
): { readonly text: string; readonly has: (address: string) => boolean } | undefined {
  const kind = random()
  if (kind < 0.15) return undefined
  const address = pick(random, addresses)
  const family = address.includes(':') ? 'ipv6' : 'ipv4'
  const list = new BlockList()
  // For Node ::/0 has IPv4 addresses in it, too.
  const has = (other: string): boolean =>
    other.includes(':') === address.includes(':') && list.check(other, family)
  if (kind < 0.4) {
    list.addAddress(address, family)
    return { text: pick(random, family === 'ipv6' ? [address, `[${address}]`] : [address]), has }
  }
  if (kind < 0.75) {
    const length =
      family === 'ipv4' ? pick(random, [0, 8, 24, 29, 30, 31, 32]) : pick(random, [0, 16, 64, 125, 126, 128])
    list.addSubnet(address, length, family)
    return { text: `${address}/${String(length)}`, has }
  }
  const others = addresses.filter((other) => other.includes(':') === (family === 'ipv6'))
  const [first = address, last = address] = [address, pick(random, others)].sort(byNumber)
  list.addRange(first, last, family)
  return { text: [first, last].join(pick(random, ['-', ' - '])), has }
}

function randomService(
  random: Random,
  ports: readonly number[]
): { readonly text: string; readonly allows: (probe: Probe) => boolean } | undefined {
  const kind = random()
  if (kind < 0.4) return undefined
  if (kind < 0.5) return { text: 'icmp', allows: ({ protocol }) => protocol === 'icmp' }
  const protocol = pick(random, ['tcp', 'udp', 'sctp'] as const)
  if (kind < 0.6) return { text: protocol, allows: (probe) => probe.protocol === protocol }
  const [a, b] = [pick(random, ports), pick(random, ports)]
  const [low, high] = [Math.min(a, b), Math.max(a, b)]
  const isRange = random() < 0.5
  return {
    text: `${protocol}/${String(isRange ? low : a)}${isRange ? '-' : '+'}${String(isRange ? high : b)}`,
    allows: (probe) => {
      const hits = isRange ? probe.port >= low && probe.port <= high : [a, b].includes(probe.port)
      return probe.protocol === protocol && hits
    }
  }
}

/** All addresses here differ in their last part only, or in their first. */
function byNumber(a: string, b: string): number {
  const parts = (address: string): number[] =>
    address.includes(':')
      ? address.split(':').map((group) => Number.parseInt(group || '0', 16))
      : address.split('.').map(Number)
  const [left, right] = [parts(a), parts(b)]
  const at = left.findIndex((part, index) => part !== right[index])
  return (left[at] ?? 0) - (right[at] ?? 0)
}
