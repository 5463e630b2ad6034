/**
 * Attachments: endpoints of which we make both ends, because the runtime leaves that to us (CNI). All or nothing; a second
 * end of one is no error.
 */
import { containerEndOf } from '../desired/container-end.js'
import { desiredOfEndpoint } from '../desired/routed.js'
import { ConflictError, RoutedError } from '../errors.js'
import { differences } from '../host/ends.js'
import type { ContainerEnds } from '../host/ends.js'
import { keyOf } from '../host/objects.js'
import type { Reconciler } from '../host/reconciler.js'
import type { Log } from '../log.js'
import { hostLinkName } from '../model/endpoint.js'
import type { Endpoint, PortMap, Sandbox } from '../model/endpoint.js'
import { addressOf } from '../model/ip.js'
import type { Prefix } from '../model/ip.js'
import { hostPortText, overlap } from '../model/port.js'
import type { Records } from '../store/records.js'
import type { Committer } from './commit.js'
import { newEndpoint, newSandbox, routesOf } from './decide.js'
import type { AttachRequest, WrapRequest } from './decide.js'
import type { Endpoints } from './endpoints.js'
import { Exclusive } from './exclusive.js'
import type { Networks } from './networks.js'

interface Parts {
  readonly records: Records
  readonly committer: Committer
  readonly reconciler: Reconciler
  readonly networks: Networks
  readonly endpoints: Endpoints
  readonly ends: ContainerEnds
  readonly log: Log
  /** MTU for networks without one of their own, in bytes; undefined = leave the links alone. */
  readonly defaultMtu: () => number | undefined
  /** True where routing daemons read announcements, not routes. */
  readonly announces: boolean
  readonly now: () => Date
}

/** An endpoint that certainly has a sandbox. */
type Attached = Endpoint & { readonly sandbox: Sandbox }

