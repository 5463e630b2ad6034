/**
 * The daemon without its process: records loaded, kernel brought to what they say, methods ready to be served. Tests
 * start it on a FakeHost and a MemoryStore; main.ts on the real ones.
 */
import type { Config } from './config.js'
import { ipamDriver } from './cnm/ipam-driver.js'
import { networkDriver } from './cnm/network-driver.js'
import { ConfiguredNetworks } from './cni/networks.js'
import { cniPlugin } from './cni/plugin.js'
import { forget, planRouting, verifyRoutes } from './admin.js'
import { DEFAULT_VTY } from './config-routing.js'
import { Attachments } from './core/attachments.js'
import { Committer } from './core/commit.js'
import { Elsewhere } from './core/elsewhere.js'
import { Endpoints } from './core/endpoints.js'
import { Holds } from './core/holds.js'
import { Networks } from './core/networks.js'
import { Routers } from './core/routers.js'
import { repairMissed } from './core/verify.js'
import type { VerifyParts } from './core/verify.js'
import { neededDaemons } from './desired/routing.js'
import { RoutedError, UnavailableError } from './errors.js'
import type { ContainerEnds } from './host/ends.js'
import type { Host, HostFacts } from './host/host.js'
import type { Registry } from './host/registry.js'
import type { OpenVty } from './host/vty.js'
import { Reconciler } from './host/reconciler.js'
import type { Methods, Pages } from './http.js'
import { Ipam } from './ipam/ipam.js'
import type { Log } from './log.js'
import { Metrics } from './metrics.js'
import { metricsText, statusOf } from './status.js'
import type { StatusParts } from './status.js'
import { Records } from './store/records.js'
import type { Store } from './store/store.js'
import { watch } from './upkeep.js'

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export interface DaemonParts {
  readonly config: Config
  readonly host: Host
  readonly ends: ContainerEnds
  readonly registry: Registry
  readonly store: Store
  /** Opens command sessions with the routing daemons whose sockets are in a directory. */
  readonly vty: (directory: string) => OpenVty
  readonly log: Log
  readonly version: string
  readonly now: () => Date
}

export interface Daemon {
  readonly methods: Methods
  readonly pages: Pages
  readonly metrics: Metrics
  readonly records: Records
  readonly reconciler: Reconciler
  /** Reads everything again, repairs, and tries again what failed before. Runs by itself every 30 s. */
  upkeep(): Promise<void>
  /** Ends timers and kernel events; links, routes and records stay, and what is only held goes. */
  stop(): Promise<void>
}

/** Loads, repairs, and then is ready. Throws StoreError where records cannot be read at all. */
export async function startDaemon(parts: DaemonParts): Promise<Daemon> {
  const { daemon, ready } = await loadDaemon(parts)
  await ready
  return daemon
}

/**
 * As soon as the records are read, so that sockets can be opened: requests that need the kernel wait until `ready`. It fails
 * with UnavailableError if the kernel does not list what it has.
 */
export async function loadDaemon(
  parts: DaemonParts
): Promise<{ readonly daemon: Daemon; readonly ready: Promise<void> }> {
  const { host, store, log } = parts
  const startedAt = parts.now()
  // Programs that read the firewall run meanwhile.
  const facts = host.facts()
  facts.catch(() => undefined)
  const records = await Records.load(store)
  for (const broken of records.broken) log.error('record set aside, it cannot be read', { ...broken })
  let uplinkMtu: number | undefined
  const core = compose(parts, records, () => uplinkMtu)
  const { reconciler, committer, routers, networks, attachments } = core
  const metrics = new Metrics()
  const learn = (found: HostFacts): void => {
    uplinkMtu = found.uplinkMtu
    routers.learn(found)
    routers.wake()
  }
  const steps = stepsOf(parts, core, async () => {
    learn(await host.facts())
  })
  const upkeep = (): Promise<void> => allOf(steps, log)
  committer.adopt()
  let unwatch = (): void => undefined
  const ready = (async () => {
    const found = await facts
    if (!(await reconciler.resync()))
      throw new UnavailableError('the kernel does not list its links and routes')
    await networks.claimSettings(found)
    await attachments.dropUnanswered()
    learn(found)
    unwatch = watch({ host, reconciler, log, metrics, upkeep })
    metrics.startSeconds = performance.now() / 1000
  })()
  ready.catch(() => undefined)
  const daemon: Daemon = {
    methods: methodsOf(parts, core, ready),
    pages: pagesOf({ ...core, host, metrics, version: parts.version, startedAt }, ready),
    metrics,
    records,
    reconciler,
    upkeep,
    stop: async () => {
      unwatch()
      routers.stop()
      await core.holds?.stop()
    }
  }
  return { daemon, ready }
}

/** Everything that decides, wired together. */
interface Core {
  readonly records: Records
  readonly reconciler: Reconciler
  readonly committer: Committer
  readonly routers: Routers
  readonly holds: Holds | undefined
  readonly networks: Networks
  readonly endpoints: Endpoints
  readonly attachments: Attachments
  readonly ipam: Ipam
  readonly configured: ConfiguredNetworks
}

