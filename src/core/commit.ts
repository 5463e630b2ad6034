/**
 * Every change of a record goes through here, in one order: check for conflicts, store, change the kernel; for removals
 * the kernel first, then the store. A change that the kernel refuses is taken back, in the kernel, in memory and in the
 * store. So a crash at any point leaves either the old state, or a record from which the next start finishes the work.
 */
import { formerSysctl } from '../desired/host.js'
import type { AddressesOf } from '../desired/policy.js'
import { desiredOfEndpoint, isSilent } from '../desired/routed.js'
import { KernelError, StoreError, messageOf } from '../errors.js'
import { keyOf } from '../host/objects.js'
import type { HostObject } from '../host/objects.js'
import type { Reconciler } from '../host/reconciler.js'
import type { Log } from '../log.js'
import { addressOf, parsePrefix } from '../model/ip.js'
import type { Setting } from '../model/setting.js'
import { keyOfRef, refOf } from '../store/records.js'
import type { RecordRef, Records, Stored } from '../store/records.js'
import type { Store } from '../store/store.js'
import { Claims } from './claims.js'
import { concernsHost, hasNames, hostObjects, newSettings, surplusOf } from './host-changes.js'
import type { Change, Objects, Step } from './change.js'
import { announcementOf, leavesBehind } from './routing/holds.js'
import type { Hold, Holds } from './routing/holds.js'

/** A pool that is released may have had tens of thousands of addresses. */
const WRITES_AT_ONCE = 64

export class Committer {
  readonly #store: Store
  readonly #records: Records
  readonly #reconciler: Reconciler
  readonly #log: Log
  readonly #claims = new Claims()
  /** What the store refused of ends, by kind and id. */
  readonly #unwritten = new Map<string, RecordRef>()
  readonly #holds: Holds | undefined
  readonly #addressesOf: AddressesOf | undefined
  #refusedWrites = 0

  /** `holds`: routing daemons are to read announcements, not routes. `addressesOf`: of DNS names in policies. */
  constructor(parts: {
    store: Store
    records: Records
    reconciler: Reconciler
    log: Log
    holds?: Holds
    addressesOf?: AddressesOf
  }) {
    this.#store = parts.store
    this.#records = parts.records
    this.#reconciler = parts.reconciler
    this.#log = parts.log
    this.#holds = parts.holds
    this.#addressesOf = parts.addressesOf
  }

  /** Writes that the store has refused so far. */
  get refusedWrites(): number {
    return this.#refusedWrites
  }

  /** How many records have changes that the store does not have yet. */
  get unwritten(): number {
    return this.#unwritten.size
  }

  /** Tells the reconciler what all loaded records want. The caller runs the first pass. */
  adopt(): void {
    this.#reconciler.want([], this.#hostObjects())
    const stored = (['endpoint', 'block'] as const).flatMap((kind) =>
      this.#records.all(kind).flatMap(({ id }) => this.#records.find(kind, id) ?? [])
    )
    for (const one of stored) {
      const { record } = one
      const objects = this.#objectsOf(one)
      this.#claims.claim(record.id, objects.map(keyOf))
      this.#reconciler.want([], objects)
    }
  }

  /**
   * Makes a change durable and real. Throws ConflictError before anything was touched, StoreError before the kernel was
   * touched, KernelError after everything was put back (an endpoint whose removal failed stays marked as deleted).
   */
  async commit(change: Change): Promise<void> {
    const step = this.#stage(change)
    const refused = await this.#writeAll(step.put, change.isEnd)
    if (refused && !change.isEnd) {
      await this.#restoreRecords(step)
      throw refused
    }
    await this.#settle(step.drop, step.add, step.held)
    const fault = this.#faultOf(step)
    if (fault) {
      await this.#takeBack(step)
      throw fault
    }
    const unwritten = (await this.#finish(step)) ?? refused
    // What DNS has said of a new name while this was under way.
    const named = step.put.flatMap((stored) => (hasNames(stored) ? stored.record.id : []))
    if (named.length > 0) await this.refresh(named)
    if (unwritten) throw unwritten
  }

  /** What these endpoints want may have changed, though their records have not. */
  async refresh(ids: readonly string[]): Promise<void> {
    for (const id of ids)
      this.#reconciler.adjust(
        this.#lookUp({ kind: 'endpoint', id }).flatMap((stored) => this.#objectsOf(stored))
      )
    await this.#reconciler.settle()
  }

