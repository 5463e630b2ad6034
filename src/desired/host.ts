/**
 * What the host itself needs as long as it has a network of ours: forwarding, a firewall that lets us through, and a guard
 * that lets containers send only what is theirs.
 */
import { UPLINK_SYSCTLS } from '../host/objects.js'
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
  const needed = neededSettings(networks, { hasMore, believing: believingIn(settings) })
  const former = settings.filter(({ id }) => !isNeeded || (isForProxies(id) && !needed.has(id)))
  return [
    ...Array.from(needed, ([key, value]): HostObject => ({ kind: 'sysctl', key, value })),
    ...former.map(formerSysctl),
    ...(isNeeded ? familiesOf(networks).map(firewallOf) : []),
    ...(isNeeded || hasEndpoints ? [{ kind: 'guard', intact: true } as const] : []),
    ...(hasPorts ? [{ kind: 'publisher', intact: true } as const] : []),
    ...(hasPolicies ? [{ kind: 'policer', intact: true } as const] : [])
  ]
}

function firewallOf(family: 4 | 6): HostObject {
  return { kind: 'firewall', family, intact: true }
}

/**
 * The sysctls that these networks need, with the value they need, in the order in which they are set. `believing`: links whose
 * routes come from router advertisements. A host that forwards IPv6 ignores them, and forgets the routes, unless told so
 * before.
 */
export function neededSettings(
  networks: readonly Network[],
  { hasMore = false, believing = [] }: { hasMore?: boolean; believing?: readonly string[] } = {}
): ReadonlyMap<string, string> {
  if (networks.length === 0 && !hasMore) return new Map()
  const families = familiesOf(networks)
  const answering = new Set(networks.flatMap(({ ndpProxy = [] }) => ndpProxy))
  return new Map([
    ...believing.map((link) => [UPLINK_SYSCTLS.acceptRa(link), '2'] as const),
    ...families.map((family) => [FORWARDING[family], '1'] as const),
    ...[...answering].flatMap((link) => [
      [UPLINK_SYSCTLS.proxyNdp(link), '1'] as const,
      // Without it the kernel waits for up to 0.8 seconds before it answers.
      [UPLINK_SYSCTLS.proxyDelay(link), '0'] as const
    ])
  ])
}

/** Links of which we have changed that already. */
export function believingIn(settings: readonly Setting[]): string[] {
  return settings.flatMap(({ id }) => /^net\.ipv6\.conf\.([^.]+)\.accept_ra$/.exec(id)?.[1] ?? [])
}

/** True for a setting that only some networks need. */
export function isForProxies(id: string): boolean {
  return /\.(proxy_ndp|proxy_delay)$/.test(id)
}

function familiesOf(networks: readonly Network[]): readonly (4 | 6)[] {
  return networks.some(hasIpv6) ? [4, 6] : [4]
}

/** What the kernel had before. */
export function formerSysctl({ id, before }: Setting): HostObject {
  return { kind: 'sysctl', key: id, value: before }
}

/** True if the host forwards IPv6 for it. */
export function hasIpv6({ subnets, carriesIpv6 }: Network): boolean {
  return carriesIpv6 === true || subnets.some(({ prefix }) => familyOf(prefix) === 6)
}
