/** The calls that dockerd makes for its own commands, in their order (protocol.md section 7), for tests without recordings. */
import type { Call } from './daemon.js'
import { textAt } from './json.js'

export interface NetworkOptions {
  readonly id: string
  readonly subnet?: string
  readonly subnet6?: string
  readonly range?: string
  /** `--gateway`; absent, no gateway is asked for, as from Docker 28 on. */
  readonly gateway?: string
  readonly options?: Readonly<Record<string, unknown>>
  readonly internal?: boolean
}

export interface ContainerOptions {
  readonly id: string
  readonly network: string
  readonly ip?: string
  readonly mac?: string
  readonly sandbox?: string
  /** `--driver-opt`. */
  readonly options?: Readonly<Record<string, unknown>>
}

export interface Docker {
  readonly call: Call
  readonly createNetwork: (options: NetworkOptions) => Promise<void>
  readonly removeNetwork: (id: string) => Promise<void>
  /** RequestAddress and CreateEndpoint. Returns the addresses as the IPAM gave them. */
  readonly createEndpoint: (options: ContainerOptions) => Promise<readonly string[]>
  readonly join: (options: ContainerOptions) => Promise<unknown>
  /** Everything of `docker run`. */
  readonly run: (options: ContainerOptions) => Promise<readonly string[]>
  /** Everything of `docker stop`. */
  readonly stop: (id: string) => Promise<void>
  readonly releaseAddresses: (id: string) => Promise<void>
  /** The pools of a network. */
  readonly pools: (network: string) => readonly string[]
}

interface Lease {
  readonly pool: string
  readonly address: string
}

export const LOCAL_SPACE = 'net-routed-local'
const GATEWAY = { RequestAddressType: 'com.docker.network.gateway' }

/** An id in Docker's form, 64 hex digits, that begins with a number. */
export function dockerId(number: number): string {
  return number.toString(16).padStart(4, '0').repeat(16)
}

export function sandboxOf(id: string): string {
  return `/var/run/docker/netns/${id.slice(0, 12)}`
}

/** A dockerd that calls through `call` and remembers what it was given. `setUp` is told of endpoints that have joined. */
export function dockerOf(call: Call, setUp: (id: string) => Promise<void> = () => Promise.resolve()): Docker {
  const poolsByNetwork = new Map<string, string[]>()
  const gatewaysByNetwork = new Map<string, Lease[]>()
  const leasesByEndpoint = new Map<string, Lease[]>()
  const networkByEndpoint = new Map<string, string>()

  const requestPool = async (subnet: string, options: NetworkOptions): Promise<object> => {
    const isV6 = subnet.includes(':')
    const pool = await call('IpamDriver.RequestPool', {
      AddressSpace: LOCAL_SPACE,
      Pool: subnet,
      SubPool: isV6 ? '' : (options.range ?? ''),
      Options: {},
      V6: isV6
    })
    const id = textAt(pool, 'PoolID')
    poolsByNetwork.set(options.id, [...(poolsByNetwork.get(options.id) ?? []), id])
    const data = { AddressSpace: LOCAL_SPACE, Pool: textAt(pool, 'Pool') }
    if (options.gateway === undefined || isV6) return data
    const gateway = textAt(
      await call('IpamDriver.RequestAddress', { PoolID: id, Address: options.gateway, Options: GATEWAY }),
      'Address'
    )
    gatewaysByNetwork.set(options.id, [{ pool: id, address: gateway.split('/')[0] ?? '' }])
    return { ...data, Gateway: gateway }
  }

  const createNetwork = async (options: NetworkOptions): Promise<void> => {
    const IPv4Data = options.subnet === undefined ? [] : [await requestPool(options.subnet, options)]
    const IPv6Data = options.subnet6 === undefined ? [] : [await requestPool(options.subnet6, options)]
    await call('NetworkDriver.CreateNetwork', {
      NetworkID: options.id,
      IPv4Data,
      IPv6Data,
      Options: {
        'com.docker.network.enable_ipv6': options.subnet6 !== undefined,
        'com.docker.network.generic': options.options ?? {},
        ...(options.internal === true ? { 'com.docker.network.internal': true } : {})
      }
    })
  }

  const removeNetwork = async (id: string): Promise<void> => {
    for (const { pool, address } of gatewaysByNetwork.get(id) ?? [])
      await call('IpamDriver.ReleaseAddress', { PoolID: pool, Address: address })
    for (const pool of poolsByNetwork.get(id) ?? []) await call('IpamDriver.ReleasePool', { PoolID: pool })
    poolsByNetwork.delete(id)
    gatewaysByNetwork.delete(id)
    await call('NetworkDriver.DeleteNetwork', { NetworkID: id })
  }

  const createEndpoint = async ({
    id,
    network,
    ip,
    mac,
    options = {}
  }: ContainerOptions): Promise<readonly string[]> => {
    const addresses: string[] = []
    networkByEndpoint.set(id, network)
    for (const pool of poolsByNetwork.get(network) ?? []) {
      const wanted = ip !== undefined && !pool.includes(':') ? ip : ''
      const answer = await call('IpamDriver.RequestAddress', { PoolID: pool, Address: wanted, Options: null })
      const address = textAt(answer, 'Address')
      addresses.push(address)
      const lease = { pool, address: address.split('/')[0] ?? '' }
      leasesByEndpoint.set(id, [...(leasesByEndpoint.get(id) ?? []), lease])
    }
    const Interface = {
      Address: addresses.find((address) => !address.includes(':')) ?? '',
      AddressIPv6: addresses.find((address) => address.includes(':')) ?? '',
      MacAddress: mac ?? ''
    }
    await call('NetworkDriver.CreateEndpoint', {
      NetworkID: network,
      EndpointID: id,
      Interface,
      Options: options
    })
    return addresses
  }

  const join = ({ id, network, sandbox }: ContainerOptions): Promise<unknown> =>
    call('NetworkDriver.Join', {
      NetworkID: network,
      EndpointID: id,
      SandboxKey: sandbox ?? sandboxOf(id),
      Options: {}
    })

  const run = async (options: ContainerOptions): Promise<readonly string[]> => {
    const addresses = await createEndpoint(options)
    await join(options)
    await setUp(options.id)
    return addresses
  }

  const releaseAddresses = async (id: string): Promise<void> => {
    const leases = leasesByEndpoint.get(id) ?? []
    leasesByEndpoint.delete(id)
    for (const { pool, address } of leases)
      await call('IpamDriver.ReleaseAddress', { PoolID: pool, Address: address })
  }

  const stop = async (id: string): Promise<void> => {
    const ref = { NetworkID: networkByEndpoint.get(id), EndpointID: id }
    await call('NetworkDriver.RevokeExternalConnectivity', ref)
    await call('NetworkDriver.Leave', ref)
    await call('NetworkDriver.DeleteEndpoint', ref)
    await releaseAddresses(id)
  }

  const pools = (network: string): readonly string[] => poolsByNetwork.get(network) ?? []
  return { call, createNetwork, removeNetwork, createEndpoint, join, run, stop, releaseAddresses, pools }
}
