/** Options for the inside of a container: kernel settings of its interface, and routes through it. */
import { InvalidError, shown } from '../../errors.js'
import { hostPrefix, lengthOf, parseIp, parsePrefix, subnetOf } from '../ip.js'
import type { Prefix } from '../ip.js'
import type { Option } from './option.js'

export interface InsideOptions {
  /** Kernel settings of the container end, by their names with dots, `IFNAME` for its name. */
  readonly sysctls?: Readonly<Record<string, string>>
  /** Destinations that the container reaches through this endpoint, whichever has its default route. */
  readonly staticRoutes?: readonly Prefix[]
}

/** Schemas of the fields in stored records. */
export const INSIDE_FIELDS = {
  sysctls: { type: 'object', additionalProperties: { type: 'string' } },
  staticRoutes: { type: 'array', items: { type: 'string', format: 'prefix' } }
} as const

const SYSCTL_PREFIX = 'net-routed.sysctl.'

export const INSIDE_OPTIONS: readonly Option[] = [
  {
    keys: [SYSCTL_PREFIX],
    isPrefix: true,
    places: ['network', 'endpoint'],
    parse: (value, key) => ({ sysctls: { [parseName(key)]: parseValue(value, key) } })
  },
  {
    keys: ['net-routed.routes'],
    places: ['network', 'endpoint'],
    parse: (value, key) => ({ staticRoutes: parseRoutes(value, key) })
  }
]

/** Only what is the interface's own: what a namespace has as a whole is `docker run --sysctl`. */
const SYSCTL = /^net\.(ipv4|ipv6|mpls)\.(conf|neigh)\.(?:IFNAME)\.([a-z0-9_]+)$/i
const NUMBER = /^\s*-?\d{1,10}\s*$/
/** The kernel keeps them in 32 bits, some of them without sign. */
const SMALLEST = -(2 ** 31)
const LARGEST = 2 ** 32 - 1
/** The only one that is no number. */
const SECRET = /\.stable_secret$/i

function parseName(key: string): string {
  const [, family, table, name] = SYSCTL.exec(key.slice(SYSCTL_PREFIX.length)) ?? []
  if (family !== undefined && table !== undefined && name !== undefined)
    return `net.${family.toLowerCase()}.${table.toLowerCase()}.IFNAME.${name.toLowerCase()}`
  throw new InvalidError(
    `${key}: not a setting of the container's interface, such as ${SYSCTL_PREFIX}net.ipv4.conf.IFNAME.rp_filter; others are given with docker run --sysctl`
  )
}

function parseValue(value: unknown, key: string): string {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text === 'string' && NUMBER.test(text) && Number(text) >= SMALLEST && Number(text) <= LARGEST)
    return text.trim()
  if (typeof text === 'string' && SECRET.test(key)) return parseIp(text.trim(), key)
  throw new InvalidError(`${key}: ${shown(value)} is not a number such as 1`)
}

/** A list, or text with commas, semicolons or blanks between. */
function parseRoutes(value: unknown, key: string): Prefix[] {
  if (typeof value !== 'string' && !Array.isArray(value))
    throw new InvalidError(`${key}: ${shown(value)} is not a list of subnets such as 10.9.0.0/16`)
  const words: readonly unknown[] = typeof value === 'string' ? value.split(/[\s,;]+/) : value
  return [...new Set(words.filter((word) => word !== '').map((word) => parseRoute(word, key)))]
}

function parseRoute(word: unknown, key: string): Prefix {
  const text = typeof word === 'string' ? word : shown(word)
  const prefix = text.includes('/') ? subnetOf(parsePrefix(text, key)) : hostPrefix(parseIp(text, key))
  if (lengthOf(prefix) > 0) return prefix
  throw new InvalidError(
    `${key}: "${text}" is the default route, which Docker chooses among a container's networks (--network name=…,gw-priority=…)`
  )
}
