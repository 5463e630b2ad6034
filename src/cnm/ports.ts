/**
 * The port bindings of an engine (libnetwork/types, PortBinding): protocol by number, first and last port of the host, which are
 * 0 if any will do.
 */
import { InvalidError, shown } from '../errors.js'
import { parseIp } from '../model/ip.js'
import type { Ip } from '../model/ip.js'
import type { PortWish } from '../model/port.js'
import type { Options } from './schemas.js'

const PROTOCOLS: ReadonlyMap<unknown, PortWish['protocol']> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp']
])
const KEY = 'com.docker.network.portmap'
const LAST_PORT = 65_535

/** What is to be published. Throws InvalidError that names field and value. */
export function portWishes(options: Options): PortWish[] {
  const bindings = options[KEY] ?? []
  if (!Array.isArray(bindings)) throw new InvalidError(`${KEY}: ${shown(bindings)} is not a list`)
  const wishes = bindings.map((binding: unknown, at) => wishOf(binding, `${KEY}[${String(at)}]`))
  return [...new Map(wishes.map((wish) => [JSON.stringify(wish), wish])).values()]
}

function wishOf(binding: unknown, field: string): PortWish {
  if (typeof binding !== 'object' || binding === null)
    throw new InvalidError(`${field}: ${shown(binding)} is not a port binding`)
  const { Proto, Port, HostIP, HostPort, HostPortEnd }: Readonly<Record<string, unknown>> = { ...binding }
  const protocol = PROTOCOLS.get(Proto)
  if (!protocol)
    throw new InvalidError(`${field}.Proto: ${shown(Proto)}: give 6 for tcp, 17 for udp, 132 for sctp`)
  const first = numberOf(HostPort ?? 0, 0, `${field}.HostPort`)
  const last = Math.max(first, numberOf(HostPortEnd ?? 0, 0, `${field}.HostPortEnd`))
  return {
    protocol,
    ...(HostIP === undefined || HostIP === null || HostIP === '' ? {} : hostIpOf(HostIP, field)),
    ...(first === 0 ? {} : { range: [first, last] }),
    containerPort: numberOf(Port, 1, `${field}.Port`)
  }
}

function hostIpOf(value: unknown, field: string): { hostIp: Ip } {
  if (typeof value !== 'string') throw new InvalidError(`${field}.HostIP: ${shown(value)} is not an address`)
  return { hostIp: parseIp(value, `${field}.HostIP`) }
}

function numberOf(value: unknown, least: number, field: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= LAST_PORT)
    return value
  throw new InvalidError(
    `${field}: ${shown(value)}: give a port from ${String(least)} to ${String(LAST_PORT)}`
  )
}
