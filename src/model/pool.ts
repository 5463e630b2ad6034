import { InvalidError } from '../errors.js'
import { parsePrefix } from './ip.js'
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

/** What a pool's id alone tells. */
export type PoolName = Pick<Pool, 'id' | 'space' | 'prefix'>

export function poolId(space: Space, prefix: Prefix): string {
  return `${space}/${prefix}`
}

/** Enough of a pool to give back what it holds, when its record cannot be read. Undefined for an id that is none of ours. */
export function poolNamed(id: string): PoolName | undefined {
  const [space, ...rest] = id.split('/')
  if (space !== 'local' && space !== 'global') return undefined
  try {
    return { id, space, prefix: parsePrefix(rest.join('/')) }
  } catch (error) {
    if (error instanceof InvalidError) return undefined
    throw error
  }
}
