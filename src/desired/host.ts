/**
 * What the host itself needs as long as it has a network of ours: forwarding, a firewall that lets us through, and a guard
 * that lets containers send only what is theirs.
 */
import type { HostObject } from '../host/objects.js'
import { familyOf } from '../model/ip.js'
import type { Network } from '../model/network.js'
import type { Setting } from '../model/setting.js'

const FORWARDING = { 4: 'net.ipv4.ip_forward', 6: 'net.ipv6.conf.all.forwarding' } as const

/**
 * With networks: what they need. Without: the values that our settings replaced. `hasMore`: there are networks whose record
 * cannot be read, so that the last one is not gone. `hasEndpoints`: there are endpoints; without a network they are dead, and
 * need no more than a place for what is still known of them. `hasPorts`: an endpoint publishes some.
 * `hasPolicies`: not everything is allowed to all.
 */
export function desiredOfHost(
  networks: readonly Network[],
  settings: readonly Setting[],
  { hasMore = false, hasEndpoints = false, hasPorts = false, hasPolicies = false } = {}
): HostObject[] {
  const isNeeded = networks.length > 0 || hasMore
  return [
    ...(isNeeded ? familiesOf(networks).flatMap(forwardingOf) : settings.map(formerSysctl)),
    ...(isNeeded || hasEndpoints ? [{ kind: 'guard', intact: true } as const] : []),
    ...(hasPorts ? [{ kind: 'publisher', intact: true } as const] : []),
    ...(hasPolicies ? [{ kind: 'policer', intact: true } as const] : [])
  ]
}

function forwardingOf(family: 4 | 6): HostObject[] {
  return [
    { kind: 'sysctl', key: FORWARDING[family], value: '1' },
    { kind: 'firewall', family, intact: true }
  ]
}

/** The sysctls that these networks need, with the value they need. `hasMore` as above. */
export function neededSettings(networks: readonly Network[], hasMore = false): ReadonlyMap<string, string> {
  const families = networks.length === 0 && !hasMore ? [] : familiesOf(networks)
  return new Map(families.map((family) => [FORWARDING[family], '1']))
}

function familiesOf(networks: readonly Network[]): readonly (4 | 6)[] {
  const hasIpv6 = networks.some(({ subnets }) => subnets.some(({ prefix }) => familyOf(prefix) === 6))
  return hasIpv6 ? [4, 6] : [4]
}

/** What the kernel had before. */
export function formerSysctl({ id, before }: Setting): HostObject {
  return { kind: 'sysctl', key: id, value: before }
}
