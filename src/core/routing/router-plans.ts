/** What the routing daemons should have and what differs from it now, for people. Changes nothing. */
import { RoutedError } from '../../errors.js'
import { conflictText, differenceText, routerDifference } from '../../host/router-difference.js'
import { ROUTER_DAEMONS, configText, parseRunning } from '../../host/router-lines.js'
import type { Line, RouterDaemon, WantedLine } from '../../host/router-lines.js'
import type { OpenVty } from '../../host/vty.js'

/** One routing daemon's part, without secrets. */
export interface RouterPlan {
  readonly daemon: RouterDaemon
  readonly isNeeded: boolean
  /** Configuration lines. */
  readonly wanted: readonly string[]
  /** What would be changed now, with `+` and `-`. */
  readonly difference: readonly string[]
  /** What would not be written, and why. */
  readonly conflicts: readonly string[]
  /** Why there is nothing to compare with. */
  readonly absence?: string
}

export interface PlanParts {
  readonly open: OpenVty
  /** What was written before; absent = nothing. */
  readonly written: (daemon: RouterDaemon) => readonly Line[] | undefined
  /** False = a daemon may be away. */
  readonly isNeeded: boolean
}

/** For every daemon that something is wanted of, or was. */
export function planRouters(wanted: readonly WantedLine[], parts: PlanParts): Promise<RouterPlan[]> {
  const plans = ROUTER_DAEMONS.map((daemon) => ({
    daemon,
    lines: wanted.filter((line) => line.daemon === daemon)
  }))
  const concerned = plans.filter(({ daemon, lines }) => lines.length > 0 || parts.written(daemon))
  return Promise.all(concerned.map(({ daemon, lines }) => planOf(daemon, lines, parts)))
}

async function planOf(
  daemon: RouterDaemon,
  lines: readonly WantedLine[],
  { open, written, isNeeded }: PlanParts
): Promise<RouterPlan> {
  const plan = { daemon, isNeeded, wanted: configText(lines) }
  try {
    const session = await open(daemon)
    const { text } = await session.run('show running-config')
    session.close()
    const difference = routerDifference(lines, parseRunning(text), written(daemon) ?? [])
    return {
      ...plan,
      difference: differenceText(difference),
      conflicts: difference.conflicts.map(conflictText)
    }
  } catch (error) {
    if (!(error instanceof RoutedError)) throw error
    return { ...plan, difference: [], conflicts: [], absence: error.message }
  }
}
