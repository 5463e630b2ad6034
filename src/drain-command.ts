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
  for (;;) {
    const states = (await ask(socket, '/states')) as Readonly<Record<string, string>>
    const late = Endpoints.filter((id) => WAITED[name].has(states[id] ?? ''))
    if (late.length === 0) return statesOf(socket, new Set(Endpoints))
    if (late.length < least) deadline = performance.now() + LIMIT_MS
    least = Math.min(least, late.length)
    if (performance.now() > deadline)
      throw new TimeoutError(
        `${name}: nothing has changed for a minute, ${String(late.length)} endpoints are left: see net-routed status and the log`
      )
    await sleep(ASK_AGAIN_MS)
  }
}

async function statesOf(socket: string, ids: ReadonlySet<string>): Promise<string> {
  const { endpoints } = (await ask(socket, '/status')) as Status
  return endpoints
    .filter(({ id }) => ids.has(id))
    .map(({ state, addresses }) => `${state}: ${addresses.join(', ')}`)
    .join('\n')
}
