/** Operators take addresses out of the network, and put them back. */
import type { Config } from './config.js'
import type { Drains } from './core/routing/drains.js'
import { endpointNamed, networkNamed } from './admin-names.js'
import type { NameParts } from './admin-names.js'
import { InvalidError, UnavailableError } from './errors.js'
import type { Answer } from './http.js'
import type { Endpoint } from './model/endpoint.js'

interface Parts extends NameParts {
  readonly drains: Drains
}

/** Answers with the ids of the endpoints. They are drained when the status says so. */
export async function drain({ routing }: Config, parts: Parts, body: unknown): Promise<Answer> {
  if (!routing) {
    throw new UnavailableError(
      'drain: the configuration has no section routing, so the routing daemon is not told by net-routed how good a route is'
    )
  }
  const chosen = await chosenIn(parts, body)
  await parts.drains.drain(chosen)
  return { body: { Endpoints: chosen.map(({ id }) => id) } }
}

export async function undrain(parts: Parts, body: unknown): Promise<Answer> {
  const chosen = await chosenIn(parts, body)
  await parts.drains.undrain(chosen)
  return { body: { Endpoints: chosen.map(({ id }) => id) } }
}

/** Those with a container. Throws NotFoundError for a name that is nobody's. */
async function chosenIn(parts: NameParts, body: unknown): Promise<Endpoint[]> {
  const { records } = parts
  const request = typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : {}
  const isJoined = ({ sandbox, deleted }: Endpoint): boolean => sandbox !== undefined && !deleted
  const { Network, Endpoint: name } = request
  if (request['All'] === true) return records.all('endpoint').filter(isJoined)
  if (typeof Network === 'string' && Network !== '') {
    const { id } = await networkNamed(parts, Network)
    return records.endpointsOfNetwork(id).filter(isJoined)
  }
  if (typeof name === 'string' && name !== '') return [await endpointNamed(parts, name, isJoined)]
  throw new InvalidError(
    'give --all, --network with a name or an id, or --endpoint with a container, an id or an address: see net-routed status'
  )
}