  /** Before a record that is there already is promised again. Throws StoreError if the store still does not have it. */
  async ensureStored(ref: RecordRef): Promise<void> {
    const refused = this.#unwritten.has(keyOfRef(ref)) ? await this.#write(ref) : undefined
    if (refused) throw refused
  }

  /** Writes what the store refused before. */
  async retryWrites(): Promise<void> {
    for (const ref of [...this.#unwritten.values()]) await this.#write(ref)
  }

  /** `goOn`: also after a refusal, so many at once that syncs are shared. Returns the last one. */
  async #writeAll(records: readonly Stored[], goOn = false): Promise<StoreError | undefined> {
    const atOnce = goOn ? WRITES_AT_ONCE : 1
    let refused: StoreError | undefined
    for (let at = 0; at < records.length; at += atOnce) {
      const writes = records.slice(at, at + atOnce).map((stored) => this.#write(refOf(stored)))
      refused = (await Promise.all(writes)).findLast((error) => error !== undefined) ?? refused
      if (refused && !goOn) return refused
    }
    return refused
  }

  /** Brings the stored record to what the memory has: the record, or nothing. */
  async #write(ref: RecordRef): Promise<StoreError | undefined> {
    const key = keyOfRef(ref)
    const record = this.#records.get(ref.kind, ref.id)
    try {
      await (record ? this.#store.put(ref.kind, record) : this.#store.delete(ref.kind, ref.id))
      this.#unwritten.delete(key)
      return undefined
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      this.#refusedWrites++
      if (!this.#unwritten.has(key))
        this.#log.error('the store refuses a record', { key, err: messageOf(error) })
      this.#unwritten.set(key, ref)
      return error
    }
  }

  /** Changes the memory, and reserves what the change brings, in one go: two changes cannot both pass the check. */
  #stage(change: Change): Step {
    const put = change.put ?? []
    const removed = (change.remove ?? []).flatMap((ref) => this.#lookUp(ref))
    const before = put.flatMap((stored) => this.#lookUp(refOf(stored)))
    const wants = put.map((stored) => {
      const objects = this.#objectsOf(stored)
      return { stored, objects, keys: objects.map(keyOf) }
    })
    for (const { stored, keys } of wants) this.#claims.refuseTaken(stored.record.id, keys)
    const touchesHost =
      this.#records.count('network') === 0 || [...put, ...before, ...removed].some(concernsHost)
    const hostBefore = touchesHost ? this.#hostObjects() : []
    for (const { stored, keys } of wants) {
      this.#records.set(stored.kind, stored.record)
      this.#claims.claim(stored.record.id, keys)
    }
    const hostAfter = touchesHost ? this.#hostObjects(removed) : []
    const own = (stored: Stored, objects: Objects): HostObject[] =>
      this.#claims.own(stored.record.id, objects)
    const staying = new Set(wants.flatMap(({ keys }) => keys))
    const isLeft = (object: HostObject): boolean => !staying.has(keyOf(object))
    const left = before.flatMap((stored) => own(stored, this.#objectsOf(stored).filter(isLeft)))
    const gone = removed.flatMap((stored) => own(stored, this.#objectsOf(stored, true)))
    const ended = removed
      .filter(({ kind }) => kind === 'network')
      .flatMap(({ record }) => this.#holds?.ofNetwork(record.id) ?? [])
    const drop = [...left, ...gone, ...ended, ...hostBefore]
    const wanted = wants.flatMap(({ objects }) => objects)
    const held = this.#holds ? this.#toHold([...before, ...removed], drop, wanted) : []
    return { change, put, before, removed, drop, add: [...hostAfter, ...wanted], host: hostAfter, held }
  }

  async #finish({ removed, drop, add, host }: Step): Promise<StoreError | undefined> {
    this.#claims.disown(drop, add)
    for (const { kind, record } of removed) this.#records.delete(kind, record.id)
    const surplus = surplusOf(host, this.#records)
    if (surplus.length > 0) await this.#settle(surplus, [])
    return this.#writeAll(removed, true)
  }

  async #takeBack(step: Step): Promise<void> {
    const changed = newSettings(step)
    await this.#restoreRecords(step, changed)
    for (const stored of step.removed) {
      if (stored.kind !== 'endpoint') continue
      this.#records.set('endpoint', { ...stored.record, deleted: true })
      await this.#write(refOf(stored))
    }
    const objects = step.before.flatMap((stored) => this.#objectsOf(stored))
    this.#claims.disown(step.drop, objects)
    const former = changed.map(formerSysctl)
    await this.#settle(
      [...step.add, ...step.held.map(announcementOf)],
      [...objects, ...this.#hostObjects(), ...former]
    )
    await this.#forget(
      changed.filter((setting) => !this.#reconciler.faults.has(keyOf(formerSysctl(setting))))
    )
    if (former.length > 0) await this.#settle(former, this.#hostObjects())
  }

  /** A setting is forgotten only when the kernel has its former value; what remains is tried again. */
  async #forget(settings: readonly Setting[]): Promise<void> {
    for (const { id } of settings) {
      this.#records.delete('setting', id)
      await this.#write({ kind: 'setting', id })
    }
  }

  /** Puts memory and store back, but for `kept`. */
  async #restoreRecords({ put, before }: Step, kept: readonly Setting[] = []): Promise<void> {
    this.#claims.disown(
      put.flatMap((stored) => this.#objectsOf(stored)),
      []
    )
    for (const { kind, record } of put) {
      if (kept.some((setting) => setting === record)) continue
      const old = before.find((stored) => stored.kind === kind && stored.record.id === record.id)
      if (old) this.#records.set(kind, old.record)
      else this.#records.delete(kind, record.id)
      if (old) this.#claims.claim(old.record.id, this.#objectsOf(old).map(keyOf))
      await this.#write({ kind, id: record.id })
    }
  }

  #settle(drop: Objects, add: Objects, held: readonly Hold[] = []): Promise<void> {
    this.#reconciler.want(drop, [...add, ...held.map(announcementOf)])
    this.#holds?.end(
      [...drop, ...add].flatMap((object) => (object.kind === 'announcement' ? [object.dst] : []))
    )
    this.#holds?.begin(held)
    return this.#reconciler.settle()
  }

  /** `once`: what a record wanted before its end began. */
  #objectsOf(stored: Stored, once = false): HostObject[] {
    if (stored.kind === 'block') return this.#holds ? [announcementOf({ dst: stored.record.prefix })] : []
    if (stored.kind !== 'endpoint') return []
    const { deleted, ...endpoint } = stored.record
    if (deleted && !once) return []
    return desiredOfEndpoint(endpoint, this.#holds !== undefined, this.#addressesOf)
  }

  #toHold(left: readonly Stored[], drop: Objects, wanted: Objects): Hold[] {
    if (!drop.some(({ kind }) => kind === 'announcement')) return []
    const endpoints = left.flatMap((stored) => (stored.kind === 'endpoint' ? [stored] : []))
    return endpoints.flatMap((stored) => {
      const now = this.#records.get('endpoint', stored.record.id)
      if (stored.record.anycast === true) return []
      const objects = this.#objectsOf(stored, true)
      const left = leavesBehind(objects, { drop, wanted, reconciler: this.#reconciler })
      return left.flatMap((dst) =>
        now?.sandbox && isSilent(now, addressOf(parsePrefix(dst)))
          ? []
          : [{ networkId: stored.record.networkId, dst }]
      )
    })
  }

  #lookUp({ kind, id }: RecordRef): Stored[] {
    const stored = this.#records.find(kind, id)
    return stored ? [stored] : []
  }

  #hostObjects(removed: readonly Stored[] = []): HostObject[] {
    return hostObjects(this.#records, removed)
  }

  /** What the host refuses when its last network goes, or at the start, keeps nothing from happening: it is tried again. */
  #faultOf({ change, put, removed, add, drop }: Step): KernelError | undefined {
    const mustHold =
      put.some(({ kind }) => kind !== 'setting' && kind !== 'router') ||
      removed.some(({ kind }) => kind === 'endpoint')
    if (!mustHold) return undefined
    const { faults } = this.#reconciler
    for (const object of faults.size > 0 ? [...add, ...drop] : []) {
      const fault = faults.get(keyOf(object))
      if (fault) return fault
    }
    const lost = add.find((object) => object.kind === 'link' && this.#reconciler.lost.has(object.name))
    if (change.needsLinks !== true || lost?.kind !== 'link') return undefined
    return new KernelError('ENODEV', `link ${lost.name} is gone, and the container end with it`)
  }
}
