/** Operators take addresses out of the network, and put them back. */
import type { Config } from './config.js'
import type { Drains } from './core/routing/drains.js'
import { endpointNamed, networkNamed } from './admin-names.js'
import { InvalidError, UnavailableError } from './errors.js'
import type { Answer } from './http.js'
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
  const isJoined = ({ sandbox, deleted }: Endpoint): boolean => sandbox !== undefined && !deleted
  const { Network, Endpoint: name } = request
  if (request['All'] === true) return records.all('endpoint').filter(isJoined)
  if (typeof Network === 'string' && Network !== '') {
    const { id } = networkNamed(records, Network)
    return records.endpointsOfNetwork(id).filter(isJoined)
  }
  if (typeof name === 'string' && name !== '') return [endpointNamed(records, name, isJoined)]
  throw new InvalidError(
    'give --all, --network ID, or --endpoint with an id or an address: see net-routed status'
  )
}
