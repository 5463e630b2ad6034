/** Everything that decides, wired together. */
import { ConfiguredNetworks } from './cni/networks.js'
import { admitterOf, automaticOf, blocksOf, duplicatesOf, outlookOf } from './compose-others.js'
import type { Config } from './config.js'
import { DEFAULT_VTY } from './config-routing.js'
import { Additions } from './core/additions.js'
import type { Arrivals } from './core/routing/arrivals.js'
import { Attachments } from './core/attachments.js'
import type { Blocks } from './core/routing/blocks.js'
import { Committer } from './core/commit.js'
import { Drains } from './core/routing/drains.js'
import { Endpoints } from './core/endpoints.js'
import type { Duplicates } from './core/routing/duplicates.js'
import { HealthChecks } from './core/routing/health.js'
import type { Holds } from './core/routing/holds.js'
import { nameMemory } from './core/name-memory.js'
import { Names } from './core/names.js'
import type { RouterSessions } from './core/routing/router-sessions.js'
import { Networks } from './core/networks.js'
import type { Paths } from './core/paths.js'
import { routerViews } from './core/routing/router-views.js'
import { Routers } from './core/routing/routers.js'
import type { Engine } from './host/engine.js'
import type { ContainerEnds } from './host/ends.js'
import { namesIn } from './desired/policy.js'
import type { Host } from './host/host.js'
import type { Prober } from './host/prober.js'
import type { Lookup } from './host/lookup.js'
import { Reconciler } from './host/reconciler.js'
import type { Registry } from './host/registry.js'
import type { OpenVty } from './host/vty.js'
import { Ipam } from './ipam/ipam.js'
import type { Log } from './log.js'
import type { Records } from './store/records.js'
import type { Store } from './store/store.js'

export interface DaemonParts {
  readonly config: Config
  readonly host: Host
  readonly ends: ContainerEnds
  readonly registry: Registry
  readonly lookup: Lookup
  readonly store: Store
  /** Opens command sessions with the routing daemons whose sockets are in a directory. */
  readonly vty: (directory: string) => OpenVty
  /** What containers are checked with, if they are to be. */
  readonly prober: Prober
  readonly engine: Engine
  readonly log: Log
  readonly version: string
  readonly now: () => Date
}

/** What all front ends stand on. */
export interface Core {
  readonly records: Records
  readonly reconciler: Reconciler
  readonly committer: Committer
  readonly routers: Routers
  /** Absent where the routing daemons are not ours to configure: they read routes, which go at once. */
  readonly holds: Holds | undefined
  readonly duplicates: Duplicates | undefined
  readonly blocks: Blocks | undefined
  /** With the routing daemons, for those who ask often. */
  readonly sessions: RouterSessions | undefined
  readonly networks: Networks
  readonly endpoints: Endpoints
  readonly attachments: Attachments
  readonly additions: Additions
  /** Undefined until the kernel has told. */
  readonly paths: () => Paths | undefined
  readonly ipam: Ipam
  readonly configured: ConfiguredNetworks
  readonly drains: Drains
  /** Absent as `holds`. */
  readonly arrivals: Arrivals | undefined
  readonly health: HealthChecks
  /** DNS names in policies. */
  readonly names: Names
}

export function compose(parts: DaemonParts, records: Records, paths: () => Paths | undefined): Core {
  const { config, host, ends, store, log, now } = parts
  const reconciler = new Reconciler(host, log)
  const outlook = outlookOf(parts, records, reconciler)
  const holds = outlook?.holds
  const names = namesOf(parts, records, () => committer)
  const { addressesOf } = names
  const told = holds ? { holds } : {}
  const committer: Committer = new Committer({ store, records, reconciler, log, addressesOf, ...told })
  const routers = new Routers({ routing: config.routing, vty: parts.vty, records, committer, log })
  const changed = (): void => {
    routers.wake()
    blocks?.wake()
  }
  const networks = new Networks({ records, committer, host, log, changed })
  const admit = admitterOf(parts, outlook, { records, routers, reconciler }, () => blocks)
  const defaultMtu = (): number | undefined => config.mtu ?? paths()?.uplinkMtu
  const shared = { records, committer, reconciler, networks, log, now, defaultMtu, admit }
  const arrivals = outlook?.arrivals
  const endpoints = new Endpoints({ ...shared, ...(arrivals ? { arrivals } : {}) })
  const attachments = new Attachments({ ...shared, endpoints, ends, announces: holds !== undefined })
  const additions = new Additions({ records, ends, log })
  const blocks: Blocks | undefined =
    outlook && blocksOf(parts, outlook, { records, committer, endpoints, routers })
  const automatic = automaticOf(outlook, blocks)
  const ipam = new Ipam({ ...shared, ...automatic, endpoints, defaultPools: config.defaultAddressPool })
  const configured = new ConfiguredNetworks({ ...shared, ...defaultsIn(config), ipam })
  return {
    records,
    reconciler,
    committer,
    routers,
    holds,
    duplicates: outlook && duplicatesOf(parts, outlook, { records, endpoints }),
    sessions: outlook?.sessions,
    blocks,
    networks,
    endpoints,
    attachments,
    additions,
    paths,
    ipam,
    configured,
    drains: drainsOf(parts, { records, endpoints, routers }),
    arrivals,
    health: new HealthChecks({ ...shared, ...parts, endpoints, records }),
    names
  }
}

/** Of networks of CNI. */
function defaultsIn({
  gateway,
  gateway6,
  defaultAddressPool
}: Config): Pick<
  ConstructorParameters<typeof ConfiguredNetworks>[0],
  'gateway' | 'gateway6' | 'hasDefaultPools'
> {
  return {
    ...(gateway === undefined ? {} : { gateway }),
    ...(gateway6 === undefined ? {} : { gateway6 }),
    hasDefaultPools: defaultAddressPool.length > 0
  }
}

function drainsOf(
  { config, vty, log }: DaemonParts,
  core: Pick<Core, 'records' | 'endpoints' | 'routers'>
): Drains {
  const open = vty(config.routing?.vty ?? DEFAULT_VTY)
  const isKnown = async (): Promise<boolean> => {
    const { protocols } = await routerViews(open)
    return protocols.every(({ neighbours }) => neighbours.every(({ acknowledged }) => acknowledged !== false))
  }
  return new Drains({ ...core, isKnown, log })
}

/** Whoever has a name in a policy is told what DNS says of it. */
function namesOf({ lookup, log, now }: DaemonParts, records: Records, committer: () => Committer): Names {
  const usersOf = (name: string): string[] =>
    records
      .all('endpoint')
      .filter((endpoint) => namesIn(endpoint).includes(name))
      .map(({ id }) => id)
  const changed = (ids: readonly string[]): Promise<void> => committer().refresh(ids)
  const memory = nameMemory({ records, committer, now })
  return new Names({ lookup, usersOf, changed, memory, log })
}
