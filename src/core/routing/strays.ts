/**
 * What is announced and should not be: of our subnets only, since what else the host announces is not our business. Pure.
 */
import { ANNOUNCEMENT_METRIC, LINK_PREFIX } from '../../host/objects.js'
import type { KernelPath } from '../../host/router-tables.js'
import { addressOf, contains, hostPrefix, lengthOf, parseIp, parsePrefix } from '../../model/ip.js'
import type { Prefix } from '../../model/ip.js'
import type { ProtocolView } from './router-views.js'
import { addressIn } from './visible.js'
import type { Wanted } from './visible.js'

/** An address of ours that somebody still has although no container does. */
export interface StaleAddress {
  readonly address: string
  readonly where: string
}

/**
 * A route of the kernel into a subnet of ours that somebody else has made: to a single address, or one that others are told
 * of or that stands in a container's way. Neither of both = it is kept in.
 */
export interface ForeignRoute {
  readonly address: string
  /** Absent for a blackhole. */
  readonly link?: string
  readonly metric: number
  /** True = a container has the address, and zebra takes this route in place of its own. */
  readonly hides: boolean
  /** Where others are told of it. */
  readonly announced: readonly string[]
}

export interface Sight {
  /** What zebra has read of the kernel. */
  readonly paths: readonly KernelPath[]
  readonly protocols: readonly Pick<ProtocolView, 'name' | 'announced'>[]
  readonly subnets: readonly Prefix[]
}

/** True for a path that we have made, or had made once. */
export function isOfOurs({ link, metric }: KernelPath): boolean {
  return link === undefined ? metric === ANNOUNCEMENT_METRIC : link.startsWith(LINK_PREFIX)
}

/** Paths of ours to what no container has. */
export function staleIn(paths: readonly KernelPath[], { destinations }: Wanted): KernelPath[] {
  return paths.filter((path) => isOfOurs(path) && !destinations.has(path.dst))
}

/** Those paths in zebra, and where a protocol announces something that zebra does not have. */
export function staleAddresses(
  wanted: Wanted,
  stale: readonly KernelPath[],
  { paths, protocols, subnets }: Sight
): StaleAddress[] {
  const known = new Set(paths.map(({ dst }) => dst))
  const isLeft = (dst: string): boolean =>
    !wanted.destinations.has(dst) && !known.has(dst) && isSingle(dst, subnets)
  return [
    ...stale.map(({ dst }) => ({ address: addressIn(dst), where: 'zebra' })),
    ...protocols.flatMap(({ name, announced }) =>
      [...announced].filter(isLeft).map((dst) => ({ address: addressIn(dst), where: name }))
    )
  ]
}

/** Of what is announced, zebra prefers the lowest metric. */
export function foreignRoutes(
  { destinations }: Wanted,
  { paths, protocols, subnets }: Sight
): ForeignRoute[] {
  const ours = new Map(
    paths.flatMap((path) => (isOfOurs(path) && path.isActive ? [[path.dst, path.metric] as const] : []))
  )
  return paths
    .filter((path) => path.isActive && !isOfOurs(path) && isWithin(path.dst, subnets))
    .flatMap(({ dst, link, metric }): ForeignRoute[] => {
      const isWanted = destinations.has(dst)
      const hides = isWanted && metric < (ours.get(dst) ?? Infinity)
      const announced = protocols.filter((view) => view.announced.has(dst)).map(({ name }) => name)
      if (isWanted ? !hides : announced.length === 0 && !isSingle(dst, subnets)) return []
      return [{ address: addressIn(dst), metric, hides, announced, ...(link === undefined ? {} : { link }) }]
    })
}

/** True if it changes nothing outside of this host. */
export function isKeptIn({ hides, announced }: ForeignRoute): boolean {
  return !hides && announced.length === 0
}

/** Destinations of ours that they stand before. */
export function hiddenBy(foreign: readonly ForeignRoute[]): Prefix[] {
  return foreign
    .filter(({ hides }) => hides)
    .map(({ address }) => (address.includes('/') ? parsePrefix(address) : hostPrefix(parseIp(address))))
}

function isWithin(dst: string, subnets: readonly Prefix[]): boolean {
  const prefix = parsePrefix(dst)
  return subnets.some((subnet) => lengthOf(prefix) > lengthOf(subnet) && contains(subnet, addressOf(prefix)))
}

function isSingle(dst: string, subnets: readonly Prefix[]): boolean {
  const prefix = parsePrefix(dst)
  const address = addressOf(prefix)
  return hostPrefix(address) === prefix && subnets.some((subnet) => contains(subnet, address))
}
