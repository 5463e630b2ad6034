import { InvalidError } from '../errors.js'
import { familyOf, lengthOf, parsePrefix, rangeOf, toIp, widthOf } from './ip.js'
import type { Ip, Prefix } from './ip.js'
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

/** RFC 3021: point-to-point subnets and single addresses have neither network nor broadcast address. */
export function hasNetworkAddress(subnet: Prefix): boolean {
  return widthOf(familyOf(subnet)) - lengthOf(subnet) > 1
}

/** What the address of the subnet is, if not one for a container. */
export function specialOf(subnet: Prefix, address: Ip): 'network' | 'broadcast' | undefined {
  if (!hasNetworkAddress(subnet)) return undefined
  const { first, last, family } = rangeOf(subnet)
  if (address === toIp(first, family)) return 'network'
  return family === 4 && address === toIp(last, family) ? 'broadcast' : undefined
}
