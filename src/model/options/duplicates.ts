/** What becomes of an address that two hosts have by mistake. */
import { InvalidError, shown } from '../../errors.js'
import type { Option } from './option.js'

/**
 * `refuse`: who comes second is not let in, and of two that are there already the younger one is not announced; `warn`: it
 * is only told; `take-over`: who comes second is let in, and the older one is not announced.
 */
export type DuplicatesMode = 'refuse' | 'warn' | 'take-over'

export interface DuplicatesOptions {
  /** Absent = as the section `routing` says. */
  readonly duplicates?: DuplicatesMode
}

export const DUPLICATES_MODES: readonly DuplicatesMode[] = ['refuse', 'warn', 'take-over']

/** Schemas of the fields in stored records. */
export const DUPLICATES_FIELDS = { duplicates: { enum: DUPLICATES_MODES } } as const

export const DUPLICATES_OPTIONS: readonly Option[] = [
  {
    keys: ['net-routed.duplicates'],
    places: ['network', 'endpoint'],
    parse: (value, key) => ({ duplicates: parseDuplicates(value, key) })
  }
]

export function parseDuplicates(value: unknown, field: string): DuplicatesMode {
  const mode = DUPLICATES_MODES.find((candidate) => candidate === value)
  if (mode) return mode
  throw new InvalidError(`${field}: ${shown(value)} is none of ${DUPLICATES_MODES.join(', ')}`)
}
