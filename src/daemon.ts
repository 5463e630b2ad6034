/**
 * The daemon without its process: records loaded, kernel brought to what they say, methods ready to be served. Tests
 * start it on a FakeHost and a MemoryStore; main.ts on the real ones.
 */
import { ipamDriver } from './cnm/ipam-driver.js'
import { networkDriver } from './cnm/network-driver.js'
import { cniPlugin } from './cni/plugin.js'
import { compose } from './compose.js'
import type { Core, DaemonParts } from './compose.js'
import type { HostFacts } from './host/host.js'
import type { Reconciler } from './host/reconciler.js'
import { forget, planRouting, showMap, verifyRoutes } from './admin.js'
import { drain, undrain } from './admin-drain.js'
import { setOptions } from './admin-set.js'
import { DEFAULT_VTY } from './config-routing.js'
import { operationalNow, statesNow } from './core/operational.js'
import { PathWatch } from './core/paths.js'
import { repairMissed } from './core/routing/verify.js'
import type { VerifyParts } from './core/routing/verify.js'
import { askedBy, neededDaemons } from './desired/routing.js'
import { linksOf } from './model/routing.js'
import { RoutedError, UnavailableError } from './errors.js'
import type { Methods, Pages } from './http.js'
import type { Log } from './log.js'
import { Metrics } from './metrics.js'
import { policiesOf } from './policy-status.js'
import { metricsText, statusOf } from './status.js'
import type { StatusParts } from './status.js'
import { Records } from './store/records.js'
import { watch } from './upkeep.js'
import type { WatchParts } from './upkeep.js'