export class Attachments {
  readonly #parts: Parts
  readonly #exclusive = new Exclusive()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * Makes both ends and routes the addresses. Throws ConflictError for an attachment that exists and for an address that a
   * living endpoint has, KernelError when host and container are as before.
   */
  attach(request: AttachRequest): Promise<Attached> {
    return this.#exclusive.run(request.id, async () => {
      await this.#replaceDead(request)
      const attaching = this.#decide(request)
      try {
        await this.#commit(attaching, false)
        const end = containerEndOf(attaching, attaching.sandbox)
        const found = await this.#parts.ends.configure(attaching.sandbox.path, end)
        const routes = (attaching.sandbox.routes ?? []).filter(({ dst }) =>
          found.some((route) => route.dst === dst)
        )
        // Its options may have been changed meanwhile.
        const { attaching: _attaching, ...rest } =
          this.#parts.records.get('endpoint', request.id) ?? attaching
        const attached = { ...rest, sandbox: { ...attaching.sandbox, routes } }
        await this.#parts.reconciler.runs(hostLinkName(attached.id))
        await this.#commit(attached, true)
        this.#parts.log.info('endpoint attached', {
          endpoint: attached.id,
          addresses: attached.addresses,
          sandbox: attached.sandbox.path
        })
        return attached
      } catch (error) {
        await this.#discard(request.id)
        throw error
      }
    })
  }

  /** Before anything is done: throws ConflictError if it exists, KernelError where its namespace cannot be entered. */
  async refusePresent(id: string, netns: string, ifName: string): Promise<void> {
    const found = await this.#parts.ends.find(netns, ifName)
    if (found) throw new ConflictError(`link ${ifName} exists already in ${netns}`)
    const known = this.#parts.records.get('endpoint', id)
    if (known) await this.#replaceDead({ id, addresses: [] })
  }

  /**
   * Keeps what the host has beside links that another plugin has made. Throws ConflictError for ports that a living endpoint
   * has, KernelError when the host is as before.
   */
  wrap(request: WrapRequest): Promise<Endpoint> {
    return this.#exclusive.run(request.id, async () => {
      await this.#replaceDead({ ...request, addresses: [] })
      const { records, networks, now } = this.#parts
      const { netns: path, ifName, delegate, services } = request
      const network = networks.get(request.networkId)
      const endpoint = newEndpoint(request, network, { defaultMtu: undefined, now: now() })
      const record: Endpoint = {
        ...endpoint,
        delegate,
        ...(services ? { services } : {}),
        sandbox: { path, runtime: 'cni', ifName }
      }
      await this.#commit(record, false)
      this.#parts.log.info('container of another plugin is kept', {
        endpoint: record.id,
        plugin: delegate.type
      })
      return records.get('endpoint', record.id) ?? record
    })
  }

  /** Before anything is done: throws ConflictError if it exists, or if somebody has its ports. */
  refuseRivals(request: Pick<AttachRequest, 'id' | 'ports'>): Promise<void> {
    return this.#replaceDead({ ...request, addresses: [] })
  }

  /** After an attach of the same that is under way. Unknown ones are no error. */
  detach(id: string): Promise<void> {
    return this.#exclusive.run(id, () => this.#parts.endpoints.delete(id))
  }

  /** What is not as it was made, in words; empty = all is well. Looks at the host and into the container. */
  async verify(id: string): Promise<string[]> {
    const { records, reconciler, ends } = this.#parts
    await reconciler.resync()
    const endpoint = records.get('endpoint', id)
    if (!endpoint?.sandbox) return [`net-routed has no attachment ${id}`]
    if (reconciler.lost.has(hostLinkName(id))) return [`the pair of links of ${id} is gone`]
    const faults = desiredOfEndpoint(endpoint, this.#parts.announces).flatMap(
      (object) => reconciler.faults.get(keyOf(object)) ?? []
    )
    if (endpoint.delegate) return faults.map(({ message }) => message)
    const end = containerEndOf(endpoint, endpoint.sandbox)
    const found = await ends.find(endpoint.sandbox.path, end.name)
    return [...faults.map(({ message }) => message), ...differences(end, found)]
  }

  /** After a crash: nobody was told of what was being attached then. */
  async dropUnanswered(): Promise<void> {
    for (const { id, attaching } of this.#parts.records.all('endpoint')) {
      if (!attaching) continue
      this.#parts.log.warn('attachment that nobody was told of is removed', { endpoint: id })
      await this.#discard(id)
    }
  }

  /** What the kernel refuses stays marked as deleted, and is tried again. */
  async #discard(id: string): Promise<void> {
    try {
      await this.#parts.endpoints.delete(id)
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      this.#parts.log.warn('attachment cannot be removed, will be tried again', {
        endpoint: id,
        err: error.message
      })
    }
  }

  #commit(record: Endpoint, needsLinks: boolean): Promise<void> {
    return this.#parts.committer.commit({ put: [{ kind: 'endpoint', record }], needsLinks })
  }

  #decide(request: AttachRequest): Attached {
    const { records, networks, defaultMtu, now } = this.#parts
    const { gateway, gateway6 } = request
    const network = {
      ...networks.get(request.networkId),
      ...(gateway === undefined ? {} : { gateway }),
      ...(gateway6 === undefined ? {} : { gateway6 })
    }
    const endpoint = newEndpoint(request, network, { defaultMtu: defaultMtu(), now: now() })
    const { netns: path, ifName, ipam } = request
    const where = { path, runtime: 'cni', ifName, ...(ipam === undefined ? {} : { ipam }) } as const
    const sandbox = newSandbox(where, endpoint, network, records.endpointsOfSandbox(request.netns))
    return { ...endpoint, attaching: true, sandbox: { ...sandbox, routes: routesOf(sandbox, request) } }
  }

  /** What the request collides with goes if its container is gone. */
  async #replaceDead(request: Pick<AttachRequest, 'id' | 'addresses' | 'ports'>): Promise<void> {
    const { records, reconciler, endpoints, log } = this.#parts
    const rivals = new Set(
      request.addresses.flatMap((prefix) => records.endpointsWithAddress(addressOf(prefix)))
    )
    const same = records.get('endpoint', request.id)
    if (same) rivals.add(same)
    if (request.ports && request.ports.length > 0)
      for (const other of records.all('endpoint')) if (sharePort(request.ports, other)) rivals.add(other)
    if (rivals.size === 0) return
    await reconciler.resync()
    for (const { id, deleted, addresses } of rivals) {
      if (!deleted && !reconciler.lost.has(hostLinkName(id))) {
        throw new ConflictError(
          id === request.id
            ? `${id} is attached already, with ${addresses.join(', ')}: DEL comes before another ADD`
            : `${rivalry(request, addresses)} belongs to endpoint ${id} already`
        )
      }
      log.warn('endpoint replaced, its end was never reported', { endpoint: id, by: request.id })
      await endpoints.delete(id)
    }
  }
}

function sharePort(ports: readonly PortMap[], { ports: others = [] }: Endpoint): boolean {
  return ports.some((port) => others.some((other) => overlap(port, other)))
}

/** What the request and an endpoint with these addresses both want. */
function rivalry(request: Pick<AttachRequest, 'addresses' | 'ports'>, addresses: readonly Prefix[]): string {
  const wanted = new Set(request.addresses.map(addressOf))
  const shared = addresses.filter((prefix) => wanted.has(addressOf(prefix)))
  return shared.length > 0 ? shared.join(', ') : (request.ports ?? []).map(hostPortText).join(', ')
}
