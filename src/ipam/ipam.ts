/**
 * Pools and addresses, as records, one writer. Choosing is done in memory in one go, so that two requests never get the
 * same address; the answer waits until the record is stored.
 */
import { ExhaustedError, NotFoundError } from '../errors.js'
import type { Committer } from '../core/commit.js'
import type { Endpoints } from '../core/endpoints.js'
import { Exclusive } from '../core/exclusive.js'
import type { Log } from '../log.js'
import { contains, hostPrefix, lengthOf, overlaps, withLength } from '../model/ip.js'
import type { Ip, Prefix } from '../model/ip.js'
import { leaseId } from '../model/lease.js'
import type { Lease } from '../model/lease.js'
import type { Network } from '../model/network.js'
import { poolId, poolNamed } from '../model/pool.js'
import type { Pool, PoolName } from '../model/pool.js'
import type { Space } from '../model/space.js'
import { checkAddress, inUse } from './allocate.js'
import { Automatic } from './automatic.js'
import type { AutomaticParts } from './automatic.js'
import { isLeaked, isRouted, overlapError, usesPool, withoutRange } from './pools.js'
import { checkSubnet, chooseSubnet } from './subnets.js'
import type { DefaultPool, PoolRequest } from './subnets.js'
import { isReserved } from './usage.js'

export interface AddressRequest {
  readonly poolId: string
  readonly address?: Ip
  readonly purpose: Lease['purpose']
}

interface Parts extends AutomaticParts {
  readonly committer: Committer
  readonly endpoints: Endpoints
  readonly log: Log
  readonly defaultPools: readonly DefaultPool[]
  readonly now: () => Date
}

/** Docker creates the endpoint right after it has its address. */
const UNUSED_LIMIT_MS = 600_000

export class Ipam {
  readonly #parts: Parts
  readonly #exclusive = new Exclusive()
  readonly #automatic: Automatic

  constructor(parts: Parts) {
    this.#parts = parts
    this.#automatic = new Automatic(parts)
  }

