/**
 * The daemon without its process: records loaded, kernel brought to what they say, methods ready to be served. Tests
 * start it on a FakeHost and a MemoryStore; main.ts on the real ones.
 */
import type { Config } from './config.js'
import { ipamDriver } from './cnm/ipam-driver.js'
import { networkDriver } from './cnm/network-driver.js'
import { ConfiguredNetworks } from './cni/networks.js'
import { cniPlugin } from './cni/plugin.js'
import { forget } from './admin.js'
import { Attachments } from './core/attachments.js'
import { Committer } from './core/commit.js'
import { Endpoints } from './core/endpoints.js'
import { Networks } from './core/networks.js'
import { RoutedError, UnavailableError } from './errors.js'
import type { ContainerEnds } from './host/ends.js'
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

export interface DaemonParts {
  readonly config: Config
  readonly host: Host
  readonly ends: ContainerEnds
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
  let { uplinkMtu } = facts
  const core = coreOf(parts, records, () => config.mtu ?? uplinkMtu)
  const { reconciler, committer, networks, endpoints, attachments, ipam, configured } = core
  committer.adopt()
  if (!(await reconciler.resync()))
    throw new UnavailableError('the kernel does not list its links and routes')
  await networks.claimSettings(facts)
  await attachments.dropUnanswered()
  const metrics = new Metrics()
  const status = { version: parts.version, records, reconciler, metrics, startedAt }
  const steps = [
    async () => ({ uplinkMtu } = await host.facts()),
    () => reconciler.resync(),
    () => endpoints.collect(),
    () => ipam.collect(),
    () => configured.collect(),
    () => networks.collect(),
    () => committer.retryWrites()
  ]
  return {
    methods: {
      'Plugin.Activate': () => Promise.resolve({ body: { Implements: ['NetworkDriver', 'IpamDriver'] } }),
      ...networkDriver({ ...config, networks, endpoints, ipam, log }),
      ...ipamDriver({ ...config, ipam }),
      ...cniPlugin({ records, configured, attachments, ipam, log, hostFaults: () => hostFaults(reconciler) }),
      'Admin.Forget': (body) => forget({ records, networks, ipam }, body)
    },
    pages: pagesOf(status),
    metrics,
    records,
    reconciler,
    upkeep: () => allOf(steps, log),
    stop: watch({ host, reconciler, log, upkeep: () => allOf(steps, log) })
  }
}

/** What both front ends stand on. */
interface Core {
  readonly reconciler: Reconciler
  readonly committer: Committer
  readonly networks: Networks
  readonly endpoints: Endpoints
  readonly attachments: Attachments
  readonly ipam: Ipam
  readonly configured: ConfiguredNetworks
}

function coreOf(parts: DaemonParts, records: Records, defaultMtu: () => number | undefined): Core {
  const { config, host, ends, store, log, now } = parts
  const { gateway, gateway6, defaultAddressPool } = config
  const reconciler = new Reconciler(host, log)
  const committer = new Committer({ store, records, reconciler, log })
  const networks = new Networks({ records, committer, host, log })
  const shared = { records, committer, reconciler, networks, log, now, defaultMtu }
  const endpoints = new Endpoints(shared)
  const attachments = new Attachments({ ...shared, endpoints, ends })
  const ipam = new Ipam({ ...shared, endpoints, defaultPools: defaultAddressPool })
  const configured = new ConfiguredNetworks({
    ...shared,
    ipam,
    ...(gateway === undefined ? {} : { gateway }),
    ...(gateway6 === undefined ? {} : { gateway6 }),
    hasDefaultPools: defaultAddressPool.length > 0
  })
  return { reconciler, committer, networks, endpoints, attachments, ipam, configured }
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

function pagesOf(status: StatusParts): Pages {
  return {
    '/status': () => ({ type: 'application/json', text: JSON.stringify(statusOf(status)) }),
    '/metrics': () => ({ type: 'text/plain', text: metricsText(status) })
  }
}
