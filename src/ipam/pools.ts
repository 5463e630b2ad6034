/** What a pool has to do with networks and other pools. Pure. */
import { ConflictError } from '../errors.js'
import type { Prefix } from '../model/ip.js'
import type { Network } from '../model/network.js'
import type { Pool, PoolName } from '../model/pool.js'
import { SPACE_NAMES } from '../model/space.js'
import type { Records } from '../store/records.js'

/** Docker creates the network right after its pool; a pool that is older and has none was leaked by a failed creation. */
const POOL_WITHOUT_NETWORK_MS = 60_000

/** True if the network's addresses come out of the pool. */
export function usesPool(network: Network, pool: PoolName): boolean {
  return network.subnets.some(
    ({ space, prefix }) => space === SPACE_NAMES[pool.space] && prefix === pool.prefix
  )
}

/** True if a network of ours has the pool. */
export function isRouted(pool: Pool, records: Records): boolean {
  return records.all('network').some((network) => usesPool(network, pool))
}

/** Docker makes the network right after its subnet. One of another driver holds at least its gateway. */
export function isLeaked(pool: Pool, records: Records, now: Date): boolean {
  const isOld = now.getTime() - Date.parse(pool.since) > POOL_WITHOUT_NETWORK_MS
  return isOld && !isRouted(pool, records) && !hasHeldLeases(pool, records)
}

function hasHeldLeases({ id }: Pool, records: Records): boolean {
  for (const { state } of records.leasesOfPool(id)) if (state === 'held') return true
  return false
}

/** The pool with all its addresses. */
export function withoutRange(pool: Pool): Pool {
  const { range: _range, ...whole } = pool
  return whole
}

/** Says whose the subnet is, and what to do. */
export function overlapError(prefix: Prefix, pool: Pool, network: Network | undefined): ConflictError {
  const owner = network ? `network ${network.id}` : 'a network that is being created, or of another driver'
  const what = network ? network.id.slice(0, 12) : pool.prefix
  const hint = `give another --subnet, or if Docker no longer has that network, run "net-routed forget ${what}"`
  return new ConflictError(`subnet ${prefix} overlaps with ${pool.prefix} of ${owner}: ${hint}`)
}
