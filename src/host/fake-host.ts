/**
 * A namespace in memory that keeps Linux's rules: nothing lives on a missing link, deleting a link takes what lives on it,
 * a route that somebody else holds is refused. It fails on demand and can be changed behind the daemon's back, which the
 * real one does too. test/contract/host-contract.ts holds both to the same behaviour.
 */
import { KernelError } from '../errors.js'
import { byKey } from './diff.js'
import type { ContainerEnd, ContainerEnds, EndAddition, EndExtent, EndRoute } from './ends.js'
import { TABLE_OF, extended, listed, settable } from './fake-parts.js'
import type { Host, HostChange, HostFacts, Listener } from './host.js'
import { describeOp } from './describe.js'
import { keyOf, linkOf } from './objects.js'
import type { HostObject, Kind, Link, Op } from './objects.js'
import type { PolicyCounts } from './policies.js'

/** A container end, and the name of the host end that it belongs to. */
type FakeEnd = ContainerEnd & { readonly hostLink: string }

export class FakeHost implements Host, ContainerEnds {
  readonly objects: Map<string, HostObject>
  /** Keys of objects that belong to somebody else: adding them fails with EEXIST. */
  readonly foreign = new Set<string>()
  /** Asked before each operation; an errno makes it fail. */
  refuse: (op: Op) => string | undefined = () => undefined
  /** Every operation asked for, in order. */
  readonly log: Op[] = []
  hostFacts: HostFacts = {
    uplinkMtu: 1500,
    mtusByLink: { eth0: 1500 },
    routeMtus: {},
    addresses: ['192.0.2.1'],
    addressesByLink: { eth0: ['192.0.2.1'] },
    connected: ['192.0.2.0/24'],
    believing: [],
    sysctls: { 'net.ipv4.ip_forward': '0', 'net.ipv6.conf.all.forwarding': '0' },
    dockerForwards: false
  }
  /** What processes of the host listen on. */
  readonly listening: Listener[] = []
  /** What the guard tells, if there is one. */
  readonly drops = new Map([['spoofed-ipv4', 0]])
  /** Namespaces of containers by path, and what is in each by name. */
  readonly sandboxes = new Map<string, Map<string, FakeEnd>>()
  /** Asked before a container end is set up; an errno makes it fail. */
  refuseEnd: (netns: string, end: ContainerEnd) => string | undefined = () => undefined
  /** False = no namespace of a container can be entered. */
  mayEnter = true
  readonly #sysctlsOfEnds = new Map<string, Readonly<Record<string, string>>>()
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

  listeners(): Promise<readonly Listener[]> {
    return Promise.resolve(this.listening)
  }

  dropped(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(this.objects.has('guard') ? this.drops : new Map<string, number>())
  }

  policed(): Promise<ReadonlyMap<string, PolicyCounts>> {
    const nothing = { packets: 0, bytes: 0 }
    const counts = { accepted: nothing, denied: nothing }
    const links = [...this.objects.values()].flatMap((object) =>
      object.kind === 'policy' ? [object.link] : []
    )
    return Promise.resolve(new Map(links.map((link) => [link, { ingress: counts, egress: counts }])))
  }

  watch(onChange: (change: HostChange) => void): () => void {
    this.#watchers.add(onChange)
    return () => {
      this.#watchers.delete(onChange)
    }
  }

  configure(netns: string, end: ContainerEnd): Promise<readonly EndRoute[]> {
    return settled(() => {
      const ends = this.#sandbox(netns)
      const found = ends.get(end.name)
      const errno = this.refuseEnd(netns, end)
      if (errno) throw new KernelError(errno, `cannot set up link ${end.name} in ${netns}: ${errno}`)
      if (!found || (found.alias !== '' && found.alias !== end.alias)) {
        const [code, why] = found
          ? ['EEXIST', 'is not the one that net-routed made']
          : ['ENODEV', 'does not exist']
        throw new KernelError(code, `cannot set up link ${end.name} in ${netns}: it ${why}`)
      }
      const others = [...ends.values()].filter((other) => other !== found)
      const routes = end.routes.filter(
        ({ dst }) => !others.some((other) => other.routes.some((route) => route.dst === dst))
      )
      ends.set(end.name, { ...found, ...end, mtu: found.mtu ?? end.mtu ?? 1500, routes })
      this.start(found.hostLink)
      return routes
    })
  }

  extend(netns: string, addition: EndAddition): Promise<EndExtent> {
    return settled(() => {
      const ends = this.sandboxes.get(netns)
      if (!ends) return 'no namespace'
      const found = [...ends.values()].find((end) => end.mac === addition.mac && end.hostLink !== '')
      if (!found) return 'no link'
      const end = { ...found, ...extended(found, addition) }
      const errno = this.refuseEnd(netns, end)
      if (errno) throw new KernelError(errno, `cannot add to ${found.name} in ${netns}: ${errno}`)
      ends.set(found.name, end)
      const { taken, refused } = settable(addition.sysctls)
      this.#sysctlsOfEnds.set(`${netns} ${found.name}`, taken)
      if (refused)
        throw new KernelError('EINVAL', `cannot set ${refused} of ${found.name} in ${netns}: EINVAL`)
      return 'done'
    })
  }

