/** Operators take addresses out of the network, and put them back. */
import type { Config } from './config.js'
import type { Drains } from './core/drains.js'
import { InvalidError, NotFoundError, UnavailableError } from './errors.js'
import type { Answer } from './http.js'
import { addressOf } from './model/ip.js'
import type { Endpoint } from './model/endpoint.js'
import type { Records } from './store/records.js'

interface Parts {
  readonly records: Records
  readonly drains: Drains
}

/** Answers with the ids of the endpoints. They are drained when the status says so. */
export async function drain({ routing }: Config, { records, drains }: Parts, body: unknown): Promise<Answer> {
  if (!routing) {
    throw new UnavailableError(
      'drain: the configuration has no section routing, so the routing daemon is not told by net-routed how good a route is'
    )
  }
  const chosen = chosenIn(records, body)
  await drains.drain(chosen)
  return { body: { Endpoints: chosen.map(({ id }) => id) } }
}

export async function undrain({ records, drains }: Parts, body: unknown): Promise<Answer> {
  const chosen = chosenIn(records, body)
  await drains.undrain(chosen)
  return { body: { Endpoints: chosen.map(({ id }) => id) } }
}

/** Those with a container. Throws NotFoundError for a name that is nobody's. */
function chosenIn(records: Records, body: unknown): Endpoint[] {
  const request = typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : {}
  const joined = records.all('endpoint').filter(({ sandbox, deleted }) => sandbox && !deleted)
  const { Network, Endpoint: name } = request
  if (request['All'] === true) return joined
  if (typeof Network === 'string' && Network !== '') {
    const networks = records.all('network').filter(({ id }) => id.startsWith(Network))
    const [network] = networks
    if (!network || networks.length > 1) throw unknown('network', Network, networks.length)
    return joined.filter(({ networkId }) => networkId === network.id)
  }
  if (typeof name === 'string' && name !== '') {
    const found = joined.filter(
      ({ id, addresses }) => id.startsWith(name) || addresses.some((prefix) => addressOf(prefix) === name)
    )
    if (found.length !== 1) throw unknown('endpoint', name, found.length)
    return found
  }
  throw new InvalidError(
    'give --all, --network ID, or --endpoint with an id or an address: see net-routed status'
  )
}

function unknown(kind: string, name: string, count: number): InvalidError | NotFoundError {
  return count > 1
    ? new InvalidError(`${kind} "${name}" is the beginning of ${String(count)} ids, or an address of so many`)
    : new NotFoundError(`no ${kind} of net-routed is "${name}", or begins so: see net-routed status`)
}
