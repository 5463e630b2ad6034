/** Options for more addresses than the one of each family that the engine knows. */
import { InvalidError, shown } from '../../errors.js'
import { addressOf, familyOf, hostPrefix, lengthOf, parseIp, parsePrefix, widthOf } from '../ip.js'
import type { Ip, Prefix } from '../ip.js'
import { unfitRangeOf } from '../unfit.js'
import type { Option } from './option.js'

export interface AddressOptions {
  /** Some of the endpoint's addresses: those that the engine does not know, and that we put into the container. */
  readonly extraAddresses?: readonly Prefix[]
}

/** Schemas of the fields in stored records. */
export const ADDRESS_FIELDS = {
  extraAddresses: { type: 'array', items: { type: 'string', format: 'prefix' } }
} as const

export const ADDRESS_OPTIONS: readonly Option[] = [
  {
    keys: ['net-routed.addresses', 'com.medallia.routed.network.ipAliases'],
    places: ['endpoint'],
    parse: (value, key) => ({ extraAddresses: parseAddresses(value, key) })
  }
]

/** A list, or text with commas, semicolons or blanks between: commas are special in `docker run --network`. */
function parseAddresses(value: unknown, key: string): Prefix[] {
  const words: readonly unknown[] =
    typeof value === 'string' ? value.split(/[\s,;]+/).filter((word) => word !== '') : asList(value, key)
  return [...new Set(words.map((word) => hostPrefix(parseAddress(word, key))))]
}

function asList(value: unknown, key: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new InvalidError(`${key}: ${shown(value)} is not a list of addresses such as 10.1.0.5,10.1.0.6`)
}

function parseAddress(word: unknown, key: string): Ip {
  const text = typeof word === 'string' ? word : shown(word)
  const prefix = text.includes('/') ? parsePrefix(text, key) : hostPrefix(parseIp(text, key))
  const width = widthOf(familyOf(prefix))
  if (lengthOf(prefix) !== width) {
    throw new InvalidError(
      `${key}: "${text}" is a subnet: give single addresses, ${addressOf(prefix)} or ${addressOf(prefix)}/${String(width)}`
    )
  }
  const address = addressOf(prefix)
  const unfit = unfitRangeOf(prefix)
  if (unfit !== undefined)
    throw new InvalidError(`${key}: ${address} is in ${unfit}, which is not for containers`)
  return address
}
