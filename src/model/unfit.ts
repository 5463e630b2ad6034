/** Addresses that no container can have: they mean something else, or are never routed. */
import { familyOf, lengthOf, overlaps, parsePrefix } from './ip.js'
import type { Prefix } from './ip.js'

const UNFIT: readonly Prefix[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/127',
  '::ffff:0.0.0.0/96',
  'fe80::/10',
  'ff00::/8'
].map((text) => parsePrefix(text))

/** The range in which all of the prefix lies, if there is one. */
export function unfitRangeOf(prefix: Prefix): Prefix | undefined {
  return UNFIT.find(
    (range) =>
      familyOf(range) === familyOf(prefix) && lengthOf(range) <= lengthOf(prefix) && overlaps(range, prefix)
  )
}

/** What would be right in its place. */
export function fitExample(prefix: Prefix): string {
  return familyOf(prefix) === 4 ? '10.0.0.0/8' : 'fd00::/8'
}
