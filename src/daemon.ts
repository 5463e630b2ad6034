/**
 * The daemon without its process: records loaded, kernel brought to what they say, methods ready to be served. Tests
 * start it on a FakeHost and a MemoryStore; main.ts on the real ones.
 */
import type { Config } from './config.js'
import { ipamDriver } from './cnm/ipam-driver.js'
import { networkDriver } from './cnm/network-driver.js'
import { forget } from './admin.js'
import { Committer } from './core/commit.js'
import { Endpoints } from './core/endpoints.js'
import { Networks } from './core/networks.js'
import { RoutedError, UnavailableError } from './errors.js'
import type { Host } from './host/host.js'
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
  const { config, host, store, log, now } = parts
  const startedAt = now()
  // Programs that read the firewall run meanwhile.
  const [facts, records] = await Promise.all([host.facts(), Records.load(store)])
  for (const broken of records.broken) log.error('record set aside, it cannot be read', { ...broken })
  const reconciler = new Reconciler(host, log)
  const committer = new Committer({ store, records, reconciler, log })
  const networks = new Networks({ records, committer, host, log })
  let { uplinkMtu } = facts
  const endpoints = new Endpoints({
    records,
    committer,
    reconciler,
    networks,
    log,
    now,
    defaultMtu: () => config.mtu ?? uplinkMtu
  })
  const ipam = new Ipam({ records, committer, endpoints, log, now, defaultPools: config.defaultAddressPool })
  committer.adopt()
  if (!(await reconciler.resync()))
    throw new UnavailableError('the kernel does not list its links and routes')
  await networks.claimSettings(facts)
  const metrics = new Metrics()
  const shared = { metrics, records, reconciler }
  const status = { ...shared, committer, endpoints, host, version: parts.version, startedAt }
  metrics.startSeconds = performance.now() / 1000
  const steps = [
    async () => ({ uplinkMtu } = await host.facts()),
    () => reconciler.resync(),
    () => endpoints.collect(),
    () => ipam.collect(),
    () => networks.collect(),
    () => committer.retryWrites()
  ]
  return {
    methods: {
      'Plugin.Activate': () => Promise.resolve({ body: { Implements: ['NetworkDriver', 'IpamDriver'] } }),
      ...networkDriver({ ...config, networks, endpoints, ipam, log }),
      ...ipamDriver({ ...config, ipam }),
      'Admin.Forget': (body) => forget({ records, networks, ipam }, body)
    },
    pages: pagesOf(status),
    ...shared,
    upkeep: () => allOf(steps, log),
    stop: watch({ host, reconciler, log, metrics, upkeep: () => allOf(steps, log) })
  }
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
