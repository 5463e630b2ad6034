/** Ports of the host that lead to an endpoint of an engine, which says what it wants only after the endpoint has joined. */
import type { Host, Listener } from '../host/host.js'
import type { Reconciler } from '../host/reconciler.js'
import type { Log } from '../log.js'
import { hostLinkName } from '../model/endpoint.js'
import type { Endpoint, PortMap } from '../model/endpoint.js'
import { familyOf, parseIp } from '../model/ip.js'
import type { Family, Ip, Prefix } from '../model/ip.js'
import { addressesOverlap, choosePorts, overlap, portText } from '../model/port.js'
import type { PortWish, WhyTaken } from '../model/port.js'
import type { Records } from '../store/records.js'
import type { EndpointRef, Endpoints } from './endpoints.js'

export interface PublishingParts {
  readonly records: Records
  readonly reconciler: Reconciler
  readonly endpoints: Endpoints
  readonly host: Host
  readonly log: Log
}

const EVERYWHERE: Readonly<Record<Family, Ip>> = { 4: parseIp('0.0.0.0'), 6: parseIp('::') }

/**
 * Publishes these and nothing else. The same again keeps the ports that were chosen. Throws ConflictError before anything is
 * changed for a port that another endpoint or a process of the host has, KernelError when all is as before.
 */
export async function publish(
  parts: PublishingParts,
  { id }: EndpointRef,
  all: readonly PortWish[]
): Promise<void> {
  const wishes = wishesOf(parts.records, id, all)
  if (wishes.length === 0) return unpublish(parts, id)
  await dropDeadRivals(parts, id, wishes)
  const listeners = await parts.host.listeners()
  await parts.endpoints.change(id, 'ports published', (endpoint) => {
    const ownersOf = (port: PortMap): Endpoint[] => othersWith(parts.records, id, port)
    const ports = choosePorts(wishes, endpoint.ports ?? [], whyTaken(ownersOf, listeners))
    parts.log.debug('ports chosen', { endpoint: id, ports: ports.map(portText) })
    return { ...endpoint, ports }
  })
}

/** Nothing leads to the endpoint any more. */
export function unpublish({ endpoints }: PublishingParts, id: string): Promise<void> {
  return endpoints.change(id, 'ports withdrawn', withoutPorts)
}

/** The endpoint without ports. */
export function withoutPorts(endpoint: Endpoint): Endpoint {
  const { ports: _ports, ...rest } = endpoint
  return rest
}

/**
 * What the endpoint can do about them: in the families that it has itself, and that no other endpoint of its container has
 * ports of. An engine tells both where one has the container's default route of IPv4, and the other that of IPv6.
 */
function wishesOf(records: Records, id: string, wishes: readonly PortWish[]): PortWish[] {
  const endpoint = records.get('endpoint', id)
  if (!endpoint?.sandbox) return []
  const companions = records.endpointsOfSandbox(endpoint.sandbox.path).filter((other) => other.id !== id)
  const done = new Set(companions.flatMap(({ ports = [], addresses }) => familiesOfPorts(ports, addresses)))
  const [family, ...more] = familiesOf(endpoint.addresses).filter((one) => !done.has(one))
  if (family === undefined) return []
  return wishes.flatMap((wish): PortWish[] => {
    if (wish.hostIp !== undefined) return [family, ...more].includes(familyOf(wish.hostIp)) ? [wish] : []
    return more.length > 0 ? [wish] : [{ ...wish, hostIp: EVERYWHERE[family] }]
  })
}

function familiesOf(addresses: readonly Prefix[]): Family[] {
  return [...new Set(addresses.map(familyOf))]
}

function familiesOfPorts(ports: readonly PortMap[], addresses: readonly Prefix[]): Family[] {
  return ports.flatMap(({ hostIp }) => (hostIp === undefined ? familiesOf(addresses) : [familyOf(hostIp)]))
}

function whyTaken(
  ownersOf: (port: PortMap) => readonly Endpoint[],
  listeners: readonly Listener[]
): WhyTaken {
  return (port) => {
    const [owner] = ownersOf(port)
    if (owner) return `belongs to endpoint ${owner.id} (${owner.addresses.join(', ')}) already`
    const listener = listeners.find((one) => isAt(one, port))
    return listener && `is in use by a process of this host, which listens on ${listener.address}`
  }
}

function isAt({ protocol, address, port }: Listener, wanted: PortMap): boolean {
  return protocol === wanted.protocol && port === wanted.hostPort && addressesOverlap(address, wanted.hostIp)
}

/** After a crash of the engine nobody says that a container is gone: its link says it. */
async function dropDeadRivals(
  { records, reconciler, endpoints, log }: PublishingParts,
  id: string,
  wishes: readonly PortWish[]
): Promise<void> {
  const wanted = wishes.flatMap(({ range, ...wish }): PortMap[] =>
    range && range[0] === range[1] ? [{ ...wish, hostPort: range[0] }] : []
  )
  const rivals = new Set(wanted.flatMap((port) => othersWith(records, id, port)))
  if (rivals.size === 0) return
  await reconciler.resync()
  for (const rival of rivals) {
    if (!reconciler.lost.has(hostLinkName(rival.id))) continue
    log.warn('endpoint replaced, its end was never reported', { endpoint: rival.id, by: id })
    await endpoints.delete(rival.id)
  }
}

/** Other endpoints that have it. It does not matter how many ports are published. */
function othersWith(records: Records, id: string, wanted: PortMap): Endpoint[] {
  const found = records.endpointsWithPort(wanted)
  return found.filter((other) => other.id !== id && other.ports?.some((port) => overlap(port, wanted)))
}
