/** What the daemon has and does, for people (`net-routed status`), programs (`/status`) and monitoring (`/metrics`). */
import { KernelError } from './errors.js'
import type { Committer } from './core/commit.js'
import type { Additions } from './core/additions.js'
import type { Duplicate, Duplicates } from './core/routing/duplicates.js'
import type { HealthChecks, HealthStatus } from './core/routing/health.js'
import type { Endpoints } from './core/endpoints.js'
import type { Names } from './core/names.js'
import { gently } from './host/gently.js'
import type { Host } from './host/host.js'
import type { PolicyCounts } from './host/policies.js'
import type { Holds } from './core/routing/holds.js'
import type { Paths } from './core/paths.js'
import { operationalNow } from './core/operational.js'
import type { Operational } from './core/operational.js'
import type { Routers } from './core/routing/routers.js'
import type { Reconciler } from './host/reconciler.js'
import type { Metrics } from './metrics.js'
import type { Endpoint } from './model/endpoint.js'
import { healthOf } from './model/health.js'
import type { HealthState } from './model/health.js'
import type { Lease } from './model/lease.js'
import { linkLocalGateway } from './model/network.js'
import { policiesOf, policyLines, policySamples } from './policy-status.js'
import type { PoliciesByLink } from './policy-status.js'
import type { Records } from './store/records.js'

export interface StatusParts {
  readonly version: string
  readonly records: Records
  readonly reconciler: Reconciler
  readonly committer: Committer
  readonly endpoints: Endpoints
  readonly additions: Additions
  readonly paths: () => Paths | undefined
  readonly names: Names
  readonly host: Host
  readonly routers: Routers
  readonly holds: Holds | undefined
  readonly duplicates: Duplicates | undefined
  readonly health: HealthChecks
  readonly metrics: Metrics
  readonly startedAt: Date
}

export interface Status {
  readonly version: string
  readonly startedAt: string
  readonly networks: readonly object[]
  readonly endpoints: readonly EndpointStatus[]
  readonly faults: readonly { readonly key: string; readonly error: string }[]
  /** Links of running containers that no record knows. */
  readonly orphans: readonly string[]
  readonly broken: readonly object[]
  /** Addresses that are announced without a container, until their grace period ends. */
  readonly held: readonly string[]
  /** Addresses that other hosts announce, too. */
  readonly duplicates: readonly Duplicate[]
  /** Parts of pools that this host gives addresses out of. */
  readonly blocks: readonly { readonly prefix: string; readonly state: string }[]
  /** The routing daemons that we configure. */
  readonly routing: readonly { readonly daemon: string; readonly state: string }[]
  /** What nobody has to repair, but may surprise. */
  readonly warnings: readonly string[]
}

interface EndpointStatus extends Operational {
  readonly id: string
  readonly network: string
  /** Absent without a check. */
  readonly health?: HealthStatus
  /** What its policy has let pass and refused, if it has one. */
  readonly policy?: PolicyCounts
}

/** Some have hundreds of addresses. */
const ENDPOINTS_PER_TURN = 100
/** An address of each family; rows with more are not aligned with the others. */
const WIDEST = 64

/** `policies`: what the kernel has counted. */
export async function statusOf(parts: StatusParts, policies: PoliciesByLink = new Map()): Promise<Status> {
  const { version, records, reconciler, routers, holds, startedAt } = parts
  const endpoints: EndpointStatus[] = []
  await gently(
    records.all('endpoint'),
    (endpoint) => {
      const found = endpointStatus(endpoint, parts)
      const policy = policies.get(found.link)
      endpoints.push(policy ? { ...found, policy } : found)
    },
    ENDPOINTS_PER_TURN
  )
  return {
    version,
    startedAt: startedAt.toISOString(),
    networks: records.all('network').map((network) => ({
      id: network.id,
      subnets: network.subnets.map(({ prefix }) => prefix),
      gateway: network.gateway ?? linkLocalGateway(network.number),
      endpoints: records.endpointsOfNetwork(network.id).length
    })),
    endpoints,
    faults: [
      ...[...reconciler.faults].map(([key, { message }]) => ({ key, error: message })),
      ...routers.faults
    ],
    orphans: [...reconciler.orphans],
    broken: records.broken,
    held: holds?.destinations ?? [],
    duplicates: parts.duplicates?.all ?? [],
    blocks: records.all('block').map(({ prefix, state }) => ({ prefix, state })),
    routing: routers.states.map(({ daemon, state }) => ({ daemon, state })),
    warnings: [...routers.warnings, ...parts.names.warnings]
  }
}

/** The status for a terminal. */
export function statusText({
  version,
  startedAt,
  networks,
  endpoints,
  faults,
  orphans,
  broken,
  held,
  duplicates,
  blocks,
  routing,
  warnings
}: Status): string {
  return [
    `net-routed ${version}, running since ${startedAt}`,
    `${String(networks.length)} networks, ${String(endpoints.length)} endpoints, ${String(faults.length)} faults, ${String(broken.length)} broken records`,
    ...tableOf(endpoints),
    ...endpoints.flatMap(({ addresses, health }) => checkText(addresses, health)),
    ...policyLines(endpoints),
    ...(held.length > 0 ? [`held: ${held.join(', ')}: announced on, until the grace period ends`] : []),
    ...(blocks.length > 0
      ? [`blocks: ${blocks.map(({ prefix, state }) => `${prefix} ${state}`).join(', ')}`]
      : []),
    ...duplicates.map(
      ({ address, by, isAnnounced }) =>
        `duplicate: ${address}: ${by.join(', ')} announces it, too${isAnnounced ? '' : '; it is not announced here as long as that lasts'}`
    ),
    ...(routing.length > 0
      ? [`routing: ${routing.map(({ daemon, state }) => `${daemon} ${state}`).join(', ')}`]
      : []),
    ...faults.map(({ key, error }) => `fault: ${key}: ${error}`),
    ...warnings.map((warning) => `warning: ${warning}`),
    ...notesOf(endpoints),
    ...orphans.map((link) => `orphan: ${link}: a container uses it, its record is lost`),
    ...broken.map((record) => `broken record: ${JSON.stringify(record)}`)
  ].join('\n')
}

