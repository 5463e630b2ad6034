/** Nearest rank; `part` from 0 to 1. */
export function percentile(values, part) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)]
}

export const median = (values) => percentile(values, 0.5)
