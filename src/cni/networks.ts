/**
 * CNI has no network that is created: there is a configuration, which comes with every ADD. The record of the network and its
 * pools are made by the first ADD that needs them, follow the configuration, and go when nothing has been attached for a
 * while, because making them anew for every container would be slow and would switch forwarding on and off.
 */
import { Exclusive } from '../core/exclusive.js'
import type { Networks, NetworkRequest } from '../core/networks.js'
import type { Ipam } from '../ipam/ipam.js'
import { usesPool } from '../ipam/pools.js'
import type { Log } from '../log.js'
import { familyOf, lengthOf, overlaps, parsePrefix } from '../model/ip.js'
import type { Family, Ip, Prefix } from '../model/ip.js'
import type { Network, Subnet } from '../model/network.js'
import { sameOptions } from '../model/options/options.js'
import { poolId } from '../model/pool.js'
import { SPACE_NAMES } from '../model/space.js'
import type { Records } from '../store/records.js'
import type { NetConf, SubnetConf } from './netconf.js'

interface Parts {
  readonly records: Records
  readonly networks: Networks
  readonly ipam: Ipam
  readonly log: Log
  /** The operator's gateways for all networks. */
  readonly gateway?: Ip
  readonly gateway6?: Ip
  /** True if subnets can be chosen for networks that name none. */
  readonly hasDefaultPools: boolean
}

/** Ids of networks that are made of a configuration begin with it. */
export const PREFIX = 'cni:'
/** Like Docker's null IPAM: the addresses come from elsewhere. */
const ANY: Readonly<Record<Family, Subnet>> = {
  4: { space: '', prefix: parsePrefix('0.0.0.0/0') },
  6: { space: '', prefix: parsePrefix('::/0') }
}

/** Id of the network of a configuration. */
export function networkId(name: string): string {
  return `${PREFIX}${name}`
}

