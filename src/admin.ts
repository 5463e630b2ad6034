/** What operators can tell the daemon besides what their engine tells it. */
import { ConflictError, InvalidError, NotFoundError } from './errors.js'
import type { Networks } from './core/networks.js'
import type { Answer } from './http.js'
import { usesPool } from './ipam/ipam.js'
import type { Ipam } from './ipam/ipam.js'
import type { Network } from './model/network.js'
import type { Records } from './store/records.js'

interface Parts {
  readonly records: Records
  readonly networks: Networks
  readonly ipam: Ipam
}

/**
 * Drops a network, with its pools, whose removal Docker could not report because we did not run. Refuses one that has
 * containers: Docker still has it.
 */
export async function forget({ records, networks, ipam }: Parts, body: unknown): Promise<Answer> {
  const network = findNetwork(records, body)
  const count = records.endpointsOfNetwork(network.id).length
  if (count > 0) {
    throw new ConflictError(
      `network ${network.id} has ${String(count)} endpoints: remove their containers first`
    )
  }
  const pools = records.all('pool').filter((pool) => usesPool(network, pool))
  await networks.delete(network.id)
  for (const pool of pools) await ipam.releasePool(pool.id)
  return { body: { Network: network.id } }
}

function findNetwork(records: Records, body: unknown): Network {
  const prefix = typeof body === 'object' && body !== null && 'Network' in body ? body.Network : undefined
  if (typeof prefix !== 'string' || prefix === '') {
    throw new InvalidError('Network: give the id of a network, or its beginning')
  }
  const [network, ...more] = records.all('network').filter(({ id }) => id.startsWith(prefix))
  if (!network)
    throw new NotFoundError(
      `no network of net-routed has an id that begins with "${prefix}": see net-routed status`
    )
  if (more.length > 0)
    throw new InvalidError(`Network: "${prefix}" is the beginning of ${String(more.length + 1)} ids`)
  return network
}
