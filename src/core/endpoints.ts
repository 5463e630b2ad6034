/**
 * Endpoints, from their creation to their end. Every use case may be called twice; every end succeeds for an endpoint
 * that is gone, because the runtime's engine only logs a failure and never comes back.
 */
import { isDeepStrictEqual } from 'node:util'
import { ConflictError, NotFoundError, messageOf } from '../errors.js'
import type { Reconciler } from '../host/reconciler.js'
import type { Log } from '../log.js'
import { grantedAddresses, hostLinkName } from '../model/endpoint.js'
import type { Endpoint } from '../model/endpoint.js'
import type { Health } from '../model/health.js'
import { addressOf } from '../model/ip.js'
import type { Ip, Prefix } from '../model/ip.js'
import type { Network } from '../model/network.js'
import type { Records } from '../store/records.js'
import { desiredOfEndpoint } from '../desired/routed.js'
import type { Arrivals } from './routing/arrivals.js'
import type { Committer } from './commit.js'
import { deadEndpoints } from './dead.js'
import { newEndpoint, newSandbox } from './decide.js'
import type { EndpointRequest } from './decide.js'
import { Exclusive } from './exclusive.js'
import { returnExtra, takeExtra } from './extra-leases.js'
import type { Networks } from './networks.js'
import { sameOrConflict, staleRivals } from './rivals.js'

/** Which endpoint, as every call of a runtime names it. */
export interface EndpointRef {
  readonly networkId: string
  readonly id: string
}

interface Parts {
  readonly records: Records
  readonly committer: Committer
  readonly reconciler: Reconciler
  readonly networks: Networks
  readonly log: Log
  /** MTU for networks without one of their own, in bytes; undefined = leave the links alone. */
  readonly defaultMtu: () => number | undefined
  readonly now: () => Date
  /** With what other hosts mean for it. Throws ConflictError for an address that another host has. */
  readonly admit: <E extends Endpoint>(endpoint: E) => Promise<E>
  /** Absent where routing daemons read routes: there is nothing to wait for. */
  readonly arrivals?: Arrivals
}

export class Endpoints {
  readonly #parts: Parts
  readonly #exclusive = new Exclusive()
  #deadBefore: ReadonlySet<string> = new Set()
  #collected = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** How many dead endpoints `collect` has removed. */
  get collected(): number {
    return this.#collected
  }

  /** True if there may be containers whose record was lost. */
  get someAreUnknown(): boolean {
    const { records, reconciler } = this.#parts
    return reconciler.orphans.size > 0 || records.broken.some(({ kind }) => kind === 'endpoint')
  }

