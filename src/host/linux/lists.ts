/** Reading back what is ours: links that are marked, what lives on them, and of routes and neighbours what has our number. */
import type { Announcement, HostObject, Kind, Route } from '../objects.js'
import { decodeAddress, getAddresses } from './addresses.js'
import { IPV4_DEVCONF } from './constants.js'
import type { Kernel } from './kernel.js'
import { decodeLink, getLinks, isOurs, linkObject } from './links.js'
import type { FoundLink } from './links.js'
import { decodeNeighbour, getNeighbours } from './neighbours.js'
import { decodeProxyDelay, getProxyDelays } from './proxy-delays.js'
import {
  decodeAnnouncement,
  decodeLoopback,
  decodeRoute,
  getAnnouncements,
  getLoopbacks,
  getRoutes
} from './routes.js'
import type { FoundRoute } from './routes.js'
import { isShaperLink, listShapers } from './shapers.js'

const KINDS_HERE = ['link', 'address', 'neighbour', 'route', 'loopback', 'shaper', 'announcement'] as const

type Names = ReadonlyMap<number, string>

/** Lists objects of these kinds, as far as they are links or live on links. */
export async function listNetlink(kernel: Kernel, wants: (kind: Kind) => boolean): Promise<HostObject[]> {
  if (!KINDS_HERE.some(wants)) return []
  const all = await kernel.dumps.dump(getLinks(), decodeLink)
  const beside = all.filter(isShaperLink)
  const links = all.filter((link) => isOurs(link) && !beside.includes(link))
  const names: Names = new Map(links.map(({ index, name }) => [index, name]))
  return [
    ...(wants('link') ? await linkObjects(links, kernel) : []),
    ...(wants('address') ? await addressObjects(kernel, names) : []),
    ...(wants('neighbour') ? await neighbourObjects(kernel, names) : []),
    ...(wants('route') ? await routeObjects(kernel, names) : []),
    ...(wants('shaper') ? await listShapers([...links, ...beside], kernel) : []),
    ...(wants('loopback') ? await loopbackObjects(kernel, names) : []),
    ...(wants('announcement') ? await announcementObjects(kernel) : [])
  ]
}

async function linkObjects(links: readonly FoundLink[], kernel: Kernel): Promise<HostObject[]> {
  const needsDelays = links.some(({ conf4 }) => conf4(IPV4_DEVCONF.PROXY_ARP) === 1)
  const delays = new Map(needsDelays ? await kernel.dumps.dump(getProxyDelays(), decodeProxyDelay) : [])
  return links.map((found) => linkObject(found, delays.get(found.index) ?? 0))
}

async function addressObjects(kernel: Kernel, names: Names): Promise<HostObject[]> {
  const found = await kernel.dumps.dump(getAddresses(), decodeAddress)
  return found.flatMap(({ index, address, isPermanent }): HostObject[] => {
    const link = names.get(index)
    return link !== undefined && isPermanent ? [{ kind: 'address', link, address }] : []
  })
}

async function neighbourObjects(kernel: Kernel, names: Names): Promise<HostObject[]> {
  const found = await kernel.dumps.dump(getNeighbours(), (body) => decodeNeighbour(body, kernel.protocol))
  return found.flatMap(({ index, address, mac }): HostObject[] => {
    const link = names.get(index)
    return link === undefined ? [] : [{ kind: 'neighbour', link, address, mac }]
  })
}

async function routeObjects(kernel: Kernel, names: Names): Promise<HostObject[]> {
  const routes: FoundRoute[][] = []
  const { protocol } = kernel
  for (const family of [4, 6] as const) {
    for (const table of [undefined, 'local'] as const) {
      const found = await kernel.dumps.dump(getRoutes(family, { protocol, table }), decodeRoute)
      routes.push(found.filter((route) => route.protocol === protocol))
    }
  }
  return routes.flatMap((some) => some.flatMap((route) => routeObject(route, names)))
}

function routeObject({ dst, metric, table, indexes }: FoundRoute, names: Names): Route[] {
  const link = names.get(indexes[0] ?? 0)
  return link === undefined ? [] : [{ kind: 'route', dst, link, metric, ...(table ? { table } : {}) }]
}

async function loopbackObjects(kernel: Kernel, names: Names): Promise<HostObject[]> {
  const found = await kernel.dumps.dump(getLoopbacks(kernel.protocol), (body) =>
    decodeLoopback(body, kernel.protocol)
  )
  return found.flatMap((index): HostObject[] => {
    const link = names.get(index)
    return link === undefined ? [] : [{ kind: 'loopback', link }]
  })
}

async function announcementObjects(kernel: Kernel): Promise<HostObject[]> {
  const decode = (body: Buffer): Announcement | undefined => decodeAnnouncement(body, kernel.protocol)
  const found = [4, 6] as const
  return (
    await Promise.all(
      found.map((family) => kernel.dumps.dump(getAnnouncements(family, kernel.protocol), decode))
    )
  ).flat()
}
