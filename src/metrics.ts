/** Counters and histograms in the text format of Prometheus. */

type Type = 'counter' | 'gauge' | 'summary'

/** Every metric besides the histogram of requests, in the order of the output: type, meaning. docs/operations.md lists them. */
const METRICS = {
  info: ['gauge', 'Always 1; the label is the running version.'],
  start_seconds: ['gauge', 'From the start of the process until everything was repaired.'],
  networks: ['gauge', 'Networks.'],
  endpoints: ['gauge', 'Endpoints.'],
  leases: ['gauge', 'Addresses by state; a released one is remembered until it is used again.'],
  lost_endpoints: ['gauge', 'Endpoints whose container is gone.'],
  collected_endpoints_total: ['counter', 'Dead endpoints that were removed although nobody had said so.'],
  checked_endpoints: ['gauge', 'Endpoints whose addresses follow a check, by state.'],
  checks_total: ['counter', 'Checks of endpoints, by result.'],
  health_changes_total: ['counter', 'Times that a check has withdrawn or announced an endpoint.'],
  held_addresses: [
    'gauge',
    'Addresses that are announced without a container, until their grace period ends.'
  ],
  orphans: ['gauge', 'Links of containers whose record was lost.'],
  faults: ['gauge', 'Objects and lines that the kernel or a routing daemon refuses.'],
  routing_faults: ['gauge', 'Those of routing daemons, also one that does not answer.'],
  routing_passes_total: ['counter', 'Comparisons of what a routing daemon has with what it should have.'],
  routing_commands_total: ['counter', 'Commands given to routing daemons.'],
  routing_repairs_total: ['counter', 'Changes by somebody else in a routing daemon that were taken back.'],
  broken_records: ['gauge', 'Records set aside at the start.'],
  refused_writes_total: ['counter', 'Writes that the state directory refused.'],
  unwritten_records: ['gauge', 'Records whose last change is not on disk yet.'],
  repairs_total: ['counter', 'Operations that were needed because of a change by somebody else, by kind.'],
  lost_events_total: ['counter', 'Times that kernel events came too fast, and everything was read again.'],
  dropped_packets_total: ['counter', 'Packets of containers that the guard has dropped, by reason.'],
  policy_packets_total: [
    'counter',
    'Packets of links with a policy that it has let pass or refused, by link, direction and verdict.'
  ],
  policy_bytes_total: ['counter', 'Their bytes.'],
  name_failures_total: ['counter', 'Look-ups of DNS names in policies without an answer.'],
  passes_total: ['counter', 'Passes of the reconciler.'],
  sweep_seconds: ['summary', 'Readings of everything that there is.'],
  operations_total: ['counter', 'Operations of the kernel.'],
  resident_memory_bytes: ['gauge', 'Memory of the daemon.']
} as const satisfies Readonly<Record<string, readonly [Type, string]>>

export type MetricName = keyof typeof METRICS

/** One number, numbers by the value of a label or by several labels, or the two of a summary. */
export type Value = number | ByLabel | ByLabels | Summary
/** With labels as they are in the text: `a="1",b="2"`. */
export interface ByLabels {
  readonly samples: Iterable<readonly [string, number]>
}
export interface ByLabel {
  readonly label: string
  readonly values: Iterable<readonly [string, number]>
}
export interface Summary {
  readonly sum: number
  readonly count: number
}

/** Upper bounds in seconds: a Join is meant to take 2 ms. */
const BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 10] as const

interface Histogram {
  readonly buckets: number[]
  sum: number
  count: number
}

export class Metrics {
  /** Times that kernel events were lost. */
  lostEvents = 0
  /** Until the daemon was ready for its first request. */
  startSeconds = 0
  readonly #requests = new Map<string, Histogram>()

  /** One request of a method that ended with a result (`ok` or an error code) after so many seconds. */
  observe(method: string, result: string, seconds: number): void {
    const labels = `method="${method}",result="${result}"`
    const histogram = this.#requests.get(labels) ?? { buckets: BUCKETS.map(() => 0), sum: 0, count: 0 }
    this.#requests.set(labels, histogram)
    for (const [index, bound] of BUCKETS.entries()) {
      if (seconds <= bound) histogram.buckets[index] = (histogram.buckets[index] ?? 0) + 1
    }
    histogram.sum += seconds
    histogram.count++
  }

  /** The histogram of requests, then the given metrics. */
  text(values: Readonly<Partial<Record<MetricName, Value>>>): string {
    const lines = head('request_seconds', 'histogram', 'Requests by method and result.')
    for (const [labels, { buckets, sum, count }] of this.#requests) {
      const bounds = [...BUCKETS.map((bound, index) => [bound, buckets[index] ?? 0]), ['+Inf', count]]
      for (const [bound, number] of bounds)
        lines.push(`net_routed_request_seconds_bucket{${labels},le="${String(bound)}"} ${String(number)}`)
      lines.push(`net_routed_request_seconds_sum{${labels}} ${String(sum)}`)
      lines.push(`net_routed_request_seconds_count{${labels}} ${String(count)}`)
    }
    for (const [name, [type, help]] of Object.entries(METRICS)) {
      const value = values[name as MetricName]
      if (value !== undefined) lines.push(...head(name, type, help), ...samples(name, value))
    }
    return lines.join('\n') + '\n'
  }
}

function head(name: string, type: Type | 'histogram', help: string): string[] {
  return [`# HELP net_routed_${name} ${help}`, `# TYPE net_routed_${name} ${type}`]
}

function samples(name: string, value: Value): string[] {
  if (typeof value === 'number') return [`net_routed_${name} ${String(value)}`]
  if ('samples' in value)
    return Array.from(value.samples, ([labels, number]) => `net_routed_${name}{${labels}} ${String(number)}`)
  if ('sum' in value) {
    const { sum, count } = value
    return [`net_routed_${name}_sum ${String(sum)}`, `net_routed_${name}_count ${String(count)}`]
  }
  return Array.from(
    value.values,
    ([text, number]) => `net_routed_${name}{${value.label}="${text}"} ${String(number)}`
  )
}
