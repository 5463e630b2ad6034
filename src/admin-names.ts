/** What operators call networks and endpoints. */
import { InvalidError, NotFoundError } from './errors.js'
import type { Endpoint } from './model/endpoint.js'
import { addressOf } from './model/ip.js'
import type { Network } from './model/network.js'
import type { Records } from './store/records.js'

/** By its id or the beginning of it. Throws NotFoundError for a name that is nobody's, InvalidError for one of several. */
export function networkNamed(records: Records, name: string): Network {
  return onlyOne(
    'network',
    name,
    records.all('network').filter(({ id }) => id.startsWith(name))
  )
}

/** By its id, the beginning of it, or an address. Throws as above. */
export function endpointNamed(endpoints: readonly Endpoint[], name: string): Endpoint {
  const found = endpoints.filter(
    ({ id, addresses }) => id.startsWith(name) || addresses.some((prefix) => addressOf(prefix) === name)
  )
  return onlyOne('endpoint', name, found)
}

function onlyOne<T>(kind: string, name: string, [first, ...more]: readonly T[]): T {
  if (first === undefined)
    throw new NotFoundError(`no ${kind} of net-routed is "${name}", or begins so: see net-routed status`)
  if (more.length === 0) return first
  throw new InvalidError(
    `${kind} "${name}" is the beginning of ${String(more.length + 1)} ids, or an address of so many`
  )
}
