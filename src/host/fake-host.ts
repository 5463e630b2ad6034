/**
 * A namespace in memory that keeps Linux's rules: nothing lives on a missing link, deleting a link takes what lives on it,
 * a route that somebody else holds is refused. It fails on demand and can be changed behind the daemon's back, which the
 * real one does too. test/contract/host-contract.ts holds both to the same behaviour.
 */
import { KernelError } from '../errors.js'
import { byKey } from './diff.js'
import type { Host, HostChange, HostFacts } from './host.js'
import { describeOp, keyOf, linkOf } from './objects.js'
import type { HostObject, Kind, Op } from './objects.js'

export class FakeHost implements Host {
  readonly objects: Map<string, HostObject>
  /** Keys of objects that belong to somebody else: adding them fails with EEXIST. */
  readonly foreign = new Set<string>()
  /** Asked before each operation; an errno makes it fail. */
  refuse: (op: Op) => string | undefined = () => undefined
  /** Every operation asked for, in order. */
  readonly log: Op[] = []
  hostFacts: HostFacts = {
    uplinkMtu: 1500,
    addresses: ['192.0.2.1'],
    addressesByLink: { eth0: ['192.0.2.1'] },
    connected: ['192.0.2.0/24'],
    sysctls: { 'net.ipv4.ip_forward': '0', 'net.ipv6.conf.all.forwarding': '0' },
    dockerForwards: false
  }
  /** What the guard tells, if there is one. */
  readonly drops = new Map([['spoofed-ipv4', 0]])
  readonly #watchers = new Set<(change: HostChange) => void>()

  constructor() {
    this.objects = byKey(
      Object.entries(this.hostFacts.sysctls).map(([key, value]) => ({ kind: 'sysctl', key, value }))
    )
  }

  list(kinds?: readonly Kind[]): Promise<HostObject[]> {
    return Promise.resolve([...this.objects.values()].filter(({ kind }) => kinds?.includes(kind) ?? true))
  }

  apply(ops: readonly Op[]): Promise<ReadonlyMap<string, KernelError>> {
    const failed = new Map<string, KernelError>()
    for (const op of ops) {
      this.log.push(op)
      const errno = this.refuse(op) ?? this.#execute(op)
      if (errno) failed.set(keyOf(op.object), new KernelError(errno, `cannot ${describeOp(op)}: ${errno}`))
    }
    return Promise.resolve(failed)
  }

  facts(): Promise<HostFacts> {
    return Promise.resolve({ ...this.hostFacts, sysctls: this.#sysctls() })
  }

  dropped(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(this.objects.has('guard') ? this.drops : new Map<string, number>())
  }

  watch(onChange: (change: HostChange) => void): () => void {
    this.#watchers.add(onChange)
    return () => {
      this.#watchers.delete(onChange)
    }
  }

  /** Removes an object as somebody else would, with a kernel event. */
  vanish(key: string): void {
    const object = this.objects.get(key)
    if (!object) return
    this.#delete(object)
    for (const tell of this.#watchers) {
      tell({ kind: object.kind, key, gone: true })
    }
  }

  /** Tells that events were lost, as the kernel does when they come too fast. */
  loseEvents(): void {
    for (const tell of this.#watchers) tell({ kind: 'link', gone: true, lost: true })
  }

  /** What a reboot leaves. */
  reboot(): void {
    for (const [key, object] of this.objects) if (object.kind !== 'sysctl') this.objects.delete(key)
  }

  #sysctls(): Record<string, string> {
    const found = [...this.objects.values()].flatMap((object) =>
      object.kind === 'sysctl' ? [[object.key, object.value] as const] : []
    )
    return Object.fromEntries(found)
  }

  #execute({ verb, object }: Op): string | undefined {
    if (verb === 'delete') {
      this.#delete(object)
      return undefined
    }
    const key = keyOf(object)
    const link = linkOf(object)
    if (this.foreign.has(key)) return 'EEXIST'
    if (link !== undefined && !this.objects.has(`link ${link}`)) return 'ENODEV'
    if (object.kind === 'link' && !object.veth && !this.objects.has(key)) return 'ENODEV'
    if (object.kind === 'source' && !this.objects.has('guard')) return 'ENOENT'
    this.objects.set(key, listed(object))
    return undefined
  }

  #deleteSources(): void {
    for (const [key, { kind }] of this.objects) if (kind === 'source') this.objects.delete(key)
  }

  #delete(object: HostObject): void {
    this.objects.delete(keyOf(object))
    if (object.kind === 'guard') this.#deleteSources()
    if (object.kind !== 'link') return
    for (const [key, child] of this.objects) if (linkOf(child) === object.name) this.objects.delete(key)
  }
}

/** A link is read back without the way it was made. */
function listed(object: HostObject): HostObject {
  if (object.kind === 'announcement') return { kind: 'announcement', dst: object.dst }
  if (object.kind !== 'link') return object
  const { veth: _veth, ...link } = object
  return link
}
