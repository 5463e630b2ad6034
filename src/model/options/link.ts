/** Options of the pair of links. */
import { InvalidError, shown } from '../../errors.js'
import type { Option } from './option.js'

export interface LinkOptions {
  /** Bytes; 0 = leave the links alone. */
  readonly mtu?: number
}

const LARGEST_MTU = 65_535
const SMALLEST_MTU = 68

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

/** The kernel allows 15 characters for a name; the number needs some of them. */
function parseInterfacePrefix(value: unknown, field: string): string {
  if (typeof value === 'string' && /^[A-Za-z0-9_-]{1,11}$/.test(value)) return value
  throw new InvalidError(`${field}: ${shown(value)} is not the beginning of an interface name such as eth`)
}
