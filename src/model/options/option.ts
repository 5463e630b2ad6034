/**
 * What an endpoint can be given besides its addresses. A front end takes it from options, labels or a configuration; a
 * network's are the defaults of its endpoints. Each feature is one list of `Option` and the fields that it fills.
 */
import type { AddressOptions } from './addresses.js'
import type { DuplicatesOptions } from './duplicates.js'
import type { HealthOptions } from './health.js'
import type { InsideOptions } from './inside.js'
import type { LinkOptions } from './link.js'
import type { NdpOptions } from './ndp.js'
import type { PolicyOptions } from './policy.js'
import type { RateOptions } from './rates.js'

/** As they are in the records of networks and endpoints. */
export type EndpointOptions = LinkOptions &
  HealthOptions &
  PolicyOptions &
  RateOptions &
  DuplicatesOptions &
  AddressOptions &
  NdpOptions &
  InsideOptions

/** What only a whole network has. */
export interface NetworkOptions extends EndpointOptions {
  /** Name of the container's interfaces before their number; absent = eth. */
  readonly interfacePrefix?: string
}

/** Where an option may be given: at a network only, at an endpoint only, or at both. */
export type Place = 'network' | 'endpoint'

/** What is to be different: fields with their new values, and fields as if they had never been given. */
export interface OptionChanges {
  readonly set: NetworkOptions
  readonly unset: readonly (keyof NetworkOptions)[]
}

export interface Option {
  /** The first one is the name; the others are taken for the same. */
  readonly keys: readonly [string, ...string[]]
  /** True = every key that begins so. What they say of one field, an object, comes together. */
  readonly isPrefix?: true
  readonly places: readonly Place[]
  /** The fields that it fills, if they may change while containers run; absent = they may not. */
  readonly changes?: readonly (keyof NetworkOptions)[]
  /** Takes any value that JSON can have. Throws InvalidError that names `key`, the value and what would be right. */
  readonly parse: (value: unknown, key: string) => NetworkOptions
}
