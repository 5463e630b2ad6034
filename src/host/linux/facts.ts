import { KNOWN_SYSCTLS } from '../host.js'
import type { HostFacts } from '../host.js'
import { UPLINK_SYSCTLS } from '../objects.js'
import { decodeAddress, getAddresses } from './addresses.js'
import { RTPROT_KERNEL, RTPROT_RA, RT_SCOPE } from './constants.js'
import type { Kernel } from './kernel.js'
import { decodeForeignLink, getLinks } from './links.js'
import type { FoundLink } from './links.js'
import { decodeRoute, getRoutes, protocolOf } from './routes.js'
import type { FoundRoute } from './routes.js'
import { listSysctls } from './sysctls.js'

/** Kinds of links that lead to containers or nowhere, by how they are usually named. */
const INNER_LINK = /^(docker|br-|veth|virbr|cni|ifb|dummy|nrc|ni-)/
const LINK_LOCAL_PREFIX = 'fe80::/64'

/** True for a link that may lead out of the host. */
export function leadsOut({ isLoopback, name }: Pick<FoundLink, 'isLoopback' | 'name'>): boolean {
  return !isLoopback && !INNER_LINK.test(name)
}

/** What the host is like, apart from its firewall. */
export async function readFacts(kernel: Kernel): Promise<Omit<HostFacts, 'dockerForwards'>> {
  const links = await kernel.dumps.dump(getLinks(), decodeForeignLink)
  const addresses = await kernel.dumps.dump(getAddresses(), decodeAddress)
  const relevant = (body: Buffer): FoundRoute | undefined => relevantRoute(body, kernel.protocol)
  const routes = [
    ...(await kernel.dumps.dump(getRoutes(4), relevant)),
    ...(await kernel.dumps.dump(getRoutes(6), relevant))
  ]
  const foreign = new Map(links.map(({ index, name }) => [index, name]))
  const found = addresses.flatMap(({ index, address }) => {
    const link = foreign.get(index)
    return link === undefined ? [] : [{ link, address: address.replace(/\/.*/, '') }]
  })
  const sizes = sizesOut(links, routes)
  const routeMtus = routes.flatMap(({ dst, mtu }) => (mtu === undefined ? [] : [[dst, mtu] as const]))
  const outer = links.filter(leadsOut)
  const keys = [
    ...KNOWN_SYSCTLS,
    UPLINK_SYSCTLS.rpFilter('all'),
    ...outer.flatMap(({ name }) => Object.values(UPLINK_SYSCTLS).map((keyOf) => keyOf(name)))
  ]
  return {
    ...(sizes.length === 0 ? {} : { uplinkMtu: Math.min(...sizes) }),
    mtusByLink: Object.fromEntries(outer.map(({ name, mtu }) => [name, mtu])),
    routeMtus: Object.fromEntries(routeMtus),
    addresses: found.map(({ address }) => address),
    addressesByLink: byLink(found),
    connected: connected(
      routes,
      new Set(links.filter(({ isLoopback }) => !isLoopback).map(({ index }) => index))
    ),
    believing: believing(links, routes),
    sysctls: Object.fromEntries(listSysctls(kernel.inside, keys).map(({ key, value }) => [key, value]))
  }
}

/** Of a thousand routes of ours, or of a full table of the Internet, only what matters here is kept. */
function relevantRoute(body: Buffer, ownProtocol: number): FoundRoute | undefined {
  const route = protocolOf(body) === ownProtocol ? undefined : decodeRoute(body)
  return route &&
    (route.via !== undefined ||
      isDefault(route) ||
      route.protocol === RTPROT_KERNEL ||
      route.protocol === RTPROT_RA)
    ? route
    : undefined
}

function byLink(found: readonly { link: string; address: string }[]): Record<string, string[]> {
  const byName: Record<string, string[]> = {}
  for (const { link, address } of found) (byName[link] ??= []).push(address)
  return byName
}

/** MTUs of the links that lead out, and of default routes that have one. */
function sizesOut(links: readonly FoundLink[], routes: readonly FoundRoute[]): number[] {
  const carrying = (test: (route: FoundRoute) => boolean): number[] => {
    const indexes = new Set(routes.filter(test).flatMap((route) => route.indexes))
    return links.filter(({ index, isLoopback }) => indexes.has(index) && !isLoopback).map(({ mtu }) => mtu)
  }
  const byDefault = carrying(isDefault)
  const candidates = [
    [...byDefault, ...(byDefault.length > 0 ? routes.filter(isDefault).flatMap(({ mtu }) => mtu ?? []) : [])],
    carrying(({ via }) => via !== undefined),
    links.filter((link) => link.isUp && leadsOut(link)).map(({ mtu }) => mtu)
  ]
  return candidates.find(({ length }) => length > 0) ?? []
}

function believing(links: readonly FoundLink[], routes: readonly FoundRoute[]): string[] {
  const indexes = new Set(
    routes.filter(({ protocol }) => protocol === RTPROT_RA).flatMap((route) => route.indexes)
  )
  return links.filter(({ index, conf6 }) => indexes.has(index) && conf6).map(({ name }) => name)
}

export function isDefault({ dst }: Pick<FoundRoute, 'dst'>): boolean {
  return dst.endsWith('/0')
}

/** The kernel makes one such route for each address with a subnet; of IPv6 the scope says nothing. */
function connected(routes: readonly FoundRoute[], indexes: ReadonlySet<number>): string[] {
  const found = routes.filter(
    ({ protocol, via, scope, dst, indexes: [index = 0] }) =>
      protocol === RTPROT_KERNEL &&
      via === undefined &&
      (dst.includes(':') || scope === RT_SCOPE.LINK) &&
      dst !== LINK_LOCAL_PREFIX &&
      indexes.has(index)
  )
  return [...new Set(found.map(({ dst }) => dst))]
}
