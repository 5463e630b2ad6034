import type { Log } from '../log.js'
import { describeOp } from './describe.js'
import { KINDS } from './objects.js'
import type { Kind, Op } from './objects.js'

export interface ReconcilerCounters {
  passes: number
  sweeps: number
  sweepSeconds: number
  operations: number
  /** Operations that were needed although nobody had asked for a change. */
  readonly repairs: Map<Kind, number>
}

export function newCounters(): ReconcilerCounters {
  return {
    passes: 0,
    sweeps: 0,
    sweepSeconds: 0,
    operations: 0,
    repairs: new Map(KINDS.map((kind) => [kind, 0]))
  }
}

/** Of one sweep, a line each: a host that has lost all has lost thousands. */
const REPAIRS_TOLD = 20

/** Counts and logs operations that were needed because of somebody else. */
export function tellRepairs(repairs: readonly Op[], counts: Map<Kind, number>, log: Log): void {
  for (const { object } of repairs) counts.set(object.kind, (counts.get(object.kind) ?? 0) + 1)
  for (const op of repairs.slice(0, REPAIRS_TOLD)) log.warn('repair', { op: describeOp(op) })
  if (repairs.length > REPAIRS_TOLD) log.warn('more repairs', { repairs: repairs.length })
}
