/** Networks: created and removed by a front end, numbered here. The first one prepares the host, the last one restores it. */
import {
  ConflictError,
  ExhaustedError,
  InvalidError,
  KernelError,
  NotFoundError,
  StoreError
} from '../errors.js'
import { believingIn, hasIpv6, isForProxies, neededSettings } from '../desired/host.js'
import type { Host, HostFacts } from '../host/host.js'
import { UPLINK_SYSCTLS } from '../host/objects.js'
import type { Log } from '../log.js'
import { addressOf, contains, familyOf, lengthOf, overlaps, parsePrefix } from '../model/ip.js'
import type { Ip, Prefix } from '../model/ip.js'
import { linkLocalGateway } from '../model/network.js'
import type { Network } from '../model/network.js'
import { isNarrow, tooNarrow } from '../model/options/link.js'
import { withFields } from '../model/options/options.js'
import type { RecordRef, Records, Stored } from '../store/records.js'
import type { Committer } from './commit.js'
import { Exclusive } from './exclusive.js'

/** A network as a front end asks for it. */
export type NetworkRequest = Omit<Network, 'number' | 'mode' | 'gatewayIsForeign'>

export class Networks {
  readonly #records: Records
  readonly #committer: Committer
  readonly #host: Host
  readonly #log: Log
  readonly #changed: () => void
  readonly #exclusive = new Exclusive()

  constructor(parts: {
    records: Records
    committer: Committer
    host: Host
    log: Log
    /** Told after networks have come or gone. */
    changed?: () => void
  }) {
    this.#records = parts.records
    this.#committer = parts.committer
    this.#host = parts.host
    this.#log = parts.log
    this.#changed = parts.changed ?? ((): void => undefined)
  }

  /** Throws NotFoundError that says what to do. */
  get(id: string): Network {
    const network = this.#records.get('network', id)
    if (network) return network
    throw new NotFoundError(
      `network ${id} is not known to net-routed (its record is gone, or it was made by another driver): ` +
        'remove it with "docker network rm" and create it again'
    )
  }

