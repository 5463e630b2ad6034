/** Options that say when an address is announced, and that others may have it, too. */
import { InvalidError, shown } from '../../errors.js'
import type { Option } from './option.js'

export interface HealthOptions {
  /** True = other hosts have the address on purpose, as equal choices. */
  readonly anycast?: boolean
  /** What must succeed for its addresses to be announced. */
  readonly check?: Check
  readonly checkIntervalMs?: number
  readonly checkTimeoutMs?: number
  /** So many successes in a row make an unhealthy endpoint healthy. */
  readonly checkRise?: number
  /** So many failures in a row make a healthy endpoint unhealthy. */
  readonly checkFall?: number
}

/** `none` takes back what the network says. */
export type Check =
  | { readonly type: 'tcp'; readonly port: number }
  | { readonly type: 'http'; readonly port: number; readonly path: string }
  | { readonly type: 'exec'; readonly name: string }
  | { readonly type: 'docker' | 'none' }

const LARGEST_PORT = 65_535
const LONGEST_MS = 3_600_000
const SHORTEST_MS = 50
const LARGEST_COUNT = 1_000

const port = { type: 'integer', minimum: 1, maximum: LARGEST_PORT } as const
const ms = { type: 'integer', minimum: SHORTEST_MS, maximum: LONGEST_MS } as const
const count = { type: 'integer', minimum: 1, maximum: LARGEST_COUNT } as const

/** Schemas of the fields in stored records. */
export const HEALTH_FIELDS = {
  anycast: { type: 'boolean' },
  check: {
    type: 'object',
    properties: {
      type: { enum: ['tcp', 'http', 'exec', 'docker', 'none'] },
      port,
      path: { type: 'string' },
      name: { type: 'string' }
    },
    required: ['type'],
    additionalProperties: false
  },
  checkIntervalMs: ms,
  checkTimeoutMs: ms,
  checkRise: count,
  checkFall: count
} as const

const BOTH = ['network', 'endpoint'] as const

export const HEALTH_OPTIONS: readonly Option[] = [
  {
    keys: ['net-routed.anycast'],
    places: BOTH,
    changes: ['anycast'],
    parse: (value, key) => ({ anycast: parseBoolean(value, key) })
  },
  { keys: ['net-routed.check'], places: BOTH, parse: (value, key) => ({ check: parseCheck(value, key) }) },
  {
    keys: ['net-routed.check-interval'],
    places: BOTH,
    changes: ['checkIntervalMs'],
    parse: (value, key) => ({ checkIntervalMs: parseTime(value, key) })
  },
  {
    keys: ['net-routed.check-timeout'],
    places: BOTH,
    changes: ['checkTimeoutMs'],
    parse: (value, key) => ({ checkTimeoutMs: parseTime(value, key) })
  },
  {
    keys: ['net-routed.check-rise'],
    places: BOTH,
    changes: ['checkRise'],
    parse: (value, key) => ({ checkRise: parseCount(value, key) })
  },
  {
    keys: ['net-routed.check-fall'],
    places: BOTH,
    changes: ['checkFall'],
    parse: (value, key) => ({ checkFall: parseCount(value, key) })
  }
]

function parseBoolean(value: unknown, key: string): boolean {
  if (value === true || value === 'true') return true
  if (value === false || value === 'false') return false
  throw new InvalidError(`${key}: ${shown(value)} is neither true nor false`)
}

/** `tcp:80`, `http:80/ready`, `exec:NAME`, `docker`, `none`. */
function parseCheck(value: unknown, key: string): Check {
  const text = typeof value === 'string' ? value : ''
  if (text === 'docker' || text === 'none') return { type: text }
  const [, type, rest = ''] = /^(tcp|http|exec):(.*)$/.exec(text) ?? []
  const [, digits = '', path = '/'] = /^(\d{1,5})(\/[\x21-\x7e]*)?$/.exec(rest) ?? []
  const number = Number(digits)
  const isPort = number >= 1 && number <= LARGEST_PORT
  if (type === 'tcp' && isPort && !rest.includes('/')) return { type, port: number }
  if (type === 'http' && isPort) return { type, port: number, path }
  // One name in one directory: nothing that leads out of it.
  if (type === 'exec' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(rest)) return { type, name: rest }
  throw new InvalidError(
    `${key}: ${shown(value)} is no check: give tcp:PORT, http:PORT/PATH, exec:NAME of a program that this host has for it, docker, or none`
  )
}

/** Milliseconds. */
function parseTime(value: unknown, key: string): number {
  const [, digits, unit] = /^(\d{1,9}|\d{1,6}\.\d{1,3})(ms|s)?$/.exec(String(value)) ?? []
  const time = Math.round(Number(digits) * (unit === 'ms' ? 1 : 1000))
  const isText = typeof value === 'string' || typeof value === 'number'
  if (isText && digits !== undefined && time >= SHORTEST_MS && time <= LONGEST_MS) return time
  throw new InvalidError(
    `${key}: ${shown(value)} is no time from 50ms to 3600s: give such as 500ms, 2s, or a number of seconds`
  )
}

function parseCount(value: unknown, key: string): number {
  const number = typeof value === 'string' && /^\d{1,4}$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= LARGEST_COUNT)
    return number
  throw new InvalidError(`${key}: ${shown(value)} is no number from 1 to ${String(LARGEST_COUNT)}`)
}