/** Without what DNS says, containers could not open connections that they may open. */
const NAMES_MS = 2000
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export interface Daemon {
  readonly methods: Methods
  readonly pages: Pages
  readonly metrics: Metrics
  readonly records: Records
  readonly reconciler: Reconciler
  /** Destinations that are announced without a container. */
  readonly held: () => readonly string[]
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
 * with UnavailableError if the kernel does not list what it has. While records are read, programs read the firewall.
 */
export async function loadDaemon(
  parts: DaemonParts
): Promise<{ readonly daemon: Daemon; readonly ready: Promise<void> }> {
  const { host, store, log } = parts
  const startedAt = parts.now()
  const facts = host.facts()
  facts.catch(() => undefined)
  const records = await Records.load(store)
  for (const broken of records.broken) log.error('record set aside, it cannot be read', { ...broken })
  const paths = new PathWatch({
    records,
    log,
    links: parts.config.routing ? linksOf(parts.config.routing) : []
  })
  const core = compose(parts, records, () => paths.known)
  const { reconciler, committer, routers, networks } = core
  const metrics = new Metrics()
  const look = async (known?: HostFacts): Promise<void> => {
    const found = known ?? (await host.facts())
    paths.learn(found)
    routers.learn(found)
    routers.wake()
  }
  const steps = stepsOf(parts, core, look)
  const upkeep = (): Promise<void> => allOf(steps, log)
  committer.adopt()
  let unwatch = (): void => undefined
  const ready = (async () => {
    const found = await facts
    await firstPass(core)
    await networks.claimSettings(found)
    await finishContainers(core)
    await look(found)
    unwatch = lookOut(core, { host, log, metrics, upkeep, look })
    metrics.startSeconds = performance.now() / 1000
  })()
  ready.catch(() => undefined)
  const daemon: Daemon = {
    methods: methodsOf(parts, core, ready),
    pages: pagesOf({ ...core, host, metrics, version: parts.version, startedAt }, ready),
    metrics,
    records,
    reconciler,
    held: () => core.holds?.destinations ?? [],
    upkeep,
    stop: () => stopCore(core, unwatch)
  }
  return { daemon, ready }
}

function operational(core: Core, id: string): object | undefined {
  const endpoint = core.records.get('endpoint', id)
  return endpoint && operationalNow(endpoint, core)
}

/** What a crash may have left half done in containers. */
async function finishContainers({ attachments, additions }: Core): Promise<void> {
  await attachments.dropUnanswered()
  await additions.settleAll()
}

/** Brings the kernel to what the records say. */
async function firstPass({ names, committer, reconciler }: Core): Promise<void> {
  if (await names.begin(NAMES_MS)) committer.adopt()
  if (!(await reconciler.resync()))
    throw new UnavailableError('the kernel does not list its links and routes')
  await names.keep()
}

/** What is the same whatever the host has is answered at once: dockerd's first questions. */
const CONSTANT: ReadonlySet<string> = new Set([
  'Plugin.Activate',
  'NetworkDriver.GetCapabilities',
  'IpamDriver.GetCapabilities',
  'IpamDriver.GetDefaultAddressSpaces'
])

function methodsOf(parts: DaemonParts, core: Core, ready: Promise<void>): Methods {
  const { config, ends, registry, log, engine } = parts
  const named = { ...core, engine }
  const methods: Methods = {
    'Plugin.Activate': () => Promise.resolve({ body: { Implements: ['NetworkDriver', 'IpamDriver'] } }),
    ...networkDriver({
      ...config,
      ...core,
      host: parts.host,
      log,
      operational: (id) => operational(core, id)
    }),
    ...ipamDriver({ ...config, ...core }),
    ...cniPlugin({ ...core, ends, registry, log, hostFaults: () => hostFaults(core.reconciler) }),
    'Admin.Forget': (body) => forget(core, body),
    'Admin.Drain': (body) => drain(config, named, body),
    'Admin.Undrain': (body) => undrain(named, body),
    'Admin.Set': (body) => setOptions(named, body),
    'Admin.Routing': (body) => planRouting(core.routers, body),
    'Admin.Verify': (body) => verifyRoutes(verifyParts(parts, core), body),
    'Admin.Map': (body) => showMap(verifyParts(parts, core).open, body)
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

/** Begins with what goes on by itself. Returns how to stop following the kernel. */
function lookOut(
  { reconciler, additions, arrivals, health, duplicates, blocks, routers }: Core,
  parts: Omit<WatchParts, 'reconciler' | 'additions' | 'runs' | 'hides'>
): () => void {
  health.start()
  duplicates?.start()
  blocks?.start()
  const hides: WatchParts['hides'] = (dst) => {
    routers.hide(dst)
  }
  return watch({ ...parts, reconciler, additions, runs: (link) => arrivals?.runs(link), hides })
}

async function stopCore(core: Core, unwatch: () => void): Promise<void> {
  const { routers, holds, names, arrivals, health, duplicates, blocks, sessions } = core
  unwatch()
  routers.stop()
  names.stop()
  arrivals?.stop()
  health.stop()
  duplicates?.stop()
  blocks?.stop()
  await holds?.stop()
  sessions?.close()
}

/** What is done from time to time, in this order. */
function stepsOf(
  parts: DaemonParts,
  core: Core,
  learn: () => Promise<void>
): readonly (() => Promise<unknown>)[] {
  const { reconciler, endpoints, ipam, configured, networks, committer } = core
  let suspects: ReadonlySet<string> = new Set()
  return [
    learn,
    () => reconciler.resync(),
    () => endpoints.collect(),
    () => core.additions.settleAll(),
    () => ipam.collect(),
    () => configured.collect(),
    () => networks.collect(),
    () => committer.retryWrites(),
    () => Promise.resolve(void core.drains.finish()),
    async () => (suspects = await repairRouters(parts, core, suspects))
  ]
}

/** What no container can do without. */
function hostFaults({ faults }: Reconciler): string[] {
  return [...faults].flatMap(([key, { message }]) =>
    /^(sysctl net\.(ipv4\.ip_forward|ipv6\.conf\.all)|firewall|guard|policer)/.test(key) ? [message] : []
  )
}

/** A routing daemon that has just been asked something may still be at work on a change. */
const CHANGES_TAKE_MS = 500

function verifyParts({ config, host, vty }: DaemonParts, core: Core): VerifyParts {
  const { routing } = config
  const { records, reconciler, holds, duplicates } = core
  return {
    records,
    host,
    reconciler,
    ...(holds ? { holds } : {}),
    duplicates: () => duplicates?.all ?? [],
    faults: () => core.routers.faults,
    renew: (daemons) => core.routers.renew(daemons),
    giveAgain: (daemons) => core.routers.giveAgain(daemons),
    asked: routing ? askedBy(routing) : {},
    noteHidden: (hidden) => {
      core.routers.noteHidden(hidden)
    },
    open: vty(routing?.vty ?? DEFAULT_VTY),
    needed: routing && neededDaemons(routing).all ? neededDaemons(routing).names : ['zebra'],
    settle: () => new Promise((resolve) => setTimeout(resolve, CHANGES_TAKE_MS))
  }
}

/** Only where the routing daemon is ours to configure. */
async function repairRouters(
  parts: DaemonParts,
  core: Core,
  before: ReadonlySet<string>
): Promise<ReadonlySet<string>> {
  const { routers } = core
  const isThere = routers.states.some(({ state }) => state !== 'absent')
  if (!parts.config.routing || !isThere) {
    routers.noteZebra(undefined)
    return new Set()
  }
  const { told, suspects, silence } = await repairMissed(verifyParts(parts, core), before)
  routers.noteZebra(silence)
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

function pagesOf(status: StatusParts, ready: Promise<void>): Pages {
  return {
    '/status': async () => {
      await ready
      const policies = await policiesOf(status.host)
      return { type: 'application/json', text: JSON.stringify(await statusOf(status, policies)) }
    },
    '/states': async () => {
      await ready
      return { type: 'application/json', text: JSON.stringify(statesNow(status)) }
    },
    '/metrics': async () => {
      await ready
      return { type: METRICS_TYPE, text: await metricsText(status) }
    }
  }
}
