import { isIPv6 } from 'node:net'
import { silentLog } from '../../log.js'
import type { Log } from '../../log.js'
import { linkOf } from '../objects.js'
import type { HostObject, Kind, Op, Source } from '../objects.js'
import type { Policy } from '../policies.js'
import { KNOWN_SYSCTLS } from '../host.js'
import type { Host, HostChange, HostFacts } from '../host.js'
import { changeAnnouncements } from './announcements.js'
import { ConntrackCleaner } from './conntrack.js'
import { udpPortsOf } from './conntrack-ports.js'
import { NETLINK } from './constants.js'
import { changeEntries } from './entries.js'
import { readFacts } from './facts.js'
import { ForwardRules } from './firewall.js'
import { PacketGuard } from './guard.js'
import type { Failures, Kernel } from './kernel.js'
import { changeLinks } from './link-changes.js'
import { LinkDeleter } from './link-deletes.js'
import { readListeners } from './listeners.js'
import { listNetlink } from './lists.js'
import { monitor } from './monitor.js'
import { NetlinkSocket } from './netlink.js'
import { here, withNetns } from './netns.js'
import type { Inside } from './netns.js'
import { PacketPolicer } from './policer.js'
import { changeProxies, listProxies } from './proxies.js'
import { Marker } from './marker.js'
import { changeShapers, endShapers } from './shapers.js'
import { PortPublisher } from './publisher.js'
import { applySysctls, listSysctls } from './sysctls.js'

export interface LinuxHostOptions {
  /** Number of ours in `/etc/iproute2/rt_protos`, 1 to 255: the mark of routes and neighbours. */
  readonly protocol: number
  /** Path of the network namespace to work in; absent = the one that the process is in. */
  readonly netns?: string
  /** For what nobody waits for. */
  readonly log?: Log
}

/** A Host that can be closed, so that its sockets do not keep a namespace alive. */
export type LinuxHost = Host & { close(): Promise<void> }

/** The kernel of a Linux host, for one network namespace. */
export function linuxHost({ protocol, netns, log = silentLog }: LinuxHostOptions): LinuxHost {
  const inside: Inside = netns === undefined ? here : (work) => withNetns(netns, work)
  const kernel: Kernel = inside(() => ({
    requests: new NetlinkSocket(),
    dumps: new NetlinkSocket(),
    filter: new NetlinkSocket(NETLINK.NETFILTER),
    filterDumps: new NetlinkSocket(NETLINK.NETFILTER),
    inside,
    protocol
  }))
  const conntrack = new ConntrackCleaner(kernel, log)
  const guard = new PacketGuard(kernel)
  const parts: Parts = {
    kernel,
    deleter: new LinkDeleter(kernel),
    rules: new ForwardRules(inside),
    guard,
    publisher: new PortPublisher(kernel),
    policer: new PacketPolicer(kernel),
    marker: new Marker(kernel),
    sysctls: new Set<string>(KNOWN_SYSCTLS)
  }
  return {
    list: (kinds) => list(parts, (kind) => kinds?.includes(kind) ?? true),
    apply: async (ops) => {
      const failures = await apply(ops, parts)
      conntrack.forget(addressesOf(ops))
      conntrack.restart(udpPortsOf(ops))
      return failures
    },
    facts: () => facts(parts),
    listeners: () => readListeners(inside),
    dropped: () => guard.dropped(),
    policed: () => parts.policer.counts(),
    watch: (onChange) => watch(parts, onChange),
    close: async () => {
      await conntrack.idle()
      const { requests, dumps, filter, filterDumps } = kernel
      await Promise.all([requests, dumps, filter, filterDumps].map((socket) => socket.close()))
    }
  }
}

interface Parts {
  readonly kernel: Kernel
  readonly deleter: LinkDeleter
  readonly rules: ForwardRules
  readonly guard: PacketGuard
  readonly publisher: PortPublisher
  readonly policer: PacketPolicer
  /** Those that were ever set: they are listed, too. */
  readonly sysctls: Set<string>
  readonly marker: Marker
}

type Stage =
  | 'sysctl'
  | 'firewall'
  | 'guard'
  | 'source'
  | 'publisher'
  | 'ports'
  | 'policer'
  | 'policy'
  | 'link'
  | 'link delete'
  | 'shaper'
  | 'shaper delete'
  | 'mark'
  | 'entry'
  | 'announcement'
  | 'proxy'

/** So that a thousand endpoints at once do not hold up the event loop. Deletes are cheaper the more there are. */
const OPS_AT_ONCE = 64

/** Whoever watches tells the policer, too. */
function watch({ kernel, policer }: Parts, onChange: (change: HostChange) => void): () => void {
  const stop = monitor(kernel, (change) => {
    if (change.kind === 'policer' || change.lost) policer.watched(true)
    onChange(change)
  })
  policer.watched(true)
  return () => {
    policer.watched(false)
    stop()
  }
}

