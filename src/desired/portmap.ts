/** Published ports of an endpoint, in its first address of each family. They are the container's only while its link is there. */
import type { Exclusion, Hairpin, HostObject, Port } from '../host/objects.js'
import { hostLinkName } from '../model/endpoint.js'
import type { Endpoint } from '../model/endpoint.js'
import { addressOf, familyOf, hostPrefix, subnetOf } from '../model/ip.js'
import type { Family, Prefix } from '../model/ip.js'

const EVERYWHERE: Readonly<Record<Family, string>> = { 4: '0.0.0.0', 6: '::' }

/** What the host should have for the ports of an endpoint that has joined. */
export function desiredOfPorts({ id, ports = [], addresses, delegate }: Endpoint): HostObject[] {
  const firsts = ([4, 6] as const).flatMap(
    (family) => addresses.find((prefix) => familyOf(prefix) === family) ?? []
  )
  const of = delegate ? {} : { of: hostLinkName(id) }
  const published = ports.flatMap(({ protocol, hostIp, hostPort, containerPort }) =>
    firsts
      .filter((prefix) => hostIp === undefined || familyOf(hostIp) === familyOf(prefix))
      .map((prefix): Port => {
        const host = hostIp ?? EVERYWHERE[familyOf(prefix)]
        return {
          kind: 'port',
          protocol,
          host,
          hostPort,
          address: addressOf(prefix),
          port: containerPort,
          ...of
        }
      })
  )
  const exclusions = ports.flatMap(({ protocol, hostPort, exclude = [] }) =>
    exclude.map((device): Exclusion => ({ kind: 'exclusion', device, protocol, hostPort }))
  )
  const hairpins = firsts.map((prefix): Hairpin => {
    const neighbours: Prefix = delegate ? subnetOf(prefix) : hostPrefix(addressOf(prefix))
    return { kind: 'hairpin', prefix: neighbours, address: addressOf(prefix) }
  })
  return published.length === 0 ? [] : [...hairpins, ...unique(exclusions), ...published]
}

/** Two addresses of the host may have one port. */
function unique(exclusions: readonly Exclusion[]): Exclusion[] {
  return [...new Map(exclusions.map((exclusion) => [JSON.stringify(exclusion), exclusion])).values()]
}
