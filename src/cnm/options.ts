/** `docker network create -o` and `--driver-opt`: labels and driver options to record fields. */
import { InvalidError, shown } from '../errors.js'
import type { Options } from './schemas.js'

/** Docker's own key for the MTU of a network, and ours, and the ancestor's for one endpoint. */
const MTU_KEYS = [
  'com.docker.network.driver.mtu',
  'net-routed.mtu',
  'com.medallia.routed.network.mtu'
] as const
const PREFIX_KEY = 'com.docker.network.container_iface_prefix'
const OUR_PREFIXES = ['net-routed.', 'com.medallia.routed.']
const LARGEST_MTU = 65_535
const SMALLEST_MTU = 68

export interface NetworkOptions {
  readonly mtu?: number
  /** Name of the container's interfaces before their number. */
  readonly interfacePrefix?: string
}

/** Throws InvalidError for a wrong value, and for a key in our name that does not exist. */
export function parseNetworkOptions(options: Options): NetworkOptions {
  refuseUnknown(options)
  const key = MTU_KEYS.find((candidate) => candidate in options)
  const interfacePrefix = options[PREFIX_KEY]
  return {
    ...(key === undefined ? {} : { mtu: parseMtu(options[key], key) }),
    ...(interfacePrefix === undefined ? {} : { interfacePrefix: parseInterfacePrefix(interfacePrefix) })
  }
}

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
function parseInterfacePrefix(value: unknown): string {
  if (typeof value === 'string' && /^[A-Za-z0-9_-]{1,11}$/.test(value)) return value
  throw new InvalidError(
    `${PREFIX_KEY}: ${shown(value)} is not the beginning of an interface name such as eth`
  )
}

/** Keys that nobody here understands, for a warning: they may be meant for another driver. */
export function foreignOptions(options: Options): string[] {
  return Object.keys(options).filter((key) => !key.startsWith('com.docker.network.') && !isOurs(key))
}

function refuseUnknown(options: Options): void {
  const known: readonly string[] = [...MTU_KEYS, PREFIX_KEY]
  const unknown = Object.keys(options).filter((key) => isOurs(key) && !known.includes(key))
  if (unknown.length === 0) return
  throw new InvalidError(`option ${unknown.join(', ')} does not exist: there are ${known.join(', ')}`)
}

function isOurs(key: string): boolean {
  return OUR_PREFIXES.some((prefix) => key.startsWith(prefix))
}