export class ConfiguredNetworks {
  readonly #parts: Parts
  readonly #exclusive = new Exclusive()
  /** How many commands need a network now. */
  readonly #users = new Map<string, number>()
  #emptyBefore: ReadonlySet<string> = new Set()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Keeps the network of that name from being removed while the work is done. */
  async hold<T>(name: string, work: () => Promise<T>): Promise<T> {
    const id = networkId(name)
    this.#users.set(id, (this.#users.get(id) ?? 0) + 1)
    try {
      return await work()
    } finally {
      this.#users.set(id, (this.#users.get(id) ?? 1) - 1)
      if (this.#users.get(id) === 0) this.#users.delete(id)
    }
  }

  isHeld(name: string): boolean {
    return this.#users.has(networkId(name))
  }

  /** Makes the network as the configuration wants it. `families`: of addresses that do not come from our pools. */
  async ensure(conf: NetConf, families: readonly Family[]): Promise<Network> {
    const known = this.#parts.records.get('network', networkId(conf.name))
    if (known && this.#isAsWanted(known, conf, families)) return known
    return this.#exclusive.run('', () => this.#make(conf, families))
  }

  /** Removes networks that nothing has been attached to since the last call. */
  async collect(): Promise<void> {
    const empty = this.#parts.records.all('network').filter((network) => this.#isUnused(network))
    for (const { id } of empty.filter(({ id }) => this.#emptyBefore.has(id))) await this.removeIfUnused(id)
    this.#emptyBefore = new Set(empty.map(({ id }) => id))
  }

  /** Removes the network and its pools, unless something is attached to it or about to be. */
  removeIfUnused(id: string): Promise<void> {
    return this.#exclusive.run('', async () => {
      const network = this.#parts.records.get('network', id)
      if (network && this.#isUnused(network)) await this.#remove(network)
    })
  }

  #isUnused({ id }: Network): boolean {
    return (
      id.startsWith(PREFIX) && !this.#users.has(id) && this.#parts.records.endpointsOfNetwork(id).length === 0
    )
  }

  async #remove(network: Network): Promise<void> {
    const pools = this.#parts.records.all('pool').filter((pool) => usesPool(network, pool))
    await this.#parts.networks.delete(network.id)
    for (const pool of pools) await this.#parts.ipam.releasePool(pool.id)
  }

  async #make(conf: NetConf, families: readonly Family[]): Promise<Network> {
    const id = networkId(conf.name)
    const known = this.#parts.records.get('network', id)
    if (known && this.#isAsWanted(known, conf, families)) return known
    const wanted = conf.ipam.kind === 'own' ? conf.ipam.subnets : []
    await this.#makeRoom(id, wanted)
    const fresh: string[] = []
    try {
      const subnets = [
        ...(known?.subnets ?? []),
        ...(await this.#pools(conf, known, fresh)),
        ...families.map((family) => ANY[family])
      ]
      const request = this.#request(conf, withoutRepeats(subnets))
      const network = await (known
        ? this.#parts.networks.change(request)
        : this.#parts.networks.create(request))
      await this.#parts.ipam.settleGateways(network)
      return network
    } catch (error) {
      if (!known) await this.#parts.networks.delete(id)
      for (const pool of fresh) await this.#parts.ipam.releasePool(pool)
      throw error
    }
  }

  /** Pools for what is wanted, or one of the default pools for a new network that wants nothing. */
  async #pools(conf: NetConf, known: Network | undefined, fresh: string[]): Promise<Subnet[]> {
    const { records, ipam, hasDefaultPools } = this.#parts
    if (conf.ipam.kind === 'delegated') return []
    const subnets: Subnet[] = []
    for (const { prefix, range } of conf.ipam.subnets) {
      const id = poolId('local', prefix)
      const isThere = known !== undefined && records.get('pool', id) !== undefined && has(known, prefix)
      if (isThere) await ipam.changeRange(id, range)
      else
        fresh.push(
          (
            await ipam.requestPool({
              space: 'local',
              family: familyOf(prefix),
              prefix,
              ...(range ? { range } : {})
            })
          ).id
        )
      subnets.push({ space: SPACE_NAMES.local, prefix })
    }
    const needsDefault =
      conf.ipam.subnets.length === 0 &&
      !known?.subnets.some(isOwn) &&
      (hasDefaultPools || conf.ips.length === 0)
    if (!needsDefault) return subnets
    const pool = await ipam.requestPool({ space: 'local', family: 4 })
    fresh.push(pool.id)
    return [{ space: SPACE_NAMES.local, prefix: pool.prefix }]
  }

  #request(conf: NetConf, subnets: readonly Subnet[]): NetworkRequest {
    const { gateway, gateway6 } = this.#gateways(conf)
    return {
      id: networkId(conf.name),
      subnets,
      internal: false,
      ...(gateway === undefined ? {} : { gateway }),
      ...(gateway6 === undefined ? {} : { gateway6 }),
      ...conf.options
    }
  }

  #gateways(conf: NetConf): { gateway: Ip | undefined; gateway6: Ip | undefined } {
    return { gateway: conf.gateway ?? this.#parts.gateway, gateway6: conf.gateway6 ?? this.#parts.gateway6 }
  }

  #isAsWanted(network: Network, conf: NetConf, families: readonly Family[]): boolean {
    const { gateway, gateway6 } = this.#gateways(conf)
    const isSame =
      network.gateway === gateway && network.gateway6 === gateway6 && sameOptions(network, conf.options)
    return (
      isSame &&
      families.every((family) => network.subnets.some(({ prefix }) => prefix === ANY[family].prefix)) &&
      (conf.ipam.kind === 'delegated' || this.#hasPools(network, conf.ipam.subnets, conf.ips.length > 0))
    )
  }

  #hasPools(network: Network, subnets: readonly SubnetConf[], needsNone: boolean): boolean {
    if (subnets.length === 0) return needsNone || network.subnets.some(isOwn)
    return subnets.every(
      ({ prefix, range }) =>
        has(network, prefix) && this.#parts.records.get('pool', poolId('local', prefix))?.range === range
    )
  }

  /** An empty network of another name, or this one with other subnets, gives way. */
  async #makeRoom(id: string, wanted: readonly SubnetConf[]): Promise<void> {
    for (const network of this.#parts.records.all('network')) {
      const isInTheWay = network.subnets.some(
        (subnet) =>
          isOwn(subnet) &&
          wanted.some(({ prefix }) => prefix !== subnet.prefix && overlaps(prefix, subnet.prefix))
      )
      const isSame = network.subnets.some(
        (subnet) => isOwn(subnet) && wanted.some(({ prefix }) => prefix === subnet.prefix)
      )
      if (network.id === id || !(isInTheWay || isSame) || !this.#isUnused(network)) continue
      this.#parts.log.info('network without containers gives way to another one', {
        network: network.id,
        to: id
      })
      await this.#remove(network)
    }
  }
}

function has(network: Network, prefix: Prefix): boolean {
  return network.subnets.some((subnet) => isOwn(subnet) && subnet.prefix === prefix)
}

function isOwn({ space, prefix }: Subnet): boolean {
  return space === SPACE_NAMES.local && lengthOf(prefix) > 0
}

function withoutRepeats(subnets: readonly Subnet[]): Subnet[] {
  return [...new Map(subnets.map((subnet) => [`${subnet.space} ${subnet.prefix}`, subnet])).values()]
}