  refusal(): KernelError | undefined {
    return this.mayEnter ? undefined : new KernelError('EPERM', 'cannot enter a network namespace: EPERM')
  }

  knowsSysctl(key: string): boolean {
    return !key.includes('no_such')
  }

  /** What was set at an end. */
  sysctlsOf(netns: string, name: string): Readonly<Record<string, string>> {
    return this.#sysctlsOfEnds.get(`${netns} ${name}`) ?? {}
  }

  /** What an engine does with the other end of a pair: there it is up, with these addresses. */
  moveEnd(hostLink: string, netns: string, end: Omit<ContainerEnd, 'alias'>): void {
    const ends = this.#sandbox(netns)
    ends.set(end.name, { ...end, alias: '', hostLink })
    for (const tell of this.#watchers) tell({ kind: 'link', key: `link ${hostLink}`, gone: false })
  }

  find(netns: string, name: string): Promise<ContainerEnd | undefined> {
    return settled(() => {
      const found = this.#sandbox(netns).get(name)
      if (!found) return undefined
      const { hostLink: _hostLink, ...end } = found
      return end
    })
  }

  addStub(netns: string, name: string, alias: string): Promise<void> {
    return settled(() => {
      const ends = this.#sandbox(netns)
      const bare = { name, alias, mac: '', ipv6: true, addresses: [], routes: [] }
      const errno =
        this.refuseEnd(netns, bare) ?? ((ends.get(name)?.alias ?? alias) === alias ? '' : 'EEXIST')
      if (errno !== '') throw new KernelError(errno, `cannot add link ${name} in ${netns}: ${errno}`)
      ends.set(name, { ...bare, hostLink: '' })
    })
  }

  remove(netns: string, name: string, alias: string): Promise<void> {
    return settled(() => {
      const ends = this.sandboxes.get(netns)
      if (ends?.get(name)?.alias === alias) ends.delete(name)
    })
  }

  /** A container's namespace that ends, with the links that lead there. */
  endSandbox(netns: string): void {
    const ends = this.sandboxes.get(netns)
    this.sandboxes.delete(netns)
    for (const { hostLink } of ends?.values() ?? []) this.vanish(`link ${hostLink}`)
  }

  /** The other end of a link comes up, in its container, and an event says so. */
  start(name: string): void {
    const key = `link ${name}`
    const link = this.objects.get(key)
    if (link?.kind !== 'link' || link.runs) return
    this.objects.set(key, { ...link, runs: true })
    for (const tell of this.#watchers) tell({ kind: 'link', key, gone: false, runs: true })
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
    const link = object.kind === 'shaper' ? object.link : linkOf(object)
    if (this.foreign.has(key)) return 'EEXIST'
    if (link !== undefined && !this.objects.has(`link ${link}`)) return 'ENODEV'
    if (object.kind === 'link' && !object.veth && !this.objects.has(key)) return 'ENODEV'
    const table = TABLE_OF.get(object.kind)
    if (table !== undefined && !this.objects.has(table)) return 'ENOENT'
    if (object.kind === 'link' && !this.objects.has(key)) {
      const errno = this.#makeEnd(object)
      if (errno) return errno
    }
    const before = this.objects.get(key)
    const runs = before?.kind === 'link' && before.runs ? { runs: true } : {}
    this.objects.set(key, { ...listed(object), ...runs } as HostObject)
    return undefined
  }

  #sandbox(netns: string): Map<string, FakeEnd> {
    const ends = this.sandboxes.get(netns)
    if (ends) return ends
    throw new KernelError('ENOENT', `network namespace ${netns} cannot be opened: ENOENT`)
  }

  #makeEnd({ name, mtu, veth }: Link): string | undefined {
    if (veth?.netns === undefined) return undefined
    const ends = this.sandboxes.get(veth.netns)
    if (!ends) return 'ENOENT'
    if (ends.has(veth.name)) return 'EEXIST'
    const bare = { alias: '', ipv6: true, addresses: [], routes: [] }
    ends.set(veth.name, {
      ...bare,
      name: veth.name,
      mac: veth.mac,
      ...(mtu === undefined ? {} : { mtu }),
      hostLink: name
    })
    return undefined
  }

  #deleteEnd(hostLink: string): void {
    for (const ends of this.sandboxes.values()) {
      for (const [name, end] of ends) if (end.hostLink === hostLink) ends.delete(name)
    }
  }

  #deleteElements(table: string): void {
    for (const [key, { kind }] of this.objects) if (TABLE_OF.get(kind) === table) this.objects.delete(key)
  }

  #delete(object: HostObject): void {
    this.objects.delete(keyOf(object))
    this.#deleteElements(object.kind)
    if (object.kind !== 'link') return
    this.#deleteEnd(object.name)
    for (const [key, child] of this.objects) {
      if (linkOf(child) === object.name) this.objects.delete(key)
      else if (child.kind === 'shaper' && child.link === object.name)
        this.objects.set(key, { ...child, settled: false })
    }
  }
}

/** A promise of what the work returns or throws. */
function settled<T>(work: () => T): Promise<T> {
  return Promise.resolve().then(work)
}
