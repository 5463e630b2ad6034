/** What operators can tell the daemon besides what their engine tells it. */
import { networkBeginning } from './admin-names.js'
import { checkRouting } from './config-file.js'
import { ConflictError, InvalidError, NotFoundError } from './errors.js'
import { readMap } from './core/routing/map.js'
import type { OpenVty } from './host/vty.js'
import { verify } from './core/routing/verify.js'
import type { VerifyParts } from './core/routing/verify.js'
import type { Networks } from './core/networks.js'
import type { Routers } from './core/routing/routers.js'
import type { Answer } from './http.js'
import type { Ipam } from './ipam/ipam.js'
import { usesPool } from './ipam/pools.js'
import { parseSubnet } from './model/ip.js'
import type { Records } from './store/records.js'

interface Parts {
  readonly records: Records
  readonly networks: Networks
  readonly ipam: Ipam
}

/**
 * Drops a network with its subnets, or a subnet without network, whose end Docker could not report. Refuses what has
 * containers: Docker still has it.
 */
export async function forget(parts: Parts, body: unknown): Promise<Answer> {
  const name = typeof body === 'object' && body !== null && 'Network' in body ? body.Network : undefined
  if (typeof name !== 'string' || name === '') {
    throw new InvalidError('Network: give the id of a network, or its beginning, or a subnet without network')
  }
  return name.includes('/') ? forgetSubnet(parts, name) : forgetNetwork(parts, name)
}

/** What the routing daemons should have and what differs: for the daemon's own section, or for one being considered. */
export async function planRouting(routers: Routers, body: unknown): Promise<Answer> {
  if (typeof body !== 'object' || body === null) throw new InvalidError('the request is empty')
  const other = 'Routing' in body ? checkRouting(body.Routing, 'routing') : undefined
  return { body: { Routers: await routers.plans(other) } }
}

/** Compares what containers have with what kernel and routing daemons have, and repairs what is ours. */
export async function verifyRoutes(parts: VerifyParts, body: unknown): Promise<Answer> {
  if (typeof body !== 'object' || body === null) throw new InvalidError('the request is empty')
  return { body: await verify(parts) }
}

/** The cluster, as OSPF's database has it. */
export async function showMap(open: OpenVty, body: unknown): Promise<Answer> {
  if (typeof body !== 'object' || body === null) throw new InvalidError('the request is empty')
  return { body: await readMap(open) }
}

async function forgetNetwork({ records, networks, ipam }: Parts, name: string): Promise<Answer> {
  const network = networkBeginning(records, name)
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

async function forgetSubnet({ records, ipam }: Parts, name: string): Promise<Answer> {
  const prefix = parseSubnet(name, 'Network')
  const pools = records.all('pool').filter((pool) => pool.prefix === prefix)
  if (pools.length === 0) throw new NotFoundError(`net-routed has no subnet ${prefix}`)
  for (const pool of pools) {
    const network = records.all('network').find((candidate) => usesPool(candidate, pool))
    if (network) throw new ConflictError(`subnet ${prefix} belongs to network ${network.id}: forget that`)
    await ipam.releasePool(pool.id)
  }
  return { body: { Network: prefix } }
}
