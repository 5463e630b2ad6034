/** Requests to the IPAM without a container around them. */
import type { DefaultPool } from '../../src/ipam/subnets.js'
import { withRig } from './daemon.js'
import type { Call, Rig } from './daemon.js'
import { LOCAL_SPACE, dockerId } from './docker.js'
import { textAt } from './json.js'

/** The pool of the network that `withNetwork` makes. */
export const POOL = 'local/10.1.0.0/29'
export const NET = dockerId(1)
export const MINUTE_MS = 60_000

/** Returns the subnet. */
export async function requestPool(call: Call, Pool: string, more: object = {}): Promise<string> {
  const answer = await call('IpamDriver.RequestPool', {
    AddressSpace: LOCAL_SPACE,
    Pool,
    SubPool: '',
    Options: {},
    V6: Pool.includes(':'),
    ...more
  })
  return textAt(answer, 'Pool')
}

/** Returns the address with its prefix length. */
export async function requestAddress(
  call: Call,
  Address = '',
  PoolID = POOL,
  Options: object | null = null
): Promise<string> {
  return textAt(await call('IpamDriver.RequestAddress', { PoolID, Address, Options }), 'Address')
}

export function releaseAddress(call: Call, Address: string, PoolID = POOL): Promise<unknown> {
  return call('IpamDriver.ReleaseAddress', { PoolID, Address })
}

/** The options of a request for a gateway. */
export const GATEWAY = { RequestAddressType: 'com.docker.network.gateway' }

/** A daemon with a network of six addresses. */
export function withNetwork(test: (rig: Rig) => Promise<void>): () => Promise<void> {
  return () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/29' })
      await test(rig)
    })
}

/** A daemon with default pools and without network. */
export function withPools(
  defaultAddressPool: readonly DefaultPool[],
  test: (rig: Rig) => Promise<void>
): () => Promise<void> {
  return () => withRig({ config: { defaultAddressPool } }, test)
}
