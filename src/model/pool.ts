import type { Prefix } from './ip.js'
import type { Space } from './space.js'

/** A subnet that our IPAM hands addresses out of. */
export interface Pool {
  /** What Docker stores for years: space and subnet. */
  readonly id: string
  readonly space: Space
  readonly prefix: Prefix
  /** Automatic addresses come out of here (`--ip-range`). */
  readonly range?: Prefix
  /** Creation time, ISO 8601. */
  readonly since: string
}

export function poolId(space: Space, prefix: Prefix): string {
  return `${space}/${prefix}`
}
