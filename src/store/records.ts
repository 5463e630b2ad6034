/**
 * All records in memory, by kind and id, with the indexes that requests need. Loaded once; afterwards the memory is
 * ahead of the store only while a write is under way.
 */
import type { Endpoint, PortMap } from '../model/endpoint.js'
import { addressOf } from '../model/ip.js'
import type { Ip } from '../model/ip.js'
import type { Lease } from '../model/lease.js'
import { isPoliced } from '../model/options/policy.js'
import type { AnyRecord, RecordByKind, RecordKind } from '../model/record.js'
import { RECORD_KINDS } from '../model/record.js'
import type { BrokenRecord, Store } from './store.js'

type Maps = { readonly [K in RecordKind]: Map<string, RecordByKind[K]> }

/** One record of a kind, told apart by `kind`. */
export type Stored = {
  readonly [K in RecordKind]: { readonly kind: K; readonly record: RecordByKind[K] }
}[RecordKind]

/** How a record is named. */
export interface RecordRef {
  readonly kind: RecordKind
  readonly id: string
}

/** What an endpoint may need of the host: a table that is there as long as one does. */
export type Need = 'ports' | 'policy'

export function refOf({ kind, record }: Stored): RecordRef {
  return { kind, id: record.id }
}

export function keyOfRef({ kind, id }: RecordRef): string {
  return `${kind} ${id}`
}

export class Records {
  readonly #maps: Maps = {
    network: new Map(),
    endpoint: new Map(),
    pool: new Map(),
    lease: new Map(),
    setting: new Map(),
    router: new Map(),
    block: new Map(),
    name: new Map()
  }
  readonly #endpointByAddress = new Map<Ip, Set<string>>()
  readonly #endpointsBySandbox = new Map<string, Set<string>>()
  readonly #endpointsByNetwork = new Map<string, Set<string>>()
  readonly #endpointsByNeed = new Map<Need, Set<string>>()
  readonly #endpointsByPort = new Map<string, Set<string>>()
  readonly #leasesByPool = new Map<string, Set<string>>()
  #changed: (endpointId: string) => void = () => undefined
  #changes = 0
  /** Records that could not be read at the start. */
  readonly broken: BrokenRecord[] = []

  static async load(store: Store): Promise<Records> {
    const records = new Records()
    for (const kind of RECORD_KINDS) {
      const loaded = await store.load(kind)
      for (const record of [...loaded.records].sort(bySince)) records.set(kind, record)
      records.broken.push(...loaded.broken)
    }
    return records
  }

  get<K extends RecordKind>(kind: K, id: string): RecordByKind[K] | undefined {
    const map: ReadonlyMap<string, RecordByKind[K]> = this.#maps[kind]
    return map.get(id)
  }

  /** The record with its kind, for code that handles all kinds alike. */
  find(kind: RecordKind, id: string): Stored | undefined {
    const record = this.get(kind, id)
    return record && ({ kind, record } as Stored)
  }

  all<K extends RecordKind>(kind: K): RecordByKind[K][] {
    const map: ReadonlyMap<string, RecordByKind[K]> = this.#maps[kind]
    return [...map.values()]
  }

  /** Calls back, at once, when an endpoint may be another one than before. */
  watchEndpoints(changed: (endpointId: string) => void): void {
    this.#changed = changed
  }

  /** Another number whenever any record may be another one than before. */
  get changes(): number {
    return this.#changes
  }

  count(kind: RecordKind): number {
    return this.#maps[kind].size
  }

  set(kind: RecordKind, record: AnyRecord): void {
    this.delete(kind, record.id)
    const map = this.#maps[kind] as Map<string, AnyRecord>
    map.set(record.id, record)
    this.#index(kind, record.id, true)
  }

  delete(kind: RecordKind, id: string): void {
    this.#changes++
    this.#index(kind, id, false)
    this.#maps[kind].delete(id)
    if (kind === 'endpoint') this.#changed(id)
  }

  endpointsOfNetwork(networkId: string): Endpoint[] {
    return this.#endpoints(this.#endpointsByNetwork.get(networkId))
  }

  endpointsOfSandbox(path: string): Endpoint[] {
    return this.#endpoints(this.#endpointsBySandbox.get(path))
  }

  endpointsWithAddress(address: Ip): Endpoint[] {
    return this.#endpoints(this.#endpointByAddress.get(address))
  }

  /** Ids of endpoints that need it and are not about to go. */
  endpointsThatNeed(need: Need): ReadonlySet<string> {
    return this.#endpointsByNeed.get(need) ?? new Set()
  }

  /** Those that publish that port at some address of the host, and are not about to go. */
  endpointsWithPort(port: Pick<PortMap, 'protocol' | 'hostPort'>): Endpoint[] {
    return this.#endpoints(this.#endpointsByPort.get(keyOfPort(port)))
  }

  /** In the order of their last change, oldest first. */
  *leasesOfPool(poolId: string): Iterable<Lease> {
    for (const id of this.#leasesByPool.get(poolId) ?? []) {
      const lease = this.#maps.lease.get(id)
      if (lease) yield lease
    }
  }

  #endpoints(ids: ReadonlySet<string> | undefined): Endpoint[] {
    return [...(ids ?? [])].flatMap((id) => this.#maps.endpoint.get(id) ?? [])
  }

  #index(kind: RecordKind, id: string, present: boolean): void {
    const change = present ? add : remove
    const lease = kind === 'lease' ? this.#maps.lease.get(id) : undefined
    if (lease) change(this.#leasesByPool, lease.poolId, id)
    const endpoint = kind === 'endpoint' ? this.#maps.endpoint.get(id) : undefined
    if (!endpoint) return
    change(this.#endpointsByNetwork, endpoint.networkId, id)
    if (endpoint.sandbox) change(this.#endpointsBySandbox, endpoint.sandbox.path, id)
    for (const address of endpoint.addresses) change(this.#endpointByAddress, addressOf(address), id)
    const ports = endpoint.deleted ? [] : (endpoint.ports ?? [])
    for (const port of ports) change(this.#endpointsByPort, keyOfPort(port), id)
    for (const need of needsOf(endpoint)) change(this.#endpointsByNeed, need, id)
  }
}

function keyOfPort({ protocol, hostPort }: Pick<PortMap, 'protocol' | 'hostPort'>): string {
  return `${protocol} ${String(hostPort)}`
}

function needsOf(endpoint: Endpoint): Need[] {
  if (endpoint.deleted) return []
  return [...(endpoint.ports ? ['ports' as const] : []), ...(isPoliced(endpoint) ? ['policy' as const] : [])]
}

function bySince(a: AnyRecord, b: AnyRecord): number {
  if (!('since' in a && 'since' in b) || a.since === b.since) return 0
  return a.since < b.since ? -1 : 1
}

function add<K>(index: Map<K, Set<string>>, key: K, id: string): void {
  const ids = index.get(key)
  if (ids) ids.add(id)
  else index.set(key, new Set([id]))
}

function remove<K>(index: Map<K, Set<string>>, key: K, id: string): void {
  const ids = index.get(key)
  ids?.delete(id)
  if (ids?.size === 0) index.delete(key)
}
