import { median, percentile } from './statistics.mjs'

/**
 * Rows out of samples by variant. `against` names the variant that the others are compared with: their ratio is that of
 * the medians. `tail`: enough samples for a 99th percentile.
 */
export function rowsOf({ what, unit, against, tail = false }, samples) {
  const base = against === undefined ? undefined : median(samples[against])
  return Object.entries(samples).map(([variant, values]) => ({
    what,
    variant,
    unit,
    n: values.length,
    p50: median(values),
    ...(tail ? { p99: percentile(values, 0.99) } : {}),
    ...(base === undefined || base === 0 ? {} : { ratio: median(values) / base, against })
  }))
}
