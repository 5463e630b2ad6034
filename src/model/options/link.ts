/** Options of the pair of links. */
import { InvalidError, shown } from '../../errors.js'
import type { Option } from './option.js'

export interface LinkOptions {
  /** Bytes; 0 = leave the links alone. */
  readonly mtu?: number
}

const LARGEST_MTU = 65_535
const SMALLEST_MTU = 68

/** Every link with IPv6 must carry such packets (RFC 8200 §5); the kernel has none on a smaller one. */
export const IPV6_MTU = 1280

/** Schemas of the fields in stored records. */
export const LINK_FIELDS = { mtu: { type: 'integer', minimum: 0, maximum: LARGEST_MTU } } as const

export const LINK_OPTIONS: readonly Option[] = [
  {
    keys: ['net-routed.mtu', 'com.docker.network.driver.mtu', 'com.medallia.routed.network.mtu'],
    places: ['network', 'endpoint'],
    parse: (value, key) => ({ mtu: parseMtu(value, key) })
  },
  {
    keys: ['com.docker.network.container_iface_prefix'],
    places: ['network'],
    changes: ['interfacePrefix'],
    parse: (value, key) => ({ interfacePrefix: parseInterfacePrefix(value, key) })
  }
]

/** Bytes; 0 = leave alone. */
export function parseMtu(value: unknown, field: string): number {
  const mtu = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  const isRight =
    typeof mtu === 'number' &&
    Number.isInteger(mtu) &&
    (mtu === 0 || (mtu >= SMALLEST_MTU && mtu <= LARGEST_MTU))
  if (isRight) return mtu
  throw new InvalidError(
    `${field}: ${shown(value)} is not an MTU: give ${String(SMALLEST_MTU)} to ${String(LARGEST_MTU)} bytes, or 0 to leave it alone`
  )
}

/** True for an MTU with which a link has no IPv6. */
export function isNarrow(mtu: number): boolean {
  return mtu > 0 && mtu < IPV6_MTU
}

/** Why an endpoint or a network with IPv6 is refused. */
export function tooNarrow(mtu: number): InvalidError {
  return new InvalidError(
    `net-routed.mtu: ${String(mtu)} is too small for IPv6: give at least ${String(IPV6_MTU)}, or no IPv6`
  )
}

/** The kernel allows 15 characters for a name; the number needs some of them. */
function parseInterfacePrefix(value: unknown, field: string): string {
  if (typeof value === 'string' && /^[A-Za-z0-9_-]{1,11}$/.test(value)) return value
  throw new InvalidError(
    `${field}: ${shown(value)} is not the beginning of an interface name such as eth: give 1 to 11 letters, digits, _ or -`
  )
}
