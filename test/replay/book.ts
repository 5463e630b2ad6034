/** What dockerd believes to have, from the calls it made and the answers it got: the right state is what matches it. */
import type { Daemon } from '../../src/daemon.js'
import type { FakeHost } from '../../src/host/fake-host.js'
import { linkOf } from '../../src/host/objects.js'
import { hostLinkName } from '../../src/model/endpoint.js'
import { leaseId } from '../../src/model/lease.js'
import { at, textAt } from '../support/json.js'
import type { EndpointAddresses } from '../docker-rules.js'
import { routesOf } from '../docker-rules.js'

interface BookedEndpoint {
  addresses: readonly string[]
  sandbox?: string
  connected: readonly string[]
}

export class Book {
  readonly #networks = new Set<string>()
  readonly #pools = new Set<string>()
  readonly #leases = new Set<string>()
  readonly #endpoints = new Map<string, BookedEndpoint>()

  /** Notes a call. `body` is undefined for one that failed. Returns why the container would not start. */
  note(method: string, request: unknown, body: unknown): readonly string[] {
    const network = textAt(request, 'NetworkID')
    const pool = textAt(request, 'PoolID')
    const id = textAt(request, 'EndpointID')
    const failed = body === undefined
    switch (method.split('.')[1] ?? '') {
      case 'CreateNetwork':
        if (!failed) this.#networks.add(network)
        break
      case 'DeleteNetwork':
        this.#networks.delete(network)
        break
      case 'RequestPool':
        if (!failed) this.#pools.add(textAt(body, 'PoolID'))
        break
      case 'ReleasePool':
        this.#releasePool(pool)
        break
      case 'RequestAddress':
        if (!failed) this.#leases.add(`${pool} ${ipOf(textAt(body, 'Address'))}`)
        break
      case 'ReleaseAddress':
        this.#release(pool, textAt(request, 'Address'))
        break
      case 'CreateEndpoint':
        if (!failed) this.#endpoints.set(id, { addresses: addressesOf(request), connected: [] })
        break
      case 'Join':
        return failed ? [] : this.#join(id, textAt(request, 'SandboxKey'), body)
      case 'Leave':
        this.#leave(id)
        break
      case 'DeleteEndpoint':
        this.#endpoints.delete(id)
        break
    }
    return []
  }

  addressesOf(endpointId: string): EndpointAddresses {
    const addresses = this.#endpoints.get(endpointId)?.addresses ?? []
    return {
      v4: addresses.find((address) => !address.includes(':')) ?? '',
      v6: addresses.find((address) => address.includes(':')) ?? ''
    }
  }

  /** In what the daemon and its host differ from what Docker believes. */
  differences({ records, reconciler }: Daemon, host: FakeHost): readonly string[] {
    const held = records.all('lease').filter(({ state }) => state === 'held')
    const leaked = held.filter(
      ({ poolId, address, purpose }) =>
        !this.#leases.has(`${poolId} ${address}`) && !(purpose === 'gateway' && this.#pools.has(poolId))
    )
    return [
      ...compare('network', this.#networks, records.all('network')),
      ...compare('pool', this.#pools, records.all('pool')),
      ...compare('endpoint', this.#endpoints.keys(), records.all('endpoint')),
      ...leaked.map(({ id, purpose }) => `lease ${id} (${purpose}) is held, Docker has released it`),
      ...this.#missingLeases(new Set(held.map(({ id }) => id))),
      ...[...reconciler.faults.keys()].map((key) => `fault at ${key}`),
      ...this.#hostDifferences(host)
    ]
  }

  #join(id: string, sandbox: string, body: unknown): readonly string[] {
    const endpoint = this.#endpoints.get(id)
    const connected = routesOf(body).flatMap((route) => (route.isConnected ? [route.destination] : []))
    const others = [...this.#endpoints].filter(
      ([other, { sandbox: path }]) => other !== id && path === sandbox
    )
    if (endpoint) this.#endpoints.set(id, { ...endpoint, sandbox, connected })
    return others.flatMap(([other, { connected: taken }]) =>
      taken
        .filter((destination) => connected.includes(destination))
        .map((destination) => `file exists: ${destination}, endpoint ${other} of the same container has it`)
    )
  }

  #leave(id: string): void {
    const endpoint = this.#endpoints.get(id)
    if (endpoint) this.#endpoints.set(id, { addresses: endpoint.addresses, connected: [] })
  }

  /** An address that is given back is gone from its endpoint; an endpoint without any is dead. */
  #release(pool: string, address: string): void {
    this.#leases.delete(`${pool} ${address}`)
    for (const [id, endpoint] of this.#endpoints) {
      const addresses = endpoint.addresses.filter((prefix) => ipOf(prefix) !== address)
      if (addresses.length === 0 && endpoint.addresses.length > 0) this.#endpoints.delete(id)
      else this.#endpoints.set(id, { ...endpoint, addresses })
    }
  }

