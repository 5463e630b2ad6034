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
  const { extraAddresses = [], sysctls = {}, mac, sandbox } = endpoint
  const isNothing = extraAddresses.length === 0 && Object.keys(sysctls).length === 0
  if (isNothing || sandbox?.runtime !== 'docker' || endpoint.left || endpoint.deleted) return undefined
  const granted = new Set(grantedAddresses(endpoint).map(familyOf))
  const strange = new Set(extraAddresses.map(familyOf).filter((family) => !granted.has(family)))
  return {
    mac,
    addresses: extraAddresses,
    // Of IPv4 the kernel chooses the first address anyway, of IPv6 the last.
    passive: granted.has(6) ? [6] : [],
    routes: [...strange].flatMap((family) => wayOut(family, endpoint)),
    sysctls: { ...(strange.has(6) ? { [IPV6_SWITCH]: '0' } : {}), ...sysctls }
  }
}

/** The engine gives routes only of the families whose addresses it has given. */
function wayOut(family: Family, { sandbox, staticRoutes = [] }: Endpoint): EndRoute[] {
  const via = family === 4 ? sandbox?.gateway : sandbox?.gateway6
  if (via === undefined) return []
  const beyond = [EVERYTHING[family], ...staticRoutes.filter((dst) => familyOf(dst) === family)]
  return [{ dst: hostPrefix(via) }, ...beyond.map((dst) => ({ dst, via }))]
}
