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
import { UnavailableError, messageOf } from './errors.js'
import type { Host } from './host/host.js'
import type { Kind } from './host/objects.js'
import { Reconciler } from './host/reconciler.js'
import type { Methods, Pages } from './http.js'
import { Ipam } from './ipam/ipam.js'
import type { Log } from './log.js'
import { Metrics } from './metrics.js'
import { metricsText, statusOf } from './status.js'
import { Records } from './store/records.js'
import type { Store } from './store/store.js'

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
  readonly endpoints: Endpoints
  /** Ends timers and kernel events; links, routes and records stay. */
  stop(): void
}

/** Reads everything again this often, for what no kernel event tells (iptables-legacy, lost events). */
const SWEEP_MS = 30_000
/** Events come in bursts, and the kernel's own follow-ups are part of one. */
const EVENT_DELAY_MS = 50
/** dockerd takes its jump away and puts it back whenever it makes a network; what is in between must not be repaired. */
const FIREWALL_DELAY_MS = 300
/** An engine that still knows an endpoint without link has deleted it by then. */
const LOST_LIMIT_MS = 600_000

/** Loads, repairs, and then is ready. Throws StoreError where records cannot be read at all. */
export async function startDaemon(parts: DaemonParts): Promise<Daemon> {
  const { config, host, store, log, now } = parts
  const startedAt = now()
  const records = await Records.load(store)
  for (const broken of records.broken) log.error('record set aside, it cannot be read', { ...broken })
  const reconciler = new Reconciler(host, log)
  const committer = new Committer({ store, records, reconciler, log })
  const networks = new Networks({ records, committer, host, log })
  const facts = await host.facts()
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
  const status = { version: parts.version, records, reconciler, metrics, startedAt }
  const upkeep = async (): Promise<void> => {
    uplinkMtu = (await host.facts()).uplinkMtu
    await reconciler.resync()
    await endpoints.collect(LOST_LIMIT_MS)
  }
  const stop = watch({ host, reconciler, log, upkeep })
  return {
    methods: {
      'Plugin.Activate': () => Promise.resolve({ body: { Implements: ['NetworkDriver', 'IpamDriver'] } }),
      ...networkDriver({ ...config, networks, endpoints, ipam, log }),
      ...ipamDriver({ ...config, ipam }),
      'Admin.Forget': (body) => forget({ records, networks, ipam }, body)
    },
    pages: {
      '/status': () => ({ type: 'application/json', text: JSON.stringify(statusOf(status)) }),
      '/metrics': () => ({ type: 'text/plain', text: metricsText(status) })
    },
    metrics,
    records,
    reconciler,
    endpoints,
    stop
  }
}

interface WatchParts {
  readonly host: Host
  readonly reconciler: Reconciler
  readonly log: Log
  readonly upkeep: () => Promise<void>
}

/** Repairs soon after a kernel event that concerns us, and looks at everything from time to time. */
function watch({ host, reconciler, log, upkeep }: WatchParts): () => void {
  const timers = new Map<number, NodeJS.Timeout>()
  const failed = (error: unknown): void => {
    log.error('repair failed, will be tried again', { err: messageOf(error) })
  }
  const repairAfter = (ms: number, kinds?: readonly Kind[]): void => {
    if (timers.has(ms)) return
    const repair = (): void => {
      timers.delete(ms)
      reconciler.resync(kinds).catch(failed)
    }
    timers.set(ms, setTimeout(repair, ms))
  }
  const unwatch = host.watch((change) => {
    if (!reconciler.concerns(change)) return
    log.debug('kernel event', { ...change })
    if (change.kind === 'firewall') repairAfter(FIREWALL_DELAY_MS, ['firewall'])
    else repairAfter(EVENT_DELAY_MS)
  })
  const sweep = setInterval(() => {
    upkeep().catch(failed)
  }, SWEEP_MS)
  return () => {
    unwatch()
    clearInterval(sweep)
    for (const timer of timers.values()) clearTimeout(timer)
  }
}