function compose(parts: DaemonParts, records: Records, uplinkMtu: () => number | undefined): Core {
  const { config, host, ends, store, log, now } = parts
  const reconciler = new Reconciler(host, log)
  const holds = holdsOf(parts, reconciler)
  const committer = new Committer({ store, records, reconciler, log, ...(holds ? { holds } : {}) })
  const routers = new Routers({ routing: config.routing, vty: parts.vty, records, committer, log })
  const changed = (): void => {
    routers.wake()
  }
  const networks = new Networks({ records, committer, host, log, changed })
  const defaultMtu = (): number | undefined => config.mtu ?? uplinkMtu()
  const shared = { records, committer, reconciler, networks, log, now, defaultMtu }
  const endpoints = new Endpoints(shared)
  const attachments = new Attachments({ ...shared, endpoints, ends, announces: holds !== undefined })
  const ipam = new Ipam({ ...shared, endpoints, defaultPools: config.defaultAddressPool })
  const configured = configuredNetworks({ records, networks, ipam, log }, config)
  return {
    records,
    reconciler,
    committer,
    routers,
    holds,
    networks,
    endpoints,
    attachments,
    ipam,
    configured
  }
}

function configuredNetworks(
  core: { records: Records; networks: Networks; ipam: Ipam; log: Log },
  { gateway, gateway6, defaultAddressPool }: Config
): ConfiguredNetworks {
  return new ConfiguredNetworks({
    ...core,
    ...(gateway === undefined ? {} : { gateway }),
    ...(gateway6 === undefined ? {} : { gateway6 }),
    hasDefaultPools: defaultAddressPool.length > 0
  })
}

/** Absent where the routing daemons are not ours to configure: they read routes, which go at once. */
function holdsOf({ config, vty, log }: DaemonParts, reconciler: Reconciler): Holds | undefined {
  const { routing } = config
  if (!routing) return undefined
  const elsewhere = new Elsewhere(vty(routing.vty))
  return new Holds({ grace: routing.grace * 1000, reconciler, elsewhere: (all) => elsewhere.of(all), log })
}

/** What is the same whatever the host has is answered at once: dockerd's first questions. */
const CONSTANT: ReadonlySet<string> = new Set([
  'Plugin.Activate',
  'NetworkDriver.GetCapabilities',
  'IpamDriver.GetCapabilities',
  'IpamDriver.GetDefaultAddressSpaces'
])

function methodsOf(parts: DaemonParts, core: Core, ready: Promise<void>): Methods {
  const { config, ends, registry, log } = parts
  const methods: Methods = {
    'Plugin.Activate': () => Promise.resolve({ body: { Implements: ['NetworkDriver', 'IpamDriver'] } }),
    ...networkDriver({ ...config, ...core, log }),
    ...ipamDriver({ ...config, ...core }),
    ...cniPlugin({ ...core, ends, registry, log, hostFaults: () => hostFaults(core.reconciler) }),
    'Admin.Forget': (body) => forget(core, body),
    'Admin.Routing': (body) => planRouting(core.routers, body),
    'Admin.Verify': (body) => verifyRoutes(verifyParts(parts, core), body)
  }
  const later =
    (handle: Methods[string]): Methods[string] =>
    async (body) => {
      await ready
      return handle(body)
    }
  return Object.fromEntries(
    Object.entries(methods).map(([name, handle]) => [name, CONSTANT.has(name) ? handle : later(handle)])
  )
}

/** What is done from time to time, in this order. */
function stepsOf(
  parts: DaemonParts,
  core: Core,
  learn: () => Promise<void>
): readonly (() => Promise<unknown>)[] {
  const { reconciler, endpoints, ipam, configured, networks, committer } = core
  return [
    learn,
    () => reconciler.resync(),
    () => endpoints.collect(),
    () => ipam.collect(),
    () => configured.collect(),
    () => networks.collect(),
    () => committer.retryWrites(),
    () => repairRouters(parts, core)
  ]
}

/** A routing daemon that has just been asked something may still be at work on a change. */
const CHANGES_TAKE_MS = 500

function verifyParts({ config, host, vty }: DaemonParts, { records, reconciler, holds }: Core): VerifyParts {
  const { routing } = config
  return {
    records,
    host,
    reconciler,
    ...(holds ? { holds } : {}),
    open: vty(routing?.vty ?? DEFAULT_VTY),
    needed: ['zebra', ...(routing && neededDaemons(routing).all ? neededDaemons(routing).names : [])],
    settle: () => new Promise((resolve) => setTimeout(resolve, CHANGES_TAKE_MS))
  }
}

/** Only where the routing daemon is ours to configure. */
async function repairRouters(parts: DaemonParts, core: Core): Promise<void> {
  if (!parts.config.routing || core.routers.states.every(({ state }) => state === 'absent')) return
  const told = await repairMissed(verifyParts(parts, core))
  if (told > 0) parts.log.warn('routing daemon has missed kernel routes, told again', { routes: told })
}

/** One after the other; what is refused is logged and tried again the next time. */
async function allOf(steps: readonly (() => Promise<unknown>)[], log: Log): Promise<void> {
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      log.warn('upkeep refused, will be tried again', { err: error.message })
    }
  }
}

/** What no container can do without. */
function hostFaults({ faults }: Reconciler): string[] {
  return [...faults].flatMap(([key, { message }]) => (/^(sysctl|firewall|guard)/.test(key) ? [message] : []))
}

function pagesOf(status: StatusParts, ready: Promise<void>): Pages {
  return {
    '/status': async () => {
      await ready
      return { type: 'application/json', text: JSON.stringify(statusOf(status)) }
    },
    '/metrics': async () => {
      await ready
      return { type: METRICS_TYPE, text: await metricsText(status) }
    }
  }
}