function tableOf(endpoints: readonly EndpointStatus[]): string[] {
  if (endpoints.length === 0) return []
  const lengths = endpoints.map(({ addresses }) => addresses.join(',').length)
  const width = Math.max(20, ...lengths.filter((length) => length <= WIDEST))
  const rows = endpoints.map(({ state, addresses, link, network, id, ports, rates }) =>
    [
      state.padEnd(9),
      addresses.join(',').padEnd(width),
      link.padEnd(16),
      network.slice(0, 12).padEnd(13),
      id.slice(0, 12),
      ...ports,
      ...rates
    ].join(' ')
  )
  return [
    `STATE     ${'ADDRESS'.padEnd(width)} LINK             NETWORK       ENDPOINT     PORTS AND RATES`,
    ...rows
  ]
}

/** What a check has to complain of. */
function checkText(addresses: readonly string[], health: HealthStatus | undefined): string[] {
  if (health?.error === undefined) return []
  return [`check: ${addresses.join(', ')}: ${health.state} since ${health.since}: ${health.error}`]
}

function ownershipMetrics({ duplicates, records }: StatusParts): { duplicates: number; blocks: number } {
  return { duplicates: duplicates?.all.length ?? 0, blocks: records.count('block') }
}

/** Everything that monitoring should know. What the guard has dropped is missing if the kernel cannot say. */
export async function metricsText(parts: StatusParts): Promise<string> {
  const { version, records, reconciler, routers, holds, committer, endpoints, names, host, metrics, health } =
    parts
  const { passes, sweeps, sweepSeconds, operations, repairs } = reconciler.counters
  const policies = await policiesOf(host)
  const leases = records.all('lease')
  const inState = (state: Lease['state']): number => leases.filter((lease) => lease.state === state).length
  return metrics.text({
    info: { label: 'version', values: [[version, 1]] },
    start_seconds: metrics.startSeconds,
    networks: records.count('network'),
    endpoints: records.count('endpoint'),
    leases: {
      label: 'state',
      values: (['held', 'released'] as const).map((state) => [state, inState(state)])
    },
    lost_endpoints: reconciler.lost.size,
    collected_endpoints_total: endpoints.collected,
    checked_endpoints: { label: 'state', values: checkedBy(records) },
    checks_total: {
      label: 'result',
      values: [
        ['good', health.counters.good],
        ['bad', health.counters.bad]
      ]
    },
    health_changes_total: health.counters.changes,
    held_addresses: holds?.destinations.length ?? 0,
    ...ownershipMetrics(parts),
    faults: reconciler.faults.size + routers.faults.length,
    routing_faults: routers.faults.length,
    routing_passes_total: routers.counters.passes,
    routing_commands_total: routers.counters.commands,
    routing_repairs_total: routers.counters.repairs,
    orphans: reconciler.orphans.size,
    broken_records: records.broken.length,
    refused_writes_total: committer.refusedWrites,
    unwritten_records: committer.unwritten,
    repairs_total: { label: 'kind', values: repairs },
    lost_events_total: metrics.lostEvents,
    dropped_packets_total: { label: 'reason', values: await droppedBy(host) },
    policy_packets_total: { samples: policySamples(policies, 'packets') },
    policy_bytes_total: { samples: policySamples(policies, 'bytes') },
    name_failures_total: names.failures,
    passes_total: passes,
    sweep_seconds: { sum: sweepSeconds, count: sweeps },
    operations_total: operations,
    resident_memory_bytes: process.memoryUsage.rss()
  })
}

function checkedBy(records: Records): [HealthState, number][] {
  const states = records.all('endpoint').flatMap((endpoint) => (endpoint.sandbox && healthOf(endpoint)) ?? [])
  return (['starting', 'healthy', 'unhealthy'] as const).map((state) => [
    state,
    states.filter((one) => one === state).length
  ])
}

async function droppedBy(host: Host): Promise<ReadonlyMap<string, number>> {
  try {
    return await host.dropped()
  } catch (error) {
    if (error instanceof KernelError) return new Map()
    throw error
  }
}

function endpointStatus(endpoint: Endpoint, parts: StatusParts): EndpointStatus {
  const found = endpoint.sandbox ? parts.health.statusOf(endpoint) : undefined
  return {
    id: endpoint.id,
    network: endpoint.networkId,
    ...operationalNow(endpoint, parts),
    ...(found ? { health: found } : {})
  }
}

/** What a container should have inside and has not, what only this host knows, and what of its packets does not fit. */
function notesOf(endpoints: readonly EndpointStatus[]): string[] {
  return endpoints.flatMap(({ id, extraAddresses, missing, keptBack, tooLarge }) => {
    const name = id.slice(0, 12)
    return [
      ...(missing === undefined
        ? []
        : [`not in the container: ${extraAddresses?.join(',') ?? 'settings'} of ${name}: ${missing}`]),
      ...(keptBack === undefined
        ? []
        : [`not announced: ${keptBack.join(',')} of ${name}: in no subnet of a network of this host`]),
      ...(tooLarge === undefined ? [] : [`warning: ${name}: ${tooLarge}`])
    ]
  })
}