async function list(
  { kernel, rules, guard, publisher, policer, marker, sysctls }: Parts,
  wants: (kind: Kind) => boolean
): Promise<HostObject[]> {
  const [firewalls, guarded, published, policed, marks, objects] = await Promise.all([
    wants('firewall') ? rules.list() : [],
    guard.list(wants),
    publisher.list(wants),
    policer.list(wants),
    wants('mark') ? marker.list() : [],
    listNetlink(kernel, wants)
  ])
  return [
    ...(wants('sysctl') ? listSysctls(kernel.inside, sysctls) : []),
    ...firewalls,
    ...guarded,
    ...published,
    ...policed,
    ...marks,
    ...objects,
    ...(wants('proxy') ? await listProxies(kernel) : [])
  ]
}

async function facts({ kernel, rules }: Parts): Promise<HostFacts> {
  const [read, dockerForwards] = await Promise.all([readFacts(kernel), rules.dockerForwards()])
  return { ...read, dockerForwards }
}

async function apply(ops: readonly Op[], parts: Parts): Promise<Failures> {
  const failures: Failures = new Map()
  const indexes = new Map<string, number>()
  const coming = ops.flatMap(({ verb, object }) =>
    (object.kind === 'source' || object.kind === 'policy') && verb !== 'delete' ? [object] : []
  )
  for (const { stage, batch } of stagesOf(withoutDoomed(ops))) {
    for (const [key, error] of await applyStage(stage, batch, { ...parts, indexes, coming }))
      failures.set(key, error)
  }
  return failures
}

interface StageParts extends Parts {
  /** Of links that earlier stages have found, by name. */
  readonly indexes: Map<string, number>
  /** What this and later stages add to tables. */
  readonly coming: readonly (Source | Policy)[]
}

async function applyStage(
  stage: Stage,
  batch: readonly Op[],
  { kernel, deleter, rules, guard, publisher, policer, marker, sysctls, indexes, coming }: StageParts
): Promise<Failures> {
  switch (stage) {
    case 'sysctl':
      return setSysctls(batch, kernel, sysctls)
    case 'firewall':
      return rules.apply(batch)
    case 'guard':
      return guard.applyGuard(
        batch,
        coming.filter((object) => object.kind === 'source')
      )
    case 'source':
      return guard.applySources(batch)
    case 'publisher':
      return publisher.applyTable(batch)
    case 'ports':
      return publisher.applyElements(batch)
    case 'policer':
      return policer.applyTable(
        batch,
        coming.filter((object) => object.kind === 'policy')
      )
    case 'policy':
      return policer.applyPolicies(batch)
    case 'link': {
      const made = await changeLinks(batch, kernel)
      for (const [name, index] of made.indexes) indexes.set(name, index)
      return made.failures
    }
    case 'link delete':
      for (const { object } of batch) if (object.kind === 'link') indexes.delete(object.name)
      return deleter.delete(batch)
    case 'shaper':
      return changeShapers(batch, kernel)
    case 'shaper delete':
      return new Map([...(await endShapers(batch, kernel)), ...(await deleter.delete(batch))])
    case 'mark':
      return marker.apply(batch)
    case 'announcement':
      return changeAnnouncements(batch, kernel)
    case 'proxy':
      return changeProxies(batch, kernel)
    case 'entry':
      return changeEntries(batch, kernel, indexes)
  }
}

function setSysctls(batch: readonly Op[], { inside }: Kernel, set: Set<string>): Failures {
  for (const { object } of batch) if (object.kind === 'sysctl') set.add(object.key)
  return applySysctls(batch, inside)
}

/** What lives on a link that is deleted too, the kernel deletes with it. */
function withoutDoomed(ops: readonly Op[]): readonly Op[] {
  const doomed = new Set(
    ops.flatMap(({ verb, object }) => (verb === 'delete' && object.kind === 'link' ? object.name : []))
  )
  return ops.filter(({ verb, object }) => verb !== 'delete' || !doomed.has(linkOf(object) ?? ''))
}

/** Runs of operations that can be done together, in the order given. */
function stagesOf(ops: readonly Op[]): { stage: Stage; batch: Op[] }[] {
  const stages: { stage: Stage; batch: Op[] }[] = []
  for (const op of ops) {
    const stage = stageOf(op)
    const last = stages.at(-1)
    const isFull = last && last.batch.length >= OPS_AT_ONCE && stage !== 'link delete'
    if (last?.stage === stage && !isFull) last.batch.push(op)
    else stages.push({ stage, batch: [op] })
  }
  return stages
}

function stageOf({ verb, object: { kind } }: Op): Stage {
  switch (kind) {
    case 'sysctl':
    case 'firewall':
    case 'guard':
    case 'source':
    case 'publisher':
    case 'policer':
    case 'policy':
    case 'mark':
    case 'announcement':
    case 'proxy':
      return kind
    case 'shaper':
      return verb === 'delete' ? 'shaper delete' : 'shaper'
    case 'port':
    case 'exclusion':
    case 'hairpin':
      return 'ports'
    case 'link':
      return verb === 'delete' ? 'link delete' : 'link'
    default:
      return 'entry'
  }
}

/** Addresses that were given up. */
function addressesOf(ops: readonly Op[]): string[] {
  return ops.flatMap(({ verb, object }) => {
    if (verb !== 'delete') return []
    if (object.kind === 'source' || object.kind === 'port') return [object.address]
    if (object.kind !== 'route') return []
    const [address = '', length] = object.dst.split('/')
    return length === (isIPv6(address) ? '128' : '32') ? [address] : []
  })
}
