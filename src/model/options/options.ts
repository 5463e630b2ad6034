/** All options: `docker network create -o`, `--driver-opt`, `options` of a CNI configuration. One row per feature. */
import { isDeepStrictEqual } from 'node:util'
import { InvalidError } from '../../errors.js'
import { ADDRESS_FIELDS, ADDRESS_OPTIONS } from './addresses.js'
import { DUPLICATES_FIELDS, DUPLICATES_OPTIONS } from './duplicates.js'
import { HEALTH_FIELDS, HEALTH_OPTIONS } from './health.js'
import { INSIDE_FIELDS, INSIDE_OPTIONS } from './inside.js'
import { LINK_FIELDS, LINK_OPTIONS } from './link.js'
import { hasKey, isOurs, nearest, withNames } from './keys.js'
import { NDP_FIELDS, NDP_OPTIONS } from './ndp.js'
import type { EndpointOptions, NetworkOptions, Option, OptionChanges, Place } from './option.js'
import { POLICY_FIELDS, POLICY_OPTIONS } from './policy.js'
import { RATE_FIELDS, RATE_OPTIONS } from './rates.js'

const OPTIONS: readonly Option[] = [
  ...LINK_OPTIONS,
  ...HEALTH_OPTIONS,
  ...POLICY_OPTIONS,
  ...RATE_OPTIONS,
  ...DUPLICATES_OPTIONS,
  ...ADDRESS_OPTIONS,
  ...NDP_OPTIONS,
  ...INSIDE_OPTIONS
]

/** Schemas of the fields that they fill, for stored records. */
export const OPTION_FIELDS = {
  ...LINK_FIELDS,
  ...HEALTH_FIELDS,
  ...POLICY_FIELDS,
  ...RATE_FIELDS,
  ...DUPLICATES_FIELDS,
  ...ADDRESS_FIELDS,
  ...NDP_FIELDS,
  ...INSIDE_FIELDS
} as const

/**
 * Throws InvalidError for a wrong value, for a key in our name that does not exist or that is not for this place. Keys of
 * others are left alone. The case of keys does not matter.
 */
export function parseOptions(given: Readonly<Record<string, unknown>>, place: 'endpoint'): EndpointOptions
export function parseOptions(given: Readonly<Record<string, unknown>>, place: Place): NetworkOptions
export function parseOptions(all: Readonly<Record<string, unknown>>, place: Place): NetworkOptions {
  const given = withNames(all, OPTIONS)
  const here = OPTIONS.filter(({ places }) => places.includes(place))
  refuseUnknown(given, place, here)
  return Object.assign({}, ...here.map((option) => parseOne(option, given))) as NetworkOptions
}

/**
 * The same for what runs. Values are text; an empty one = as if the option had not been given. Throws InvalidError also for
 * an option that cannot change while containers run.
 */
export function parseChanges(all: Readonly<Record<string, string>>, place: Place): OptionChanges {
  const given = withNames(all, OPTIONS)
  const here = OPTIONS.filter(({ places, changes }) => changes && places.includes(place))
  refuseFixed(given, place, here)
  const wanted = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))
  const unset = here.filter(({ keys }) => keys.some((key) => given[key] === ''))
  const set = Object.assign({}, ...here.map((option) => parseOne(option, wanted))) as NetworkOptions
  const twice = unset.find(({ changes = [] }) => changes.some((field) => Object.hasOwn(set, field)))
  if (twice) throw new InvalidError(`${twice.keys[0]}: a value and none: give one of them`)
  return { set, unset: unset.flatMap(({ changes = [] }) => changes) }
}

/** A record with other values in some fields; undefined = without the field. */
export function withFields<T extends NetworkOptions>(
  record: T,
  fields: Readonly<Partial<Record<keyof NetworkOptions, unknown>>>
): T {
  const all = Object.entries({ ...record, ...fields })
  return Object.fromEntries(all.filter(([, value]) => value !== undefined)) as T
}

