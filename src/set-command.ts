/** The command `net-routed set`. */
import { ask } from './client.js'
import type { SetCommand } from './command-line.js'
import type { Status } from './status.js'

/** Names the endpoints that it was about. Throws UnavailableError where no daemon answers. */
export async function setCommand({ socket, which, options }: SetCommand): Promise<string> {
  const body = { ...which, Options: options }
  const { Endpoints } = (await ask(socket, '/Admin.Set', body)) as { Endpoints: readonly string[] }
  const ids = new Set(Endpoints)
  const { endpoints } = (await ask(socket, '/status')) as Status
  const chosen = endpoints.filter(({ id }) => ids.has(id))
  return chosen.length === 0
    ? 'set: for the containers to come'
    : chosen.map(({ addresses }) => `set: ${addresses.join(', ')}`).join('\n')
}
