/** The command `net-routed routing`: what the routing daemons should have, and what differs. */
import { ask } from './client.js'
import type { RoutingCommand } from './command-line.js'
import type { RouterPlan } from './core/routing/router-plans.js'
import { UnavailableError } from './errors.js'
import type { Routing } from './model/routing.js'

/** Of a command that was asked for differences and found some. */
const EXIT_DIFFERS = 3

export interface Printed {
  readonly text: string
  readonly exitCode: number
}

/**
 * Asks the running daemon. A dry run goes without it too, by `offline`; it does not know any networks then. Throws
 * UnavailableError where nobody answers, or a routing daemon does not whose difference is asked for.
 */
export async function routing(
  command: RoutingCommand,
  offline: (routing: Routing) => Promise<readonly RouterPlan[]>
): Promise<Printed> {
  const { json, diff } = command
  const plans = await plansOf(command, offline)
  const absent = plans.filter(({ absence, isNeeded }) => absence !== undefined && isNeeded)
  if (diff && absent.length > 0)
    throw new UnavailableError(absent.map(({ absence }) => String(absence)).join('; '))
  const differs = plans.some(({ difference, conflicts }) => difference.length + conflicts.length > 0)
  const exitCode = diff && differs ? EXIT_DIFFERS : 0
  if (json) return { text: JSON.stringify(plans, undefined, 2), exitCode }
  const text = plans.flatMap((plan) => {
    const lines = diff ? [...plan.difference, ...plan.conflicts.map((line) => `! ${line}`)] : plan.wanted
    return lines.length > 0 ? [`! ${plan.daemon}`, ...lines] : []
  })
  return { text: text.join('\n'), exitCode }
}

async function plansOf(
  { socket, dryRun }: RoutingCommand,
  offline: (routing: Routing) => Promise<readonly RouterPlan[]>
): Promise<readonly RouterPlan[]> {
  try {
    const answer = await ask(socket, '/Admin.Routing', dryRun ? { Routing: dryRun.section } : {})
    return (answer as { Routers: readonly RouterPlan[] }).Routers
  } catch (error) {
    if (!(error instanceof UnavailableError) || !dryRun) throw error
    return offline(dryRun.routing)
  }
}
