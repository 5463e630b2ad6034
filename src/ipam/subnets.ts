/** Which subnet a network gets that asks for none, and what a range may be. Pure. */
import { ExhaustedError, InvalidError } from '../errors.js'
import { contains, familyOf, lengthOf, overlaps, rangeOf, toIp, widthOf, withLength } from '../model/ip.js'
import type { Family, Prefix } from '../model/ip.js'
import type { Pool } from '../model/pool.js'
import type { Space } from '../model/space.js'
import { fitExample, unfitRangeOf } from '../model/unfit.js'

/** Subnets to choose from where none is given: every subnet of `size` in `base`. */
export interface DefaultPool {
  readonly base: Prefix
  readonly size: number
}

export interface PoolRequest {
  readonly space: Space
  readonly prefix?: Prefix
  readonly range?: Prefix
  readonly family: Family
}

/**
 * The first subnet of the default pools that overlaps with no pool of the space, so that a subnet which Docker dislikes and
 * keeps is not offered again. Throws InvalidError without default pools, ExhaustedError if all are in use.
 */
export function chooseSubnet(
  { space, family, range }: PoolRequest,
  defaultPools: readonly DefaultPool[],
  existing: readonly Pool[]
): Prefix {
  if (range !== undefined) {
    throw new InvalidError(`ip-range ${range} needs a subnet that contains it: give --subnet`)
  }
  const defaults = defaultPools.filter(({ base }) => familyOf(base) === family)
  if (defaults.length === 0) {
    throw new InvalidError(
      `no IPv${String(family)} subnet given and no default address pool for IPv${String(family)} is configured: give --subnet, ` +
        `or start net-routed with --default-address-pool base=${family === 4 ? '10.46.0.0/16,size=24' : 'fd00:46::/48,size=64'}`
    )
  }
  const pools = existing.filter((pool) => pool.space === space)
  for (const candidate of subnetsOf(defaults)) {
    if (!pools.some(({ prefix }) => overlaps(prefix, candidate))) return candidate
  }
  const list = defaults.map(({ base, size }) => `${base} (size ${String(size)})`).join(', ')
  throw new ExhaustedError(
    `every subnet of the default address pools ${list} is in use: give --subnet, ` +
      'or add another --default-address-pool base=...,size=... to net-routed'
  )
}

/** Throws InvalidError for a subnet whose addresses no container can have. */
export function checkSubnet(subnet: Prefix): void {
  const unfit = unfitRangeOf(subnet)
  if (unfit === undefined) return
  throw new InvalidError(
    `subnet ${subnet} is in ${unfit}, which is not for containers: give another --subnet, such as one of ${fitExample(subnet)}`
  )
}

/** Throws InvalidError unless the range lies in the subnet. */
export function checkRange(range: Prefix, subnet: Prefix): void {
  const inner = rangeOf(range)
  if (
    familyOf(range) === familyOf(subnet) &&
    contains(subnet, toIp(inner.first, inner.family)) &&
    lengthOf(range) >= lengthOf(subnet)
  )
    return
  throw new InvalidError(`ip-range ${range} does not lie in the subnet ${subnet}`)
}

function* subnetsOf(pools: readonly DefaultPool[]): Iterable<Prefix> {
  for (const { base, size } of pools) {
    const { first, last, family } = rangeOf(base)
    const step = 1n << BigInt(widthOf(family) - size)
    for (let value = first; value <= last; value += step) yield withLength(toIp(value, family), size)
  }
}
