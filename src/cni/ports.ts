/** Published ports that a runtime asks for, as records have them. */
import { InvalidError, shown } from '../errors.js'
import type { PortMap } from '../model/endpoint.js'
import { contains, parseIp, parsePrefix } from '../model/ip.js'
import type { Ip } from '../model/ip.js'
import { CODE, CniError } from './error.js'

/** One of `runtimeConfig.portMappings`. */
export interface PortMappingDocument {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol?: string
  readonly hostIP?: string
}

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const
const LOOPBACK = [parsePrefix('127.0.0.0/8'), parsePrefix('::1/128')]

/** Throws InvalidError, CniError that name the field `field`, also for a port of the host that is in it twice. */
export function parsePorts(given: readonly PortMappingDocument[], field: string): PortMap[] {
  const ports = given.map((document, at) => parsePort(document, `${field}[${String(at)}]`))
  const seen = new Set<string>()
  for (const { protocol, hostIp = '', hostPort } of ports) {
    const key = `${protocol} ${hostIp} ${String(hostPort)}`
    if (seen.has(key)) throw new InvalidError(`${field}: ${protocol} port ${String(hostPort)} is in it twice`)
    seen.add(key)
  }
  return ports
}

function parsePort(document: PortMappingDocument, field: string): PortMap {
  const { protocol = 'tcp', hostIP } = document
  const known = PROTOCOLS.find((name) => name === protocol.toLowerCase())
  if (!known)
    throw new InvalidError(`${field}.protocol: ${shown(protocol)}: give one of ${PROTOCOLS.join(', ')}`)
  return {
    protocol: known,
    ...(hostIP === undefined || hostIP === '' ? {} : hostIpOf(hostIP, `${field}.hostIP`)),
    hostPort: parseNumber(document.hostPort, `${field}.hostPort`),
    containerPort: parseNumber(document.containerPort, `${field}.containerPort`)
  }
}

function hostIpOf(given: string, field: string): { hostIp?: Ip } {
  const hostIp = parseIp(given, field)
  if (!LOOPBACK.some((prefix) => contains(prefix, hostIp))) return { hostIp }
  throw new CniError(
    CODE.unsupportedField,
    `${field}: ${hostIp}: ports are not published on loopback addresses: give an address of the host, or none`
  )
}

function parseNumber(given: number, field: string): number {
  if (Number.isInteger(given) && given > 0 && given <= 65_535) return given
  throw new InvalidError(`${field}: ${shown(given)}: give a port from 1 to 65535`)
}