/** The fields of a network that its endpoints have, too, unless they say otherwise. */
export function defaultsOf(network: NetworkOptions): EndpointOptions {
  return Object.fromEntries(Object.entries(network).filter(([field]) => Object.hasOwn(OPTION_FIELDS, field)))
}

/** True if both have the same options, whatever else they have. */
export function sameOptions(a: NetworkOptions, b: NetworkOptions): boolean {
  return isDeepStrictEqual(chosenIn(a), chosenIn(b))
}

function chosenIn(network: NetworkOptions): NetworkOptions {
  const { interfacePrefix } = network
  return { ...defaultsOf(network), ...(interfacePrefix === undefined ? {} : { interfacePrefix }) }
}

/** Keys that nobody here understands, for a warning: they may be meant for another driver. */
export function foreignKeys(given: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(given).filter((key) => !key.startsWith('com.docker.network.') && !isOurs(key, OPTIONS))
}

/** Of several names for one option the first one counts; the others must be right, too. */
function parseOne(option: Option, given: Readonly<Record<string, unknown>>): NetworkOptions {
  const keys = option.isPrefix
    ? Object.keys(given).filter((key) => hasKey(option, key))
    : option.keys.filter((key) => Object.hasOwn(given, key))
  const parsed = keys.map((key) => option.parse(given[key], key))
  return (option.isPrefix ? merged(parsed) : parsed[0]) ?? {}
}

/** Fields that are objects, put together. */
function merged(all: readonly NetworkOptions[]): NetworkOptions {
  const fields = new Map<string, object>()
  for (const [field, value] of all.flatMap((one) => Object.entries(one)))
    fields.set(field, { ...fields.get(field), ...(value as object) })
  return Object.fromEntries(fields)
}

function refuseUnknown(
  given: Readonly<Record<string, unknown>>,
  place: Place,
  here: readonly Option[]
): void {
  const unknown = Object.keys(given).filter(
    (key) => isOurs(key, OPTIONS) && !here.some((option) => hasKey(option, key))
  )
  if (unknown.length === 0) return
  const elsewhere = unknown.filter((key) => OPTIONS.some((option) => hasKey(option, key)))
  const what =
    elsewhere.length > 0 ? `is no option of ${AN[place]}, but of ${OTHER[place]}` : 'does not exist'
  const names = here.map(({ keys: [name], isPrefix }) => (isPrefix ? `${name}*` : name)).join(', ')
  throw new InvalidError(`option ${unknown.join(', ')} ${what}${meant(unknown)}: there are ${names}`)
}

/** Of one option, which was probably meant. */
function meant([key = '', ...more]: readonly string[]): string {
  const name = more.length > 0 ? undefined : nearest(key, OPTIONS)
  return name === undefined || name === key ? '' : ` (is ${name} meant?)`
}

function refuseFixed(given: Readonly<Record<string, unknown>>, place: Place, here: readonly Option[]): void {
  if (Object.keys(given).length === 0)
    throw new InvalidError('give OPTION=VALUE, or OPTION= for none, at least once')
  const known = new Set(here.flatMap(({ keys }) => keys))
  const names = here.map(({ keys: [name] }) => name).join(', ')
  for (const key of Object.keys(given)) {
    if (known.has(key)) continue
    const option = OPTIONS.find((one) => hasKey(one, key))
    if (!option) throw new InvalidError(`option ${key} does not exist${meant([key])}: there are ${names}`)
    const why = option.changes
      ? `is no option of ${AN[place]}`
      : 'cannot change while containers run, it is part of how their links were made'
    throw new InvalidError(`option ${key} ${why}: what can change of ${AN[place]} is ${names || 'nothing'}`)
  }
}

const AN: Readonly<Record<Place, string>> = { network: 'a network', endpoint: 'an endpoint' }
/** Where else it may be given. */
const OTHER: Readonly<Record<Place, string>> = {
  network: 'a container (docker run --network name=…,driver-opt=…)',
  endpoint: 'a network (docker network create -o …)'
}
