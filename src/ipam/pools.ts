/** What a pool has to do with networks and other pools. Pure. */
import { ConflictError } from '../errors.js'
import type { Prefix } from '../model/ip.js'
import type { Network } from '../model/network.js'
import type { Pool, PoolName } from '../model/pool.js'
import { SPACE_NAMES } from '../model/space.js'

/** True if the network's addresses come out of the pool. */
export function usesPool(network: Network, pool: PoolName): boolean {
  return network.subnets.some(
    ({ space, prefix }) => space === SPACE_NAMES[pool.space] && prefix === pool.prefix
  )
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
