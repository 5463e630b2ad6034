/**
 * What dockerd believes, and what it calls: the order of its calls, and which of them follow when one fails (protocol.md
 * sections 7 and 9). It never repeats an end, and goes on whatever an end answers.
 */
import { expect } from 'chai'
import { hostLinkName } from '../../src/model/endpoint.js'
import { LOCAL_SPACE, dockerId, sandboxOf } from '../support/docker.js'
import { textAt } from '../support/json.js'
import { SHAPES } from './belief.js'
import type { Attachment, Container, Lease, Network, Shape } from './belief.js'
import type { Outcome, World } from './world.js'

interface GrantedPool {
  readonly id: string
  readonly prefix: string
  readonly gateway: string
}

const GATEWAY = { RequestAddressType: 'com.docker.network.gateway' }

export class Engine {
  /** By shape: there is at most one network of each. */
  readonly networks = new Map<number, Network>()
  readonly containers = new Map<number, Container>()
  readonly #world: World
  #serial = 0

  constructor(world: World) {
    this.#world = world
  }

  get attachments(): readonly Attachment[] {
    return [...this.containers.values()].flatMap(({ attachments }) => attachments)
  }

  get leases(): readonly Lease[] {
    const reserved = [...this.networks.values()].flatMap((network) => network.reserved)
    return [...reserved, ...this.attachments.flatMap(({ leases }) => leases)]
  }

