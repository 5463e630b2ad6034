/** When an endpoint with a check is announced: a state that follows the results of its check. Pure. */
import type { Endpoint } from './endpoint.js'

/** As it is stored; one that has never been healthy has none. */
export interface Health {
  readonly state: 'healthy' | 'unhealthy'
  /** ISO 8601. */
  readonly since: string
}

export type HealthState = 'starting' | Health['state']

/** What a check has said since the state last changed, in a row. */
export interface Streak {
  readonly successes: number
  readonly failures: number
}

export const NO_STREAK: Streak = { successes: 0, failures: 0 }

const DEFAULTS = { checkIntervalMs: 1_000, checkTimeoutMs: 1_000, checkRise: 2, checkFall: 3 } as const

/** True if something decides whether it is announced. */
export function isChecked({ check }: Pick<Endpoint, 'check'>): boolean {
  return check !== undefined && check.type !== 'none'
}

/** Undefined without a check. */
export function healthOf(endpoint: Pick<Endpoint, 'check' | 'health'>): HealthState | undefined {
  return isChecked(endpoint) ? (endpoint.health?.state ?? 'starting') : undefined
}

/** The numbers of its check. */
export function checkTimes(endpoint: Endpoint): {
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly rise: number
  readonly fall: number
} {
  const { checkIntervalMs, checkTimeoutMs, checkRise, checkFall } = { ...DEFAULTS, ...endpoint }
  return { intervalMs: checkIntervalMs, timeoutMs: checkTimeoutMs, rise: checkRise, fall: checkFall }
}

/**
 * The state after one more result. One success ends the start, whatever it took; what was healthy once has to be it several
 * times in a row.
 */
export function afterCheck(
  state: HealthState,
  streak: Streak,
  { isGood, rise, fall }: { readonly isGood: boolean; readonly rise: number; readonly fall: number }
): { readonly state: HealthState; readonly streak: Streak } {
  const next = isGood
    ? { successes: streak.successes + 1, failures: 0 }
    : { successes: 0, failures: streak.failures + 1 }
  if (state === 'starting') return { state: isGood ? 'healthy' : 'starting', streak: NO_STREAK }
  if (state === 'healthy' && next.failures >= fall) return { state: 'unhealthy', streak: NO_STREAK }
  if (state === 'unhealthy' && next.successes >= rise) return { state: 'healthy', streak: NO_STREAK }
  return { state, streak: next }
}
