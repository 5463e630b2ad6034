/** The commands `net-routed drain` and `undrain`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from './client.js'
import type { DrainCommand } from './command-line.js'
import { TimeoutError } from './errors.js'
import type { Status } from './status.js'

const ASK_AGAIN_MS = 200
/** The daemon itself gives up waiting for neighbours before. */
const LIMIT_MS = 60_000

/** Returns when the addresses are drained. Throws UnavailableError where no daemon answers, TimeoutError if it takes too long. */
export async function drainCommand({ name, socket, which }: DrainCommand): Promise<string> {
  const path = name === 'drain' ? '/Admin.Drain' : '/Admin.Undrain'
  const { Endpoints } = (await ask(socket, path, which)) as { Endpoints: readonly string[] }
  const deadline = performance.now() + LIMIT_MS
  const names = new Set(Endpoints)
  for (;;) {
    const began = performance.now()
    const { endpoints } = (await ask(socket, '/status')) as Status
    const chosen = endpoints.filter(({ id }) => names.has(id))
    const late = chosen.filter(({ state }) => state === 'draining')
    if (late.length === 0)
      return chosen.map(({ state, addresses }) => `${state}: ${addresses.join(', ')}`).join('\n')
    if (performance.now() > deadline)
      throw new TimeoutError(
        `${String(late.length)} endpoints are not drained after a minute: see net-routed status and the log`
      )
    // The status of thousands is long.
    await sleep(Math.max(ASK_AGAIN_MS, 2 * (performance.now() - began)))
  }
}