  /** Throws ConflictError for an overlap, InvalidError or ExhaustedError where a subnet must be chosen and cannot be. */
  requestPool(request: PoolRequest): Promise<Pool> {
    return this.#exclusive.run(request.space, async () => {
      const prefix = request.prefix ?? this.#chooseSubnet(request)
      checkSubnet(prefix)
      await this.#refuseOverlap(request.space, prefix)
      const pool: Pool = {
        id: poolId(request.space, prefix),
        space: request.space,
        prefix,
        ...(request.range === undefined ? {} : { range: request.range }),
        since: this.#now()
      }
      await this.#dropLeases(pool)
      await this.#parts.committer.commit({ put: [{ kind: 'pool', record: pool }] })
      this.#parts.log.info('pool created', { pool: pool.id, range: pool.range })
      return pool
    })
  }

  /** Automatic addresses come out of another range from now on. */
  async changeRange(id: string, range: Prefix | undefined): Promise<void> {
    const pool = this.#parts.records.get('pool', id)
    if (!pool || pool.range === range) return
    const record: Pool = { ...withoutRange(pool), ...(range === undefined ? {} : { range }) }
    await this.#parts.committer.commit({ put: [{ kind: 'pool', record }] })
    this.#automatic.forget(id)
  }

  /** Frees everything in the pool. Unknown pools are no error. */
  async releasePool(id: string): Promise<void> {
    const pool = this.#poolOrName(id)
    if (!pool) return
    await this.#exclusive.run(pool.space, () => this.#removePool(pool))
  }

  /** The address with the prefix length that belongs on an interface. Throws an error that says why it cannot be had. */
  requestAddress(request: AddressRequest): Promise<Prefix> {
    return this.#exclusive.run(request.poolId, async () => {
      const pool = this.#parts.records.get('pool', request.poolId)
      if (!pool)
        throw new NotFoundError(`pool ${request.poolId} is not known to net-routed: create the network again`)
      const purpose = this.#purposeOf(request, pool)
      if (purpose === 'endpoint' && request.address === undefined) await this.#automatic.ready(pool)
      const address = this.#take(pool, { ...request, purpose })
      const lease: Lease = {
        id: leaseId(pool.space, address),
        poolId: pool.id,
        address,
        state: 'held',
        purpose,
        automatic: request.address === undefined,
        since: this.#now()
      }
      await this.#parts.committer.commit({ put: [{ kind: 'lease', record: lease }] })
      return this.#withPrefixLength(pool, address, purpose)
    })
  }

  /** Unknown pools and addresses are no error. An endpoint that still has the address is dead. */
  async releaseAddress(id: string, address: Ip): Promise<void> {
    const pool = this.#poolOrName(id)
    if (!pool) return
    await this.#exclusive.run(id, async () => {
      const lease = this.#parts.records.get('lease', leaseId(pool.space, address))
      if (lease?.poolId !== id || lease.state === 'released') return
      const released: Lease = { ...lease, state: 'released', since: this.#now() }
      try {
        if (lease.purpose === 'endpoint') await this.#withdraw(pool, address)
      } finally {
        await this.#parts.committer.commit({ put: [{ kind: 'lease', record: released }], isEnd: true })
      }
    })
  }

  /** True for a gateway that Docker had us choose, because it asks before it is known that the network is ours. */
  choseGateway(space: Space, gateway: Ip): boolean {
    const lease = this.#parts.records.get('lease', leaseId(space, gateway))
    return lease?.purpose === 'gateway' && lease.state === 'held' && lease.automatic
  }

  /**
   * Keeps the network's gateways, where they lie in its subnets, from being given to containers, and frees the gateways
   * that we chose: the network has link-local ones instead. May be called twice.
   */
  async settleGateways(network: Network): Promise<void> {
    const gateways = [network.gateway, network.gateway6].filter((gateway) => gateway !== undefined)
    for (const pool of this.#parts.records.all('pool').filter((candidate) => usesPool(network, candidate))) {
      await this.#exclusive.run(pool.id, async () => {
        await this.#dropChosenGateway(pool)
        for (const gateway of gateways) if (contains(pool.prefix, gateway)) await this.#reserve(pool, gateway)
      })
    }
  }

  async #dropChosenGateway(pool: Pool): Promise<void> {
    for (const { id, address } of [...this.#parts.records.leasesOfPool(pool.id)]) {
      if (!this.choseGateway(pool.space, address)) continue
      await this.#parts.committer.commit({ remove: [{ kind: 'lease', id }] })
      this.#automatic.forget(pool.id)
    }
  }

  async #reserve(pool: Pool, gateway: Ip): Promise<void> {
    const known = this.#lease(pool, gateway)
    if (known?.purpose === 'gateway' && known.state === 'held') return
    if (known?.state === 'held') throw inUse(pool, gateway, known.purpose)
    const lease = { id: leaseId(pool.space, gateway), poolId: pool.id, address: gateway, since: this.#now() }
    const record: Lease = { ...lease, state: 'held', purpose: 'gateway', automatic: false }
    await this.#parts.committer.commit({ put: [{ kind: 'lease', record }] })
  }

  /**
   * Frees addresses of our networks that no endpoint has had for a while: Docker never gives back one whose grant it did
   * not hear of, nor the IPv4 address of a container that was refused its IPv6 one. They are used again last. Swarm's
   * managers hold addresses without endpoints, in the global space; and a container may use one whose record was lost.
   */
  async collect(): Promise<void> {
    if (this.#parts.endpoints.someAreUnknown) return
    for (const { id, poolId, address, purpose, state, since } of this.#parts.records.all('lease')) {
      if (state === 'released' || purpose !== 'endpoint' || this.#ageMs(since) < UNUSED_LIMIT_MS) continue
      const pool = this.#parts.records.get('pool', poolId)
      const isInUse = this.#parts.records.endpointsWithAddress(address).length > 0
      if (pool?.space === 'global' || isInUse) continue
      this.#parts.log.warn('address without endpoint freed, its release was never reported', { lease: id })
      await this.releaseAddress(poolId, address)
    }
  }

  /** Of a pool whose record was set aside, what its id tells: its leases are given back like others. */
  #poolOrName(id: string): PoolName | undefined {
    return this.#parts.records.get('pool', id) ?? poolNamed(id)
  }

  /** Leases whose pool was released, which the store refused to forget. */
  async #dropLeases({ id }: Pool): Promise<void> {
    const remove = Array.from(this.#parts.records.leasesOfPool(id), (lease) => ({
      kind: 'lease' as const,
      id: lease.id
    }))
    if (remove.length > 0) await this.#parts.committer.commit({ remove, isEnd: true })
    this.#automatic.forget(id)
  }

  #take(pool: Pool, { address, purpose }: AddressRequest): Ip {
    if (address !== undefined) {
      checkAddress(pool, address)
      const lease = this.#parts.records.get('lease', leaseId(pool.space, address))
      if (lease?.state === 'held') throw inUse(pool, address, lease.purpose)
      if (isReserved(pool.space, address, this.#parts.records)) throw inUse(pool, address, 'endpoint')
      return address
    }
    return purpose === 'gateway' ? this.#automatic.forGateway(pool) : this.#automatic.forContainer(pool)
  }

  #withdraw(pool: PoolName, address: Ip): Promise<void> {
    return this.#parts.endpoints.withdraw(address, (network) => usesPool(network, pool))
  }

  /** Before the network exists, and for networks of other drivers, addresses are merely reserved. */
  #purposeOf({ purpose }: AddressRequest, pool: Pool): Lease['purpose'] {
    return purpose === 'endpoint' && !isRouted(pool, this.#parts.records) ? 'aux' : purpose
  }

  #lease(pool: Pool, address: Ip): Lease | undefined {
    return this.#parts.records.get('lease', leaseId(pool.space, address))
  }

  /** A /32 for our own networks: no subnet in the container, no neighbours. Other drivers need the subnet's length. */
  #withPrefixLength(pool: Pool, address: Ip, purpose: Lease['purpose']): Prefix {
    return purpose === 'endpoint' ? hostPrefix(address) : withLength(address, lengthOf(pool.prefix))
  }

  /** One that nobody has; where there is none, one that was leaked. */
  #chooseSubnet(request: PoolRequest): Prefix {
    const pools = this.#parts.records.all('pool')
    try {
      return chooseSubnet(request, this.#parts.defaultPools, pools)
    } catch (error) {
      const others = pools.filter((pool) => !isLeaked(pool, this.#parts.records, this.#parts.now()))
      if (!(error instanceof ExhaustedError) || others.length === pools.length) throw error
      return chooseSubnet(request, this.#parts.defaultPools, others)
    }
  }

  async #refuseOverlap(space: Space, prefix: Prefix): Promise<void> {
    for (const pool of this.#parts.records.all('pool')) {
      if (pool.space !== space || !overlaps(pool.prefix, prefix)) continue
      const network = this.#parts.records.all('network').find((candidate) => usesPool(candidate, pool))
      if (!isLeaked(pool, this.#parts.records, this.#parts.now())) throw overlapError(prefix, pool, network)
      this.#parts.log.warn('pool replaced, its release was never reported', { pool: pool.id })
      await this.#removePool(pool)
    }
  }

  /** After the requests for its addresses that are under way. */
  #removePool(pool: PoolName): Promise<void> {
    return this.#exclusive.run(pool.id, () => this.#removeNow(pool))
  }

  async #removeNow(pool: PoolName): Promise<void> {
    const leases = Array.from(this.#parts.records.leasesOfPool(pool.id), ({ id }) => ({
      kind: 'lease' as const,
      id
    }))
    const blocks = this.#parts.records
      .all('block')
      .filter(({ poolId }) => poolId === pool.id)
      .map(({ id }) => ({ kind: 'block' as const, id }))
    this.#automatic.forget(pool.id)
    if (leases.length === 0 && !this.#parts.records.get('pool', pool.id)) return
    await this.#parts.committer.commit({
      remove: [...leases, ...blocks, { kind: 'pool', id: pool.id }],
      isEnd: true
    })
    this.#parts.log.info('pool released', { pool: pool.id })
  }

  #ageMs(since: string): number {
    return this.#parts.now().getTime() - Date.parse(since)
  }

  #now(): string {
    return this.#parts.now().toISOString()
  }
}
