/** Options that say when an address is announced, and that others may have it, too. */
import { InvalidError, shown } from '../../errors.js'
import type { Option } from './option.js'

export interface HealthOptions {
  /** True = other hosts have the address on purpose, as equal choices. */
  readonly anycast?: boolean
}

/** Schemas of the fields in stored records. */
export const HEALTH_FIELDS = { anycast: { type: 'boolean' } } as const

export const HEALTH_OPTIONS: readonly Option[] = [
  {
    keys: ['net-routed.anycast'],
    places: ['network', 'endpoint'],
    parse: (value, key) => ({ anycast: parseBoolean(value, key) })
  }
]

function parseBoolean(value: unknown, key: string): boolean {
  if (value === true || value === 'true') return true
  if (value === false || value === 'false') return false
  throw new InvalidError(`${key}: ${shown(value)} is neither true nor false`)
}
