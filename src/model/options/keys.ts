/**
 * Names of options as people write them. Case does not matter, because `docker run --network` makes them lower-case; what looks
 * like one of ours and is none must not be taken for somebody else's: an open container would be the price of a letter.
 */
import { InvalidError } from '../../errors.js'
import type { Option } from './option.js'

/** Whoever writes one of these means us. */
const OUR_PREFIXES = ['net-routed.', 'com.medallia.routed.']
const DOCKERS = 'com.docker.'
/** Of `net_routed.mtu`, `NetRouted-mtu`. */
const OUR_LETTERS = /^netrouted/
const LARGEST_DISTANCE = 2

/** The options as they are called; others as they are. Throws InvalidError for one that is there twice. */
export function withNames(
  given: Readonly<Record<string, unknown>>,
  options: readonly Option[]
): Record<string, unknown> {
  const keys = new Map<string, string>()
  for (const key of Object.keys(given)) {
    const name = nameOf(key, options)
    const twin = keys.get(name)
    if (twin !== undefined)
      throw new InvalidError(`${twin} and ${key} are one option, case does not matter: give one of them`)
    keys.set(name, key)
  }
  return Object.fromEntries(Array.from(keys, ([name, key]) => [name, given[key]]))
}

/** True if the option has this name; of a prefix, if the name begins so. */
export function hasKey({ keys, isPrefix }: Option, key: string): boolean {
  return isPrefix ? keys.some((prefix) => key.startsWith(prefix)) : keys.includes(key)
}

/** True for names of ours, right or wrong. Docker's own may be whatever it likes. */
export function isOurs(key: string, options: readonly Option[]): boolean {
  const lower = key.toLowerCase()
  return (
    OUR_PREFIXES.some((prefix) => lower.startsWith(prefix)) ||
    OUR_LETTERS.test(lettersOf(key)) ||
    (!lower.startsWith(DOCKERS) && nearest(key, options) !== undefined)
  )
}

/** What was meant: the name that differs in a few letters, or in what comes before its last dot. */
export function nearest(key: string, options: readonly Option[]): string | undefined {
  const names = options.flatMap(({ keys, isPrefix }) => (isPrefix ? [] : keys.slice(0, 1)))
  const letters = lettersOf(key)
  const byDistance = names
    .filter((name) => Math.abs(lettersOf(name).length - letters.length) <= LARGEST_DISTANCE)
    .map((name) => ({ name, distance: distanceOf(letters, lettersOf(name)) }))
    .toSorted((a, b) => a.distance - b.distance)
  const bare = names.find((name) =>
    OUR_PREFIXES.some((prefix) => lettersOf(name) === lettersOf(prefix + key))
  )
  return bare ?? byDistance.find(({ distance }) => distance <= LARGEST_DISTANCE)?.name
}

function nameOf(key: string, options: readonly Option[]): string {
  const lower = key.toLowerCase()
  for (const { keys, isPrefix } of options) {
    const name = keys.find((one) => (isPrefix ? lower.startsWith(one) : lower === one.toLowerCase()))
    if (name !== undefined) return isPrefix ? name + key.slice(name.length) : name
  }
  return key
}

function lettersOf(key: string): string {
  return key.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}

/** How many letters must be added, removed or changed (Levenshtein). */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1]
    for (const [j, other] of Array.from(b).entries()) {
      const [left = 0, above = 0, corner = 0] = [next[j], row[j + 1], row[j]]
      next.push(Math.min(left + 1, above + 1, corner + (letter === other ? 0 : 1)))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
