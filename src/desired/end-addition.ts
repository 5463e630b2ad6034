/** What the engine does not do at a container end, and we do: more addresses, and the way out where it has none. Pure. */
import type { EndAddition, EndRoute } from '../host/ends.js'
import { grantedAddresses } from '../model/endpoint.js'
import type { Endpoint } from '../model/endpoint.js'
import { familyOf, hostPrefix, parsePrefix } from '../model/ip.js'
import type { Family } from '../model/ip.js'

const EVERYTHING = { 4: parsePrefix('0.0.0.0/0'), 6: parsePrefix('::/0') } as const
const IPV6_SWITCH = 'net.ipv6.conf.IFNAME.disable_ipv6'

/** Undefined where there is nothing to do, and where the end is all ours. */
export function additionOf(endpoint: Endpoint): EndAddition | undefined {
  const { extraAddresses = [], mac, sandbox } = endpoint
  if (sandbox?.runtime !== 'docker' || endpoint.left || endpoint.deleted || extraAddresses.length === 0)
    return undefined
  const granted = new Set(grantedAddresses(endpoint).map(familyOf))
  const strange = new Set(extraAddresses.map(familyOf).filter((family) => !granted.has(family)))
  return {
    mac,
    addresses: extraAddresses,
    // Of IPv4 the kernel chooses the first address anyway, of IPv6 the last.
    passive: granted.has(6) ? [6] : [],
    routes: [...strange].flatMap((family) => wayOut(family, endpoint)),
    sysctls: strange.has(6) ? { [IPV6_SWITCH]: '0' } : {}
  }
}

/** The engine gives routes only of the families whose addresses it has given. */
function wayOut(family: Family, { sandbox }: Endpoint): EndRoute[] {
  const via = family === 4 ? sandbox?.gateway : sandbox?.gateway6
  return via === undefined ? [] : [{ dst: hostPrefix(via) }, { dst: EVERYTHING[family], via }]
}
