/** The whole daemon on fakes. Everything a test starts here is stopped when the test is done, failed or not. */
import type { Config } from '../../src/config.js'
import { startDaemon } from '../../src/daemon.js'
import type { Daemon } from '../../src/daemon.js'
import { UnavailableError } from '../../src/errors.js'
import { FakeHost } from '../../src/host/fake-host.js'
import type { ContainerEnds } from '../../src/host/ends.js'
import type { Host } from '../../src/host/host.js'
import type { Lookup } from '../../src/host/lookup.js'
import { MemoryRegistry } from '../../src/host/registry.js'
import type { Registry } from '../../src/host/registry.js'
import type { OpenVty } from '../../src/host/vty.js'
import { silentLog } from '../../src/log.js'
import type { Log } from '../../src/log.js'
import { hostLinkName } from '../../src/model/endpoint.js'
import { RECORD_KINDS } from '../../src/model/record.js'
import { MemoryStore } from '../../src/store/memory-store.js'
import type { Store } from '../../src/store/store.js'
import { FakeEngine, FakeProber } from './health.js'
import type { Engine } from '../../src/host/engine.js'
import type { Prober } from '../../src/host/prober.js'
import { dockerOf } from './docker.js'
import type { Docker } from './docker.js'

export const CONFIG: Config = {
  debug: false,
  netsock: 'net-routed',
  ipamsock: 'ipam-routed',
  cnisock: '/nonexistent/cni.sock',
  stateDir: '/nonexistent',
  dockerSocket: '/nonexistent/docker.sock',
  routeProtocol: 200,
  defaultAddressPool: []
}

export interface Options {
  readonly config?: Partial<Config>
  readonly host?: FakeHost
  readonly store?: MemoryStore
  readonly vty?: (directory: string) => OpenVty
  readonly lookup?: Lookup
  readonly log?: Log
  readonly prober?: Prober
  readonly engine?: Engine
}

/** Time that passes only when told to. */
export interface Clock {
  readonly now: () => Date
  readonly advance: (ms: number) => void
}

export interface Rig {
  readonly daemon: Daemon
  readonly host: FakeHost
  readonly store: MemoryStore
  /** Registrations that other programs read. */
  readonly registry: MemoryRegistry
  readonly clock: Clock
  readonly docker: Docker
  /** Calls a method as the transport does, without it. */
  readonly call: Call
  /** Stops the daemon and starts another one on the same store and host. */
  readonly restart: () => Promise<Rig>
}

export type Call = (method: string, body?: unknown) => Promise<unknown>

/** Starts the daemon, runs the test, stops whatever was started. Docker outlives restarts of the daemon. */
export async function withRig(options: Options, test: (rig: Rig) => Promise<void>): Promise<void> {
  const started: Daemon[] = []
  const parts = {
    host: options.host ?? new FakeHost(),
    store: options.store ?? new MemoryStore(),
    registry: new MemoryRegistry(),
    clock: clock()
  }
  const call: Call = (method, body) => {
    const daemon = started.at(-1)
    return daemon ? callOf(daemon)(method, body) : Promise.reject(new Error('no daemon runs'))
  }
  const docker = dockerOf(call, async (id) => {
    parts.host.start(hostLinkName(id))
    await started.at(-1)?.reconciler.settle()
  })
  const start = async (): Promise<Rig> => {
    await started.at(-1)?.stop()
    const daemon = await startOn({ ...options, ...parts, ends: parts.host, now: parts.clock.now })
    started.push(daemon)
    return { ...parts, daemon, call, docker, restart: start }
  }
  try {
    await test(await start())
  } finally {
    for (const daemon of started) await daemon.stop()
  }
}

/** For daemons on other stores and hosts; the caller stops it. */
export function startOn(parts: {
  readonly config?: Partial<Config>
  readonly host: Host
  readonly ends?: ContainerEnds
  readonly registry?: Registry
  readonly store: Store
  readonly vty?: (directory: string) => OpenVty
  readonly lookup?: Lookup
  readonly log?: Log
  readonly prober?: Prober
  readonly engine?: Engine
  readonly now?: () => Date
}): Promise<Daemon> {
  return startDaemon({
    config: { ...CONFIG, ...parts.config },
    host: parts.host,
    ends: parts.ends ?? new FakeHost(),
    registry: parts.registry ?? new MemoryRegistry(),
    store: parts.store,
    vty: parts.vty ?? noVty,
    prober: parts.prober ?? new FakeProber(),
    engine: parts.engine ?? new FakeEngine(),
    lookup: parts.lookup ?? noDns,
    log: parts.log ?? silentLog,
    version: '0.0.0-test',
    now: parts.now ?? clock().now
  })
}

/** A host without routing daemons. */
function noVty(directory: string): OpenVty {
  return (daemon) => Promise.reject(new UnavailableError(`${daemon} does not run: there is no ${directory}`))
}

/** A host without name service. */
function noDns(name: string): Promise<never> {
  return Promise.reject(new UnavailableError(`DNS does not say what ${name} is: ECONNREFUSED`))
}

export function callOf({ methods }: Daemon): Call {
  return async (method, body) => {
    const handle = methods[method]
    if (!handle) throw new Error(`no method ${method}`)
    return (await handle(body)).body
  }
}

export function clock(): Clock {
  let time = Date.parse('2026-01-01T00:00:00Z')
  return {
    now: () => new Date(time),
    advance: (ms) => {
      time += ms
    }
  }
}

/** Everything there is, comparable with `deep.equal`: host objects, records in memory, documents in the store. */
export function snapshot({ daemon, host, store }: Pick<Rig, 'daemon' | 'host' | 'store'>): object {
  return {
    objects: sorted(host.objects.values()),
    records: sorted(
      RECORD_KINDS.flatMap((kind) => daemon.records.all(kind).map((record) => ({ kind, record })))
    ),
    documents: sorted([...store.documents].map(([key, document]) => ({ key, document })))
  }
}

/** Values in an order that does not depend on when they came. */
export function sorted(values: Iterable<unknown>): unknown[] {
  return [...values].sort((a, b) => compare(JSON.stringify(a), JSON.stringify(b)))
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
