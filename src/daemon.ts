/**
 * The daemon without its process: records loaded, kernel brought to what they say, methods ready to be served. Tests
 * start it on a FakeHost and a MemoryStore; main.ts on the real ones.
 */
import type { Config } from './config.js'
import { ipamDriver } from './cnm/ipam-driver.js'
import { networkDriver } from './cnm/network-driver.js'
import { forget, planRouting, showMap, verifyRoutes } from './admin.js'
import { DEFAULT_VTY } from './config-routing.js'
import { Committer } from './core/commit.js'
import { Endpoints } from './core/endpoints.js'
import { Networks } from './core/networks.js'
import { Routers } from './core/routers.js'
import { repairMissed } from './core/verify.js'
import type { VerifyParts } from './core/verify.js'
import { neededDaemons } from './desired/routing.js'
import { RoutedError, UnavailableError } from './errors.js'
import type { Host } from './host/host.js'
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
  /** Ends timers and kernel events; links, routes and records stay. */
  stop(): void
}

/** Loads, repairs, and then is ready. Throws StoreError where records cannot be read at all. */
export async function startDaemon(parts: DaemonParts): Promise<Daemon> {
  const { host, store, log } = parts
  const startedAt = parts.now()
  // Programs that read the firewall run meanwhile.
  const [facts, records] = await Promise.all([host.facts(), Records.load(store)])
  for (const broken of records.broken) log.error('record set aside, it cannot be read', { ...broken })
  let { uplinkMtu } = facts
  const core = compose(parts, records, () => uplinkMtu)
  const { reconciler, committer, routers, networks, endpoints, ipam } = core
  committer.adopt()
  if (!(await reconciler.resync()))
    throw new UnavailableError('the kernel does not list its links and routes')
  await networks.claimSettings(facts)
  routers.learn(facts)
  routers.wake()
  const metrics = new Metrics()
  metrics.startSeconds = performance.now() / 1000
  let suspects: ReadonlySet<string> = new Set()
  const steps = [
    async () => {
      const found = await host.facts()
      uplinkMtu = found.uplinkMtu
      routers.learn(found)
      routers.wake()
    },
    () => reconciler.resync(),
    () => endpoints.collect(),
    () => ipam.collect(),
    () => networks.collect(),
    () => committer.retryWrites(),
    async () => (suspects = await repairRouters(parts, core, suspects))
  ]
  const upkeep = (): Promise<void> => allOf(steps, log)
  const unwatch = watch({ host, reconciler, log, metrics, upkeep })
  return {
    methods: methodsOf(parts, core),
    pages: pagesOf({ ...core, host, metrics, version: parts.version, startedAt }),
    metrics,
    records,
    reconciler,
    upkeep,
    stop: () => {
      unwatch()
      routers.stop()
    }
  }
}

/** Everything that decides, wired together. */
interface Core {
  readonly records: Records
  readonly reconciler: Reconciler
  readonly committer: Committer
  readonly routers: Routers
  readonly networks: Networks
  readonly endpoints: Endpoints
  readonly ipam: Ipam
}

function compose(parts: DaemonParts, records: Records, uplinkMtu: () => number | undefined): Core {
  const { config, host, store, log, now } = parts
  const reconciler = new Reconciler(host, log)
  const committer = new Committer({ store, records, reconciler, log })
  const routers = new Routers({ routing: config.routing, vty: parts.vty, records, committer, log })
  const changed = (): void => {
    routers.wake()
  }
  const networks = new Networks({ records, committer, host, log, changed })
  const defaultMtu = (): number | undefined => config.mtu ?? uplinkMtu()
  const endpoints = new Endpoints({ records, committer, reconciler, networks, log, now, defaultMtu })
  const ipam = new Ipam({ records, committer, endpoints, log, now, defaultPools: config.defaultAddressPool })
  return { records, reconciler, committer, routers, networks, endpoints, ipam }
}

function methodsOf(parts: DaemonParts, core: Core): Methods {
  const { config, log } = parts
  return {
    'Plugin.Activate': () => Promise.resolve({ body: { Implements: ['NetworkDriver', 'IpamDriver'] } }),
    ...networkDriver({ ...config, ...core, log }),
    ...ipamDriver({ ...config, ...core }),
    'Admin.Forget': (body) => forget(core, body),
    'Admin.Routing': (body) => planRouting(core.routers, body),
    'Admin.Verify': (body) => verifyRoutes(verifyParts(parts, core), body),
    'Admin.Map': (body) => showMap(verifyParts(parts, core).open, body)
  }
}

/** A routing daemon that has just been asked something may still be at work on a change. */
const CHANGES_TAKE_MS = 500

function verifyParts({ config, host, vty }: DaemonParts, { records, reconciler }: Core): VerifyParts {
  const { routing } = config
  return {
    records,
    host,
    reconciler,
    open: vty(routing?.vty ?? DEFAULT_VTY),
    needed: ['zebra', ...(routing && neededDaemons(routing).all ? neededDaemons(routing).names : [])],
    settle: () => new Promise((resolve) => setTimeout(resolve, CHANGES_TAKE_MS))
  }
}

/** Only where the routing daemon is ours to configure. */
async function repairRouters(
  parts: DaemonParts,
  core: Core,
  before: ReadonlySet<string>
): Promise<ReadonlySet<string>> {
  const isThere = core.routers.states.some(({ state }) => state !== 'absent')
  if (!parts.config.routing || !isThere) return new Set()
  const { told, suspects } = await repairMissed(verifyParts(parts, core), before)
  if (told > 0) parts.log.warn('routing daemon has missed kernel routes, told again', { routes: told })
  return suspects
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

function pagesOf(status: StatusParts): Pages {
  return {
    '/status': () => Promise.resolve({ type: 'application/json', text: JSON.stringify(statusOf(status)) }),
    '/metrics': async () => ({ type: METRICS_TYPE, text: await metricsText(status) })
  }
}