  /**
   * Called twice with the same request it does nothing. Throws ConflictError for a subnet in use, InvalidError for an MTU that
   * is too small for its subnets.
   */
  create(request: NetworkRequest): Promise<Network> {
    return this.#exclusive.run('', async () => {
      const known = this.#records.get('network', request.id)
      if (known) return known
      refuseNarrow(request)
      await this.#replaceStale(request)
      const facts = await this.#host.facts()
      const network = this.#decide(request, facts)
      await this.#commit(network, this.#records.all('network'), facts).catch((error: unknown) => {
        throw withoutLink(network, error)
      })
      this.#changed()
      this.#log.info('network created', {
        network: network.id,
        gateway: network.gateway ?? linkLocalGateway(network.number)
      })
      return network
    })
  }

  /**
   * Before an endpoint gets these: has IPv6 forwarded where the network itself has none. Throws ConflictError for one that the
   * host itself has, whose packets would never come to a container.
   */
  carry(id: string, addresses: readonly Prefix[] = []): Promise<void> {
    if (addresses.length === 0) return Promise.resolve()
    return this.#exclusive.run('', async () => {
      const network = this.get(id)
      const facts = await this.#host.facts()
      const own = addresses.map(addressOf).find((address) => facts.addresses.includes(address))
      if (own !== undefined)
        throw new ConflictError(`net-routed.addresses: ${own} is in use: this host itself has it`)
      if (hasIpv6(network) || addresses.every((prefix) => familyOf(prefix) === 4)) return
      const others = this.#records.all('network').filter((other) => other.id !== id)
      await this.#commit({ ...network, carriesIpv6: true }, others, facts)
    })
  }

  /** Gives a network other settings; its number and its endpoints stay as they are. */
  change(request: NetworkRequest): Promise<Network> {
    return this.#exclusive.run('', async () => {
      refuseNarrow(request)
      const { number, mode, carriesIpv6 } = this.get(request.id)
      const facts = await this.#host.facts()
      const kept = carriesIpv6 ? { carriesIpv6 } : {}
      const network: Network = { ...request, ...foreign(request, facts), ...kept, mode, number }
      const others = this.#records.all('network').filter(({ id }) => id !== network.id)
      await this.#commit(network, others, facts)
      this.#changed()
      this.#log.info('network changed', { network: network.id })
      return network
    })
  }

  /** Gives a network other options; its endpoints stay as they are. */
  setOptions(id: string, options: Parameters<typeof withFields>[1]): Promise<void> {
    return this.#exclusive.run('', async () => {
      const network = withFields(this.get(id), options)
      await this.#committer.commit({ put: [{ kind: 'network', record: network }] })
      this.#changed()
      this.#log.info('network changed', { network: id })
    })
  }

  /** Unknown networks are no error. Endpoints of the network must have been deleted before. */
  delete(id: string): Promise<void> {
    return this.#exclusive.run('', async () => {
      if (!this.#records.get('network', id)) return
      const isLast = this.#records.count('network') === 1
      const settings = isLast ? await this.#keptSettings() : []
      await this.#committer.commit({ remove: [{ kind: 'network', id }, ...settings], isEnd: true })
      this.#changed()
      this.#log.info('network deleted', { network: id })
      await this.#forgetSettings()
    })
  }

  /** Tries again what could not be put back with the last network. */
  collect(): Promise<void> {
    return this.#exclusive.run('', () => this.#forgetSettings())
  }

  /** After a reboot: the values to restore are those before the first pass. */
  async claimSettings(facts: HostFacts): Promise<void> {
    const put = this.#settingsFor(this.#records.all('network'), facts)
    try {
      if (put.length > 0) await this.#committer.commit({ put, isEnd: true })
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      this.#log.error('former settings of the host are not stored yet, will be tried again', {
        err: error.message
      })
    }
  }

  /** dockerd found forwarding on and did not turn it on itself: it would not notice that it is gone. */
  async #keptSettings(): Promise<RecordRef[]> {
    const settings = this.#records.all('setting')
    if (settings.length === 0 || !(await this.#host.facts()).dockerForwards) return []
    this.#log.info('forwarding stays on, Docker uses it')
    const kept = settings.filter(({ id }) => !isForProxies(id))
    return kept.map(({ id }) => ({ kind: 'setting', id }))
  }

  /** A setting is forgotten when the kernel has its former value. */
  async #forgetSettings(): Promise<void> {
    const settings = this.#records.all('setting')
    if (settings.length === 0) return
    const networks = this.#records.all('network')
    const facts = await this.#host.facts()
    const needed = this.#neededFor(networks, facts)
    const done = settings.filter(
      ({ id, before }) =>
        facts.sysctls[id] === before && (networks.length === 0 || (isForProxies(id) && !needed.has(id)))
    )
    if (done.length === 0) return
    await this.#committer.commit({ remove: done.map(({ id }) => ({ kind: 'setting', id })), isEnd: true })
  }

  #commit(network: Network, others: readonly Network[], facts: HostFacts): Promise<void> {
    const settings = this.#settingsFor([...others, network], facts)
    return this.#committer.commit({ put: [...settings, { kind: 'network', record: network }] })
  }

  #settingsFor(networks: readonly Network[], facts: HostFacts): Stored[] {
    return [...this.#neededFor(networks, facts)].flatMap(([id, needed]): Stored[] => {
      const before = facts.sysctls[id]
      if (before === undefined || before === needed || this.#records.get('setting', id)) return []
      return [{ kind: 'setting', record: { id, before } }]
    })
  }

  #neededFor(networks: readonly Network[], { sysctls, believing }: HostFacts): ReadonlyMap<string, string> {
    const hasMore = this.#records.broken.some(({ kind }) => kind === 'network')
    const known = believingIn(this.#records.all('setting'))
    // Where it is forwarded already, whoever has switched that on has seen to it, or has lost the routes long ago.
    const isNews = sysctls['net.ipv6.conf.all.forwarding'] === '0' && networks.some(hasIpv6)
    const fresh = isNews ? believing.filter((link) => sysctls[UPLINK_SYSCTLS.acceptRa(link)] === '1') : []
    return neededSettings(networks, { hasMore, believing: [...new Set([...known, ...fresh])] })
  }

  #decide(request: NetworkRequest, facts: HostFacts): Network {
    const number = this.#freeNumber(facts)
    return { ...request, ...foreign(request, facts), mode: 'routed', number }
  }

  /** Lowest number whose link-local gateway nobody has: neither another network nor the host itself. */
  #freeNumber({ addresses }: HostFacts): number {
    const taken = new Set(this.#records.all('network').map(({ number }) => number))
    for (let number = 1; number < 1 << 16; number++) {
      const gateway = linkLocalGateway(number)
      if (gateway !== undefined && !taken.has(number) && !addresses.includes(gateway)) return number
    }
    throw new ExhaustedError(
      'no link-local gateway is left for another network: 64,000 networks exist on this host'
    )
  }

  /**
   * Docker does not say when a network is gone whose creation failed half-way, or that was removed while we were down. An
   * IPAM never hands out a subnet twice, so an empty network with an overlapping subnet is such a one.
   */
  async #replaceStale(request: NetworkRequest): Promise<void> {
    for (const network of this.#records.all('network')) {
      const overlap = network.subnets.find((a) =>
        request.subnets.some(
          (b) =>
            a.space === b.space && isSubnet(a.prefix) && isSubnet(b.prefix) && overlaps(a.prefix, b.prefix)
        )
      )
      if (!overlap) continue
      const endpoints = this.#records.endpointsOfNetwork(network.id).length
      if (endpoints > 0) {
        throw new ConflictError(
          `subnet ${overlap.prefix} overlaps with network ${network.id}, which has ${String(endpoints)} endpoints: give another --subnet`
        )
      }
      this.#log.warn('network replaced, its removal was never reported', {
        network: network.id,
        by: request.id
      })
      await this.#committer.commit({ remove: [{ kind: 'network', id: network.id }] })
    }
  }
}