  /** Makes the pair of links. Throws NotFoundError for an unknown network, KernelError when the host is as before. */
  create(request: EndpointRequest): Promise<Endpoint> {
    return this.#exclusive.run(request.id, async () => {
      const network = this.#parts.networks.get(request.networkId)
      const known = this.#parts.records.get('endpoint', request.id)
      if (known && !known.deleted) {
        const same = sameOrConflict(known, request)
        await this.#parts.committer.ensureStored({ kind: 'endpoint', id: same.id })
        return same
      }
      await this.#replaceStale(request)
      await this.#parts.networks.carry(network.id, request.options?.extraAddresses)
      const { defaultMtu, now, admit, records } = this.#parts
      const endpoint = await admit(newEndpoint(request, network, { defaultMtu: defaultMtu(), now: now() }))
      const leases = takeExtra(endpoint, network, { records, now: now() })
      await this.#parts.committer.commit({
        put: [...leases, { kind: 'endpoint', record: endpoint }],
        needsLinks: true
      })
      this.#tell('endpoint created', endpoint)
      return endpoint
    })
  }

  /** Routes the addresses to the container. The same sandbox again gets the same answer. */
  join(ref: EndpointRef, path: string): Promise<Endpoint> {
    return this.#exclusive.run(ref.id, async () => {
      const network = this.#parts.networks.get(ref.networkId)
      const endpoint = this.#get(ref)
      if (endpoint.sandbox?.path === path) {
        await this.#parts.committer.ensureStored({ kind: 'endpoint', id: ref.id })
        return endpoint
      }
      if (endpoint.sandbox) {
        throw new ConflictError(
          `endpoint ${ref.id} is in sandbox ${endpoint.sandbox.path} already, it cannot join ${path}`
        )
      }
      const fresh = endpoint.left ? await this.#renew(endpoint) : endpoint
      const present = this.#parts.records.endpointsOfSandbox(path).filter(({ id }) => id !== ref.id)
      const joined = { ...fresh, sandbox: newSandbox({ path, runtime: 'docker' }, fresh, network, present) }
      this.#parts.arrivals?.expect(desiredOfEndpoint(joined, true))
      try {
        await this.#parts.committer.commit({ put: [{ kind: 'endpoint', record: joined }], needsLinks: true })
      } catch (error) {
        if (endpoint.left)
          await this.#parts.committer.commit({ put: [{ kind: 'endpoint', record: endpoint }], isEnd: true })
        throw error
      }
      this.#tell('endpoint joined', joined)
      return joined
    })
  }

  /** Withdraws the addresses at once; the links stay until the endpoint is deleted. */
  leave(ref: EndpointRef): Promise<void> {
    return this.#exclusive.run(ref.id, async () => {
      const endpoint = this.#parts.records.get('endpoint', ref.id)
      if (!endpoint || endpoint.left || endpoint.deleted) return
      const { sandbox: _sandbox, drain: _drain, health: _health, yielded: _yielded, ...more } = endpoint
      const { ports: _ports, ...rest } = more
      const left: Endpoint = { ...rest, left: true }
      await this.#parts.committer.commit({ put: [{ kind: 'endpoint', record: left }], isEnd: true })
      await this.#parted(endpoint)
      this.#tell('endpoint left', left)
    })
  }

  /** How its addresses are announced; absent = as ever. Does nothing for one without container. */
  setDrain(id: string, drain: Endpoint['drain']): Promise<void> {
    const message = drain ? `endpoint drained: ${drain}` : 'endpoint announced again'
    return this.change(id, message, (endpoint) => {
      if (!endpoint.sandbox || endpoint.drain === drain) return endpoint
      const { drain: _drain, ...rest } = endpoint
      return { ...rest, ...(drain ? { drain } : {}) }
    })
  }

  /** Gives an endpoint another record, if it is still there. KernelError when it is as before. */
  change(id: string, message: string, edit: (endpoint: Endpoint) => Endpoint): Promise<void> {
    return this.#exclusive.run(id, async () => {
      const endpoint = this.#parts.records.get('endpoint', id)
      if (!endpoint || endpoint.deleted) return
      const record = edit(endpoint)
      if (isDeepStrictEqual(record, endpoint)) return
      await this.#parts.committer.commit({ put: [{ kind: 'endpoint', record }] })
      this.#tell(message, record)
    })
  }

  /** What its check has found, for as long as it has this container. What the store refuses is written later. */
  setHealth({ id, sandbox }: Endpoint, state: Health['state']): Promise<void> {
    return this.#exclusive.run(id, async () => {
      const endpoint = this.#parts.records.get('endpoint', id)
      if (!endpoint?.sandbox || endpoint.deleted || endpoint.sandbox.path !== sandbox?.path) return
      if (endpoint.health?.state === state) return
      const record: Endpoint = { ...endpoint, health: { state, since: this.#parts.now().toISOString() } }
      await this.#parts.committer.commit({ put: [{ kind: 'endpoint', record }], isEnd: true })
    })
  }

  /** Also of one whose record was lost: its link is found by its name. */
  delete(id: string): Promise<void> {
    return this.#exclusive.run(id, async () => {
      const endpoint = this.#parts.records.get('endpoint', id)
      if (endpoint) await this.#remove(endpoint)
      else if (this.#parts.reconciler.orphans.has(hostLinkName(id)))
        await this.#parts.reconciler.remove(hostLinkName(id))
    })
  }

  /** A network that the engine removes has no endpoints any more, whatever we were told. */
  async deleteAll(networkId: string): Promise<void> {
    for (const { id } of this.#parts.records.endpointsOfNetwork(networkId)) await this.#tryToDelete(id)
  }

  /**
   * An engine that gives back the address of an endpoint says that its container is dead: after a crash of dockerd this is
   * all that is said. Withdraws the address; an endpoint without any is deleted.
   */
  async withdraw(address: Ip, isOurs: (network: Network) => boolean): Promise<void> {
    for (const { id, networkId } of this.#parts.records.endpointsWithAddress(address)) {
      const network = this.#parts.records.get('network', networkId)
      if (network && isOurs(network)) await this.#exclusive.run(id, () => this.#withdrawFrom(id, address))
    }
  }

  /**
   * Removes endpoints whose removal failed before, and those that are dead at two calls in a row: an engine that still knows
   * one has deleted it by then.
   */
  async collect(): Promise<void> {
    const dead = deadEndpoints(this.#parts)
    const doomed = this.#parts.records
      .all('endpoint')
      .filter(({ id, deleted }) => deleted || (dead.has(id) && this.#deadBefore.has(id)))
    for (const { id, since, deleted } of doomed) {
      // Meanwhile the same container may have been attached again.
      if (this.#parts.records.get('endpoint', id)?.since !== since) continue
      await this.#tryToDelete(id)
      if (!deleted && !this.#parts.records.get('endpoint', id)) this.#collected++
    }
    this.#deadBefore = dead
  }

  /** What the kernel refuses stays marked; passes try it again. */
  async #tryToDelete(id: string): Promise<void> {
    try {
      await this.delete(id)
    } catch (error) {
      this.#parts.log.warn('endpoint cannot be removed, will be tried again', {
        endpoint: id,
        err: messageOf(error)
      })
    }
  }

  #get(ref: EndpointRef): Endpoint {
    const endpoint = this.#parts.records.get('endpoint', ref.id)
    if (endpoint && !endpoint.deleted && endpoint.networkId === ref.networkId) return endpoint
    throw new NotFoundError(
      `endpoint ${ref.id} of network ${ref.networkId} is not known to net-routed: start the container again`
    )
  }

  /** The others in the sandbox may no longer send from the addresses of one that is gone. */
  async #parted({ id, sandbox }: Endpoint): Promise<void> {
    for (const { id: other } of sandbox ? this.#parts.records.endpointsOfSandbox(sandbox.path) : []) {
      await this.#exclusive.run(other, async () => {
        const endpoint = this.#parts.records.get('endpoint', other)
        const companions = endpoint?.sandbox?.companions?.filter(({ endpointId }) => endpointId !== id)
        if (!endpoint?.sandbox || companions?.length === endpoint.sandbox.companions?.length) return
        const record: Endpoint = {
          ...endpoint,
          sandbox: { ...endpoint.sandbox, companions: companions ?? [] }
        }
        await this.#parts.committer.commit({ put: [{ kind: 'endpoint', record }], isEnd: true })
      })
    }
  }

  /** A sandbox refresh: left, not deleted, joined again. The pair may have gone with the sandbox. */
  async #renew(endpoint: Endpoint): Promise<Endpoint> {
    const { left: _left, ...fresh } = endpoint
    await this.#parts.committer.commit({ put: [{ kind: 'endpoint', record: fresh }], needsLinks: true })
    return fresh
  }

  async #withdrawFrom(id: string, address: Ip): Promise<void> {
    const endpoint = this.#parts.records.get('endpoint', id)
    if (!endpoint || endpoint.deleted) return
    const isGiven = (prefix: Prefix): boolean => addressOf(prefix) === address
    const granted = grantedAddresses(endpoint)
    if (!granted.some(isGiven)) return
    const addresses = endpoint.addresses.filter((prefix) => !isGiven(prefix))
    this.#parts.log.info('address given back by the engine, endpoint is dead', { endpoint: id, address })
    if (granted.every(isGiven)) await this.#remove(endpoint)
    else
      await this.#parts.committer.commit({ put: [{ kind: 'endpoint', record: { ...endpoint, addresses } }] })
  }

  async #remove(endpoint: Endpoint): Promise<void> {
    await this.#parts.committer.commit({ remove: [{ kind: 'endpoint', id: endpoint.id }], isEnd: true })
    const leases = returnExtra(endpoint, this.#parts.records, this.#parts.now())
    if (leases.length > 0) await this.#parts.committer.commit({ put: leases, isEnd: true })
    await this.#parted(endpoint)
    this.#tell('endpoint deleted', endpoint)
  }

  async #replaceStale(request: EndpointRequest): Promise<void> {
    const { records, reconciler, log } = this.#parts
    const extra = (request.options?.extraAddresses ?? []).map(addressOf)
    if (extra.some((address) => records.endpointsWithAddress(address).length > 0)) await reconciler.resync()
    for (const { endpoint, address } of staleRivals(request, records, reconciler.lost)) {
      const { id } = endpoint
      log.warn('endpoint replaced, its end was never reported', { endpoint: id, by: request.id, address })
      await this.#tryToDelete(id)
    }
  }

  #tell(message: string, { id, networkId, addresses, sandbox }: Endpoint): void {
    this.#parts.log.info(message, { endpoint: id, network: networkId, addresses, sandbox: sandbox?.path })
  }
}
