/** Which addresses of a pool are taken, out of the records. */
import { ExhaustedError } from '../errors.js'
import { addressOf, hostPrefix } from '../model/ip.js'
import type { Ip, Prefix } from '../model/ip.js'
import { leaseId } from '../model/lease.js'
import type { Pool } from '../model/pool.js'
import type { Space } from '../model/space.js'
import type { Records } from '../store/records.js'
import { chooseAddress } from './allocate.js'
import type { Usage } from './allocate.js'

/** `cursor`: addresses below it have all been used. `isElsewhere`: another host has it. */
export function usageOf(
  pool: Pool,
  records: Records,
  cursor: bigint,
  isElsewhere: (dst: Prefix) => boolean = () => false
): Usage {
  return {
    isHeld: (candidate) =>
      records.get('lease', leaseId(pool.space, candidate))?.state === 'held' ||
      isElsewhere(hostPrefix(candidate)),
    wasUsed: (candidate) =>
      records.get('lease', leaseId(pool.space, candidate)) !== undefined ||
      isReserved(pool.space, candidate, records) ||
      isElsewhere(hostPrefix(candidate)),
    released: releasedOf(pool, records),
    cursor
  }
}

/**
 * Addresses that are not chosen out of a block: besides those of other hosts the first one, because OSPF cannot announce a
 * block and its first address at once (RFC 2328, appendix E: both would have the same name).
 */
export function unfitIn(block: Prefix, isElsewhere: (dst: Prefix) => boolean): (dst: Prefix) => boolean {
  const first = hostPrefix(addressOf(block))
  return (dst) => dst === first || isElsewhere(dst)
}

/** True if an automatic address could be had from the pool. */
export function hasRoom(
  pool: Pool,
  records: Records,
  isElsewhere: (dst: Prefix) => boolean = () => false
): boolean {
  try {
    chooseAddress(pool, usageOf(pool, records, 0n, isElsewhere))
    return true
  } catch (error) {
    if (error instanceof ExhaustedError) return false
    throw error
  }
}

/** A lease that could not be read at the start keeps its address. */
export function isReserved(space: Space, address: Ip, { broken }: Records): boolean {
  const id = leaseId(space, address)
  return broken.some((record) => record.kind === 'lease' && record.id === id)
}

/** Leases come in the order of their last change. */
function* releasedOf({ id }: Pool, records: Records): Iterable<Ip> {
  for (const { state, address } of records.leasesOfPool(id)) if (state === 'released') yield address
}
