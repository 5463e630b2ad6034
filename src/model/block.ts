import type { Prefix } from './ip.js'
import type { Pool } from './pool.js'

/** A part of a pool that this host gives addresses out of, and announces as a whole. */
export interface Block {
  readonly id: string
  readonly poolId: string
  readonly prefix: Prefix
  /** `claimed`: announced, and nobody may have heard of it yet; `own`: addresses are given out. */
  readonly state: 'claimed' | 'own'
  /** Time of the claim, ISO 8601. */
  readonly since: string
}

export function blockId({ space }: Pick<Pool, 'space'>, prefix: Prefix): string {
  return `${space}/${prefix}`
}
