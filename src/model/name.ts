import type { Ip } from './ip.js'

/** What DNS said last of a name that a policy has: what is known stays while DNS does not answer, also over a restart. */
export interface Name {
  /** The name itself, in lower case. */
  readonly id: string
  readonly addresses: readonly Ip[]
  /** Since when it says so, ISO 8601. */
  readonly since: string
}