/** In the words of who asks for it: what the kernel misses is a setting of a link that is not there. */
function withoutLink({ ndpProxy }: Network, error: unknown): unknown {
  const isMissing = error instanceof KernelError && error.errno === 'ENOENT'
  if (!ndpProxy || !isMissing) return error
  return new InvalidError(
    `net-routed.ndp-proxy: ${ndpProxy.join(', ')}: not all are links of this host that have IPv6: ${error.message}`,
    { cause: error }
  )
}

function refuseNarrow({ subnets, mtu = 0 }: NetworkRequest): void {
  const isIpv6 = subnets.some(({ prefix }) => familyOf(prefix) === 6)
  if (isIpv6 && isNarrow(mtu)) throw tooNarrow(mtu)
}

/** The null IPAM gives 0.0.0.0/0, which overlaps with nothing. */
function isSubnet(prefix: Parameters<typeof lengthOf>[0]): boolean {
  return lengthOf(prefix) > 0
}

function foreign({ gateway }: NetworkRequest, facts: HostFacts): Pick<Network, 'gatewayIsForeign'> {
  return gateway !== undefined && belongsToRouter(gateway, facts) ? { gatewayIsForeign: true } : {}
}

/** True for an address in a subnet of the host that is not its own: some router there answers for it. */
function belongsToRouter(gateway: Ip, { addresses, connected }: HostFacts): boolean {
  if (addresses.includes(gateway)) return false
  return connected.some((subnet) => contains(parsePrefix(subnet), gateway))
}
