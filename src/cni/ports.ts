/** Published ports that a runtime asks for, as records have them. */
import { InvalidError, shown } from '../errors.js'
import type { PortMap } from '../model/endpoint.js'
import { parseIp } from '../model/ip.js'
import { overlap } from '../model/port.js'

/** One of `runtimeConfig.portMappings`. */
export interface PortMappingDocument {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol?: string
  readonly hostIP?: string
}

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const

/** Throws InvalidError that names the field `field`, also for a port of the host that is in it twice. */
export function parsePorts(given: readonly PortMappingDocument[], field: string): PortMap[] {
  const ports = given.map((document, at) => parsePort(document, `${field}[${String(at)}]`))
  for (const [at, port] of ports.entries()) {
    if (ports.slice(0, at).some((other) => overlap(other, port)))
      throw new InvalidError(`${field}: ${port.protocol} port ${String(port.hostPort)} is in it twice`)
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
    ...(hostIP === undefined || hostIP === '' ? {} : { hostIp: parseIp(hostIP, `${field}.hostIP`) }),
    hostPort: parseNumber(document.hostPort, `${field}.hostPort`),
    containerPort: parseNumber(document.containerPort, `${field}.containerPort`)
  }
}

function parseNumber(given: number, field: string): number {
  if (Number.isInteger(given) && given > 0 && given <= 65_535) return given
  throw new InvalidError(`${field}: ${shown(given)}: give a port from 1 to 65535`)
}
