/**
 * What operators call networks and endpoints. Engines do not tell drivers their names: the engine is asked. As it does itself,
 * a name comes before the beginning of an id, because `db` and `cafe` are both.
 */
import { isIP } from 'node:net'
import { InvalidError, NotFoundError, UnavailableError } from './errors.js'
import type { Engine } from './host/engine.js'
import type { Endpoint } from './model/endpoint.js'
import { parseIp } from './model/ip.js'
import type { Network } from './model/network.js'
import type { Records } from './store/records.js'

export interface NameParts {
  readonly records: Records
  readonly engine: Engine
}

/** As long as the status shows ids. Whoever copies one does not mean a name. */
const SHORT_ID = 12

/**
 * By its id, its name, or the beginning of its id. Throws NotFoundError for what is nobody's, InvalidError for what is
 * several or of another driver.
 */
export async function networkNamed(parts: NameParts, name: string): Promise<Network> {
  const whole = parts.records.get('network', name)
  if (whole) return whole
  const { found, reason } = await told(parts.engine.networkNamed(name))
  const own = found && parts.records.get('network', found.id)
  if (own) return own
  if (found) throw new NotFoundError(`network "${name}" is not of net-routed: its driver is ${found.driver}`)
  return beginningWith('network', parts.records.all('network'), name, reason)
}

/** Without asking the engine, which may not have it any more. Throws as above. */
export function networkBeginning(records: Records, name: string): Network {
  return beginningWith('network', records.all('network'), name)
}

/**
 * By its id, an address, its container's name or id, or the beginning of its own id, among those that are meant. Throws as
 * above, and for a container with several.
 */
export async function endpointNamed(
  { records, engine }: NameParts,
  name: string,
  isMeant: (endpoint: Endpoint) => boolean
): Promise<Endpoint> {
  const whole = records.get('endpoint', name)
  if (whole && isMeant(whole)) return whole
  if (isIP(name) !== 0)
    return onlyOne('endpoint', name, records.endpointsWithAddress(parseIp(name)).filter(isMeant))
  const { found, reason } = await told(engine.containerNamed(name))
  if (!found) return beginningWith('endpoint', records.all('endpoint').filter(isMeant), name, reason)
  const own = found.endpoints.flatMap((id) => records.get('endpoint', id) ?? []).filter(isMeant)
  const [endpoint, ...more] = own
  if (!endpoint)
    throw new NotFoundError(`container "${name}" is on no network of net-routed, or does not run`)
  if (more.length === 0) return endpoint
  const addresses = own.map(({ addresses: [first], id }) => first?.split('/')[0] ?? id)
  throw new InvalidError(`container "${name}" is on several networks: give one of ${addresses.join(', ')}`)
}

/** What the engine says, or why it says nothing. */
async function told<T>(
  asked: Promise<T | undefined>
): Promise<{ readonly found?: T | undefined; readonly reason?: string }> {
  try {
    return { found: await asked }
  } catch (error) {
    if (error instanceof UnavailableError) return { reason: error.message }
    throw error
  }
}

/** While nobody knows names, what could be one is not taken for the beginning of an id. */
function beginningWith<T extends { readonly id: string }>(
  kind: string,
  all: readonly T[],
  name: string,
  reason?: string
): T {
  if (reason !== undefined && name.length < SHORT_ID)
    throw new UnavailableError(
      `${kind} "${name}": Docker was asked for the name and does not answer (${reason}): give ${String(SHORT_ID)} digits of the id, as net-routed status shows them`
    )
  return onlyOne(
    kind,
    name,
    all.filter(({ id }) => id.startsWith(name))
  )
}

function onlyOne<T>(kind: string, name: string, [first, ...more]: readonly T[]): T {
  if (first === undefined)
    throw new NotFoundError(
      `no ${kind} of net-routed is "${name}", or has an id that begins so: see net-routed status`
    )
  if (more.length === 0) return first
  throw new InvalidError(
    `${kind} "${name}" is the beginning of ${String(more.length + 1)} ids, or an address of so many`
  )
}
