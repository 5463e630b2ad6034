/** Counters and histograms in the text format of Prometheus. */

/** Upper bounds in seconds: a Join is meant to take 2 ms. */
const BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 10] as const

interface Histogram {
  readonly buckets: number[]
  sum: number
  count: number
}

export class Metrics {
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

  /** The histogram of requests, then the given gauges by name. */
  text(gauges: Readonly<Record<string, number>>): string {
    const lines = ['# TYPE net_routed_request_seconds histogram']
    for (const [labels, { buckets, sum, count }] of this.#requests) {
      for (const [index, bound] of BUCKETS.entries()) {
        lines.push(
          `net_routed_request_seconds_bucket{${labels},le="${String(bound)}"} ${String(buckets[index] ?? 0)}`
        )
      }
      lines.push(`net_routed_request_seconds_bucket{${labels},le="+Inf"} ${String(count)}`)
      lines.push(`net_routed_request_seconds_sum{${labels}} ${String(sum)}`)
      lines.push(`net_routed_request_seconds_count{${labels}} ${String(count)}`)
    }
    for (const [name, value] of Object.entries(gauges)) {
      const type = name.endsWith('_total') ? 'counter' : 'gauge'
      lines.push(`# TYPE net_routed_${name} ${type}`, `net_routed_${name} ${String(value)}`)
    }
    return lines.join('\n') + '\n'
  }
}