  async createNetwork(number: number): Promise<void> {
    const shape = SHAPES[number]
    if (!shape || this.networks.has(number)) return
    const pools: string[] = []
    const reserved: Lease[] = []
    const data: object[] = []
    for (const subnet of shape.subnets) {
      const pool = await this.#requestPool(subnet, shape)
      if (!pool) return this.#releasePools(pools)
      pools.push(pool.id)
      const Gateway = await this.#reserve(pool, shape, reserved)
      if (Gateway === undefined) return this.#releasePools(pools)
      data.push({ AddressSpace: LOCAL_SPACE, Pool: pool.prefix, ...(Gateway === '' ? {} : { Gateway }) })
    }
    const id = this.#newId()
    const isV6 = (_data: object, index: number): boolean => (pools[index] ?? '').includes(':')
    const created = await this.#world.call('NetworkDriver.CreateNetwork', {
      NetworkID: id,
      IPv4Data: data.filter((item, index) => !isV6(item, index)),
      IPv6Data: data.filter(isV6),
      Options: { 'com.docker.network.generic': SHAPES[number]?.options ?? {} }
    })
    if (created.result === 'answered') {
      this.networks.set(number, { id, shape: number, pools, reserved })
      return
    }
    await this.#release(reserved)
    await this.#releasePools(pools)
  }

  /** dockerd refuses it for one with containers. */
  async removeNetwork(number: number): Promise<void> {
    const network = this.networks.get(number)
    if (!network || this.attachments.some((attachment) => attachment.network === network)) return
    this.networks.delete(number)
    await this.#release(network.reserved)
    await this.#releasePools(network.pools)
    await this.#world.call('NetworkDriver.DeleteNetwork', { NetworkID: network.id })
  }

  /** `docker run` on one network or several; where one fails, the whole container is taken down. */
  async run(slot: number, shapes: readonly number[], ip?: number): Promise<void> {
    if (this.containers.has(slot) || !shapes.some((shape) => this.networks.has(shape))) return
    const sandbox = sandboxOf(this.#newId())
    this.containers.set(slot, { sandbox, attachments: [] })
    for (const shape of shapes) {
      if (!this.networks.has(shape)) continue
      if (!(await this.connect(slot, shape, ip))) return this.stop(slot)
    }
  }

  /** False where it failed. */
  async connect(slot: number, shape: number, ip?: number): Promise<boolean> {
    const network = this.networks.get(shape)
    const container = this.containers.get(slot)
    if (!network || !container || container.attachments.some((attachment) => attachment.network === network))
      return true
    const attachment = await this.#attach(network, container.sandbox, ip)
    const now = this.containers.get(slot)
    if (!attachment || !now) return false
    this.containers.set(slot, { ...now, attachments: [...now.attachments, attachment] })
    return true
  }

  async disconnect(slot: number, shape: number): Promise<void> {
    const container = this.containers.get(slot)
    const attachment = container?.attachments.find(({ network }) => network.shape === shape)
    if (container && attachment) await this.#detach(slot, attachment)
  }

  async stop(slot: number): Promise<void> {
    for (const attachment of this.containers.get(slot)?.attachments ?? [])
      await this.#detach(slot, attachment)
    this.containers.delete(slot)
  }

  /** Its process dies: the namespace goes, and the links in it, before dockerd says anything. */
  async kill(slot: number): Promise<void> {
    const ids = this.containers.get(slot)?.attachments.map(({ id }) => id) ?? []
    for (const id of ids) this.#world.host.vanish(`link ${hostLinkName(id)}`)
    await this.stop(slot)
  }

  /** Leave and Join without anything between, as when a legacy link goes. */
  async rejoin(slot: number): Promise<void> {
    for (const attachment of this.containers.get(slot)?.attachments ?? []) {
      const ref = { NetworkID: attachment.network.id, EndpointID: attachment.id }
      await this.#moveLink(attachment.id, false)
      await this.#world.call('NetworkDriver.Leave', ref)
      const joined = await this.#world.call('NetworkDriver.Join', { ...ref, SandboxKey: attachment.sandbox })
      if (joined.result !== 'answered') return this.stop(slot)
      await this.#moveLink(attachment.id, true)
      this.#touch(slot, attachment)
    }
  }

  /** All that a dockerd says which was killed, or whose containers died while it was down. */
  async crash(): Promise<void> {
    const dead = this.attachments
    for (const { id } of dead) this.#world.host.vanish(`link ${hostLinkName(id)}`)
    this.containers.clear()
    for (const { leases } of dead) await this.#release(leases)
  }

  /** Its own call changed it: it is another one now. */
  #touch(slot: number, attachment: Attachment): void {
    const container = this.containers.get(slot)
    if (!container) return
    const attachments = container.attachments.map((one) => (one === attachment ? { ...one } : one))
    this.containers.set(slot, { ...container, attachments })
  }

  async #attach(network: Network, sandbox: string, ip?: number): Promise<Attachment | undefined> {
    const leases: Lease[] = []
    const addresses: string[] = []
    for (const pool of network.pools) {
      const wanted = ip === undefined || pool.includes(':') ? '' : explicit(pool, ip)
      const granted = await this.#requestAddress(pool, wanted, null)
      // The address of the first family is never given back.
      if (granted === undefined) return undefined
      addresses.push(granted)
      leases.push({ pool, address: ipOf(granted) })
    }
    const id = this.#newId()
    const ref = { NetworkID: network.id, EndpointID: id }
    const [Address = '', AddressIPv6 = ''] = addresses
    const Interface = { Address, AddressIPv6, MacAddress: '' }
    const created = await this.#world.call('NetworkDriver.CreateEndpoint', { ...ref, Interface, Options: {} })
    if (created.result !== 'answered') {
      await this.#release(leases)
      return undefined
    }
    const joined = await this.#world.call('NetworkDriver.Join', { ...ref, SandboxKey: sandbox, Options: {} })
    if (joined.result !== 'answered') {
      await this.#world.call('NetworkDriver.DeleteEndpoint', ref)
      await this.#release(leases)
      return undefined
    }
    await this.#moveLink(id, true)
    return { id, network, leases, addresses, sandbox }
  }

  async #detach(slot: number, attachment: Attachment): Promise<void> {
    const container = this.containers.get(slot)
    if (!container) return
    const attachments = container.attachments.filter(({ id }) => id !== attachment.id)
    this.containers.set(slot, { ...container, attachments })
    const ref = { NetworkID: attachment.network.id, EndpointID: attachment.id }
    await this.#world.call('NetworkDriver.RevokeExternalConnectivity', ref)
    await this.#world.call('NetworkDriver.Leave', ref)
    await this.#moveLink(attachment.id, false)
    await this.#world.call('NetworkDriver.DeleteEndpoint', ref)
    await this.#release(attachment.leases)
  }

  async #requestPool(subnet: string, { range }: Shape): Promise<GrantedPool | undefined> {
    const outcome = await this.#world.call('IpamDriver.RequestPool', {
      AddressSpace: LOCAL_SPACE,
      Pool: subnet,
      SubPool: range ?? '',
      Options: {},
      V6: subnet.includes(':')
    })
    if (outcome.result !== 'answered') return undefined
    return {
      id: textAt(outcome.body, 'PoolID'),
      prefix: textAt(outcome.body, 'Pool'),
      gateway: textAt(outcome.body, 'Data', 'com.docker.network.gateway')
    }
  }

  /**
   * Gateway and auxiliary addresses of an IPv4 subnet. Undefined where one was refused, '' where there is no gateway. One
   * that came with the pool is not requested.
   */
  async #reserve(pool: GrantedPool, shape: Shape, reserved: Lease[]): Promise<string | undefined> {
    const { id, gateway: given } = pool
    if (id.includes(':')) return given
    let gateway = given
    if (shape.gateway !== undefined && (shape.gateway !== '' || given === '')) {
      const granted = await this.#requestAddress(id, shape.gateway, GATEWAY)
      if (granted === undefined) return undefined
      gateway = granted
    }
    if (gateway !== '') reserved.push({ pool: id, address: ipOf(gateway) })
    if (shape.aux === undefined) return gateway
    if ((await this.#requestAddress(id, shape.aux, null)) === undefined) return undefined
    reserved.push({ pool: id, address: shape.aux })
    return gateway
  }

  async #requestAddress(pool: string, wanted: string, Options: object | null): Promise<string | undefined> {
    const isFree = !this.#isHeld(pool, wanted)
    const outcome: Outcome = await this.#world.call('IpamDriver.RequestAddress', {
      PoolID: pool,
      Address: wanted,
      Options
    })
    if (outcome.result !== 'answered') {
      const isExpected = !this.#world.isClean || wanted === '' || !isFree || this.#world.isParallel
      expect(isExpected, `${wanted} of ${pool} is free: ${JSON.stringify(outcome)}`).to.equal(true)
      return undefined
    }
    const granted = textAt(outcome.body, 'Address')
    expect(this.#isHeld(pool, ipOf(granted)), `${granted} of ${pool} is given twice`).to.equal(false)
    return granted
  }

  /** A gateway that was chosen for a network of ours is not kept: the daemon does not need it. */
  #isHeld(pool: string, address: string): boolean {
    const isSame = (lease: Lease): boolean => lease.pool === pool && lease.address === address
    const reserved = [...this.networks.values()].flatMap((network) =>
      SHAPES[network.shape]?.gateway === '' ? [] : network.reserved
    )
    return [...reserved, ...this.attachments.flatMap(({ leases }) => leases)].some(isSame)
  }

  async #release(leases: readonly Lease[]): Promise<void> {
    for (const { pool, address } of leases)
      await this.#world.call('IpamDriver.ReleaseAddress', { PoolID: pool, Address: address })
  }

  async #releasePools(pools: readonly string[]): Promise<void> {
    for (const PoolID of pools) await this.#world.call('IpamDriver.ReleasePool', { PoolID })
  }

  /** dockerd puts the container end into the container, or takes it back. */
  async #moveLink(id: string, isInContainer: boolean): Promise<void> {
    const key = `link ${hostLinkName(id)}`
    const link = this.#world.host.objects.get(key)
    if (link?.kind !== 'link') return
    const { inUse: _inUse, runs: _runs, ...rest } = link
    this.#world.host.objects.set(key, isInContainer ? { ...rest, inUse: true, runs: true } : rest)
    await this.#world.runs(hostLinkName(id), isInContainer)
  }

  #newId(): string {
    return dockerId(++this.#serial)
  }
}

/** An address of a pool by its last number; the pool's id is its space and subnet. */
function explicit(pool: string, number: number): string {
  return pool.replace(/^[a-z]+\//, '').replace(/\.\d+\/\d+$/, `.${String(number)}`)
}

function ipOf(prefix: string): string {
  return prefix.split('/')[0] ?? ''
}
