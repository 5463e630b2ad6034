/** What operators call networks and endpoints. */
import { isIP } from 'node:net'
import { InvalidError, NotFoundError } from './errors.js'
import type { Endpoint } from './model/endpoint.js'
import { parseIp } from './model/ip.js'
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

/**
 * By its id, the beginning of it, or an address, among those that are meant. Throws as above. Only for the beginning of an id
 * it looks at all of them.
 */
export function endpointNamed(
  records: Records,
  name: string,
  isMeant: (endpoint: Endpoint) => boolean
): Endpoint {
  const whole = records.get('endpoint', name)
  if (whole && isMeant(whole)) return whole
  const found =
    isIP(name) === 0
      ? records.all('endpoint').filter(({ id }) => id.startsWith(name))
      : records.endpointsWithAddress(parseIp(name))
  return onlyOne('endpoint', name, found.filter(isMeant))
}

function onlyOne<T>(kind: string, name: string, [first, ...more]: readonly T[]): T {
  if (first === undefined)
    throw new NotFoundError(`no ${kind} of net-routed is "${name}", or begins so: see net-routed status`)
  if (more.length === 0) return first
  throw new InvalidError(
    `${kind} "${name}" is the beginning of ${String(more.length + 1)} ids, or an address of so many`
  )
}
