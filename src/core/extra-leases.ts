/**
 * Addresses that an endpoint was given beside those of the IPAM: where they lie in a pool of ours, nobody else gets them.
 * Pure: looks at the records, and says what to store.
 */
import { ConflictError, InvalidError } from '../errors.js'
import { grantedAddresses } from '../model/endpoint.js'
import type { Endpoint } from '../model/endpoint.js'
import { addressOf, contains } from '../model/ip.js'
import type { Ip } from '../model/ip.js'
import { leaseId } from '../model/lease.js'
import type { Lease } from '../model/lease.js'
import type { Network } from '../model/network.js'
import { specialOf } from '../model/pool.js'
import type { Pool } from '../model/pool.js'
import { SPACE_NAMES } from '../model/space.js'
import type { Records, Stored } from '../store/records.js'

/** Leases to store together with a new endpoint. Throws ConflictError that says who has an address already, InvalidError for one that nobody can have. */
export function takeExtra(
  endpoint: Pick<Endpoint, 'id' | 'extraAddresses'>,
  network: Network,
  { records, now }: { records: Records; now: Date }
): Stored[] {
  return (endpoint.extraAddresses ?? []).map(addressOf).flatMap((address): Stored[] => {
    const owner = records.endpointsWithAddress(address).find(({ id }) => id !== endpoint.id)
    if (owner) throw taken(address, `endpoint ${owner.id} has it`)
    const pool = poolOf(address, network, records)
    if (!pool) return []
    const special = specialOf(pool.prefix, address)
    if (special)
      throw new InvalidError(`net-routed.addresses: ${address} is the ${special} address of ${pool.prefix}`)
    const id = leaseId(pool.space, address)
    const known = records.get('lease', id)
    if (known?.state === 'held') throw taken(address, USES[known.purpose])
    const since = now.toISOString()
    const record: Lease = {
      id,
      poolId: pool.id,
      address,
      state: 'held',
      purpose: 'endpoint',
      automatic: false,
      since
    }
    return [{ kind: 'lease', record }]
  })
}

/** The same leases, given back, after the endpoint is gone. */
export function returnExtra({ extraAddresses = [] }: Endpoint, records: Records, now: Date): Stored[] {
  const since = now.toISOString()
  return extraAddresses.map(addressOf).flatMap((address) =>
    Object.keys(SPACE_NAMES).flatMap((space): Stored[] => {
      const lease = records.get('lease', `${space}/${address}`)
      const isFree = lease?.state !== 'held' || lease.purpose !== 'endpoint' || isGranted(address, records)
      return isFree ? [] : [{ kind: 'lease', record: { ...lease, state: 'released', since } }]
    })
  )
}

const USES: Readonly<Record<Lease['purpose'], string>> = {
  endpoint: 'it is held for a container that starts or has just ended',
  gateway: 'it is the gateway',
  aux: 'it is taken by --aux-address, or in a network of another driver'
}

function taken(address: Ip, why: string): ConflictError {
  return new ConflictError(`net-routed.addresses: ${address} is in use: ${why}`)
}

/** True if the IPAM has given it to an endpoint that is still there. */
function isGranted(address: Ip, records: Records): boolean {
  return records
    .endpointsWithAddress(address)
    .some((endpoint) => grantedAddresses(endpoint).some((prefix) => addressOf(prefix) === address))
}

/** The network's own, else any. */
function poolOf(address: Ip, { subnets }: Network, records: Records): Pool | undefined {
  const pools = records.all('pool').filter(({ prefix }) => contains(prefix, address))
  const own = pools.find((pool) =>
    subnets.some(({ space, prefix }) => prefix === pool.prefix && space === SPACE_NAMES[pool.space])
  )
  return own ?? pools[0]
}
