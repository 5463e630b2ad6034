/** Published ports of an endpoint, in its first address of each family. They are the container's only while its link is there. */
import type { Exclusion, Hairpin, HostObject, Port } from '../host/objects.js'
import { hostLinkName } from '../model/endpoint.js'
import type { Endpoint, PortMap } from '../model/endpoint.js'
import { addressOf, contains, familyOf, hostPrefix, parsePrefix, subnetOf } from '../model/ip.js'
import type { Family, Ip, Prefix } from '../model/ip.js'

const EVERYWHERE: Readonly<Record<Family, string>> = { 4: '0.0.0.0', 6: '::' }
const LOOPBACK: Readonly<Record<Family, string>> = { 4: '127.0.0.1', 6: '::1' }
const LOOPBACK_SUBNET = parsePrefix('127.0.0.0/8')

/** What the host should have for the ports of an endpoint that has joined. */
export function desiredOfPorts({ id, ports = [], addresses, delegate }: Endpoint): HostObject[] {
  const firsts = ([4, 6] as const).flatMap(
    (family) => addresses.find((prefix) => familyOf(prefix) === family) ?? []
  )
  const link = hostLinkName(id)
  const of = delegate ? {} : { of: link }
  const published = ports.flatMap(({ protocol, hostIp, hostPort, containerPort }) =>
    firsts
      .filter((prefix) => hostIp === undefined || familyOf(hostIp) === familyOf(prefix))
      .flatMap((prefix): Port[] =>
        hostsOf(hostIp, familyOf(prefix), delegate !== undefined).map((host) => ({
          kind: 'port',
          protocol,
          host,
          hostPort,
          address: addressOf(prefix),
          port: containerPort,
          ...of
        }))
      )
  )
  const exclusions = ports.flatMap(({ protocol, hostPort, exclude = [] }) =>
    exclude.map((device): Exclusion => ({ kind: 'exclusion', device, protocol, hostPort }))
  )
  const hairpins = firsts.map((prefix): Hairpin => {
    const neighbours: Prefix = delegate ? subnetOf(prefix) : hostPrefix(addressOf(prefix))
    return { kind: 'hairpin', prefix: neighbours, address: addressOf(prefix) }
  })
  const isAtLoopback = published.some(({ host }) => host === LOOPBACK[6])
  return published.length === 0
    ? []
    : [
        ...(isAtLoopback && !delegate ? [{ kind: 'loopback', link } as const] : []),
        ...hairpins,
        ...unique(exclusions),
        ...published
      ]
}

/** True if the host must be able to send to the container from 127.0.0.1. */
export function usesLoopback({ ports = [], addresses }: Endpoint): boolean {
  const isForLoopback = ({ hostIp }: PortMap): boolean =>
    hostIp === undefined || hostIp === EVERYWHERE[4] || contains(LOOPBACK_SUBNET, hostIp)
  return ports.some(isForLoopback) && addresses.some((prefix) => familyOf(prefix) === 4)
}

/** Links of another plugin are not ours to let 127.0.0.1 through. */
function hostsOf(hostIp: Ip | undefined, family: Family, isDelegated: boolean): string[] {
  const host = hostIp ?? EVERYWHERE[family]
  return host === EVERYWHERE[family] && !isDelegated ? [host, LOOPBACK[family]] : [host]
}

/** Two addresses of the host may have one port. */
function unique(exclusions: readonly Exclusion[]): Exclusion[] {
  return [...new Map(exclusions.map((exclusion) => [JSON.stringify(exclusion), exclusion])).values()]
}
