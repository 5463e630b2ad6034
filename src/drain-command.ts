/** The commands `net-routed drain` and `undrain`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from './client.js'
import type { DrainCommand } from './command-line.js'
import { TimeoutError } from './errors.js'
import type { Status } from './status.js'

const ASK_AGAIN_MS = 200
/** Without progress. The daemon itself gives up waiting for neighbours before. */
const LIMIT_MS = 60_000
/** States in which an endpoint has not come to the end: thousands do so one after the other. */
const WAITED: Readonly<Record<DrainCommand['name'], ReadonlySet<string>>> = {
  drain: new Set(['routed', 'starting', 'unhealthy', 'yielded', 'draining']),
  undrain: new Set(['draining', 'drained'])
}

/** Returns when the addresses are drained. Throws UnavailableError where no daemon answers, TimeoutError if it takes too long. */
export async function drainCommand({ name, socket, which }: DrainCommand): Promise<string> {
  const path = name === 'drain' ? '/Admin.Drain' : '/Admin.Undrain'
  const { Endpoints } = (await ask(socket, path, which)) as { Endpoints: readonly string[] }
  let deadline = performance.now() + LIMIT_MS
  let least = Infinity
  const names = new Set(Endpoints)
  for (;;) {
    const began = performance.now()
    const { endpoints } = (await ask(socket, '/status')) as Status
    const chosen = endpoints.filter(({ id }) => names.has(id))
    const late = chosen.filter(({ state }) => WAITED[name].has(state))
    if (late.length < least) deadline = performance.now() + LIMIT_MS
    least = Math.min(least, late.length)
    if (late.length === 0)
      return chosen.map(({ state, addresses }) => `${state}: ${addresses.join(', ')}`).join('\n')
    if (performance.now() > deadline)
      throw new TimeoutError(
        `${name}: nothing has changed for a minute, ${String(late.length)} endpoints are left: see net-routed status and the log`
      )
    // The status of thousands is long.
    await sleep(Math.max(ASK_AGAIN_MS, 2 * (performance.now() - began)))
  }
}