  #releasePool(pool: string): void {
    this.#pools.delete(pool)
    for (const lease of this.#leases) if (lease.startsWith(`${pool} `)) this.#leases.delete(lease)
  }

  #missingLeases(held: ReadonlySet<string>): readonly string[] {
    return [...this.#endpoints].flatMap(([id, { addresses }]) =>
      addresses
        .filter((prefix) => [...this.#leases].some((lease) => lease.endsWith(` ${ipOf(prefix)}`)))
        .filter((prefix) => !held.has(leaseId('local', ipOf(prefix) as never)))
        .map((prefix) => `endpoint ${id} has ${prefix}, which is not held`)
    )
  }

  #hostDifferences({ objects }: FakeHost): readonly string[] {
    const links = new Set([...this.#endpoints.keys()].map((id) => hostLinkName(id)))
    const orphans = [...objects].filter(([, object]) => {
      const link = object.kind === 'link' ? object.name : linkOf(object)
      return link !== undefined && !links.has(link)
    })
    const routed = [...this.#endpoints.values()].filter(({ sandbox }) => sandbox !== undefined)
    const unrouted = routed
      .flatMap(({ addresses }) => addresses)
      .filter((prefix) => !hasRoute(objects, ipOf(prefix)))
    const left = this.#networks.size > 0 ? [] : ['firewall 4', 'firewall 6'].filter((key) => objects.has(key))
    return [
      ...orphans.map(([key]) => `${key} belongs to no endpoint`),
      ...unrouted.map((prefix) => `${prefix} is not routed`),
      ...left.map((key) => `${key} is left without a network`)
    ]
  }
}

function hasRoute(objects: ReadonlyMap<string, unknown>, ip: string): boolean {
  return [...objects.keys()].some((key) => key.startsWith(`route ${ip}/`))
}

function compare(
  kind: string,
  wanted: Iterable<string>,
  found: readonly { readonly id: string }[]
): string[] {
  const expected = new Set(wanted)
  const ids = new Set(found.map(({ id }) => id))
  return [
    ...[...expected].filter((id) => !ids.has(id)).map((id) => `${kind} ${id} is gone, Docker has it`),
    ...[...ids].filter((id) => !expected.has(id)).map((id) => `${kind} ${id} is left, Docker has it no more`)
  ]
}

/** The addresses that the container gets: none of IPv6 where an endpoint sysctl turns it off. */
function addressesOf(request: unknown): readonly string[] {
  const sysctls = textAt(request, 'Options', 'com.docker.network.endpoint.sysctls')
  const v6 = sysctls.includes('disable_ipv6=1') ? '' : String(at(request, 'Interface', 'AddressIPv6'))
  return [String(at(request, 'Interface', 'Address')), v6].filter((address) => address.includes('/'))
}

function ipOf(prefix: string): string {
  return prefix.split('/')[0] ?? ''
}
