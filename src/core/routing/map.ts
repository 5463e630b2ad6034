/** The whole cluster, as the link-state database of this host has it: every router has the same. */
import { ANYCAST_TAG } from '../../desired/routing-filters.js'
import { UnavailableError } from '../../errors.js'
import type { RouterLink } from '../../host/router-reach.js'
import type { External } from '../../host/router-tables.js'
import type { OpenVty } from '../../host/vty.js'
import type { Family } from '../../model/ip.js'
import { readTagged3, readTopology, readTopology3, routerViews } from './router-views.js'
import type { Topology } from './router-views.js'

export interface ClusterMap {
  readonly routers: readonly MapRouter[]
  /** One way each. */
  readonly links: readonly RouterLink[]
  /** Addresses that several routers announce, of those that can be reached. */
  readonly several: readonly SharedAddress[]
}

export interface SharedAddress {
  readonly address: string
  readonly routers: readonly string[]
  /** True if all of them say that others are meant to have it, too; else it is there twice by mistake, or on the move. */
  readonly anycast: boolean
}

export interface MapRouter {
  /** Router id. */
  readonly id: string
  readonly isSelf: boolean
  /** False = it announces something, and no way leads to it: what it had announced has not expired yet. */
  readonly isReachable: boolean
  /** Single addresses that it announces as external. */
  readonly addresses: readonly string[]
  /** What else it announces: blocks, as a rule. */
  readonly prefixes: readonly string[]
}

/** Throws UnavailableError where no OSPF runs: BGP has no such database. */
export async function readMap(open: OpenVty): Promise<ClusterMap> {
  const { protocols, absent } = await routerViews(open)
  const databases = protocols.flatMap(({ own, externals }) => (own && externals ? [{ own, externals }] : []))
  if (databases.length === 0) {
    const reasons = ['ospfd', 'ospf6d'].map(
      (daemon) => absent.get(daemon) ?? `${daemon} has no OSPF configured`
    )
    throw new UnavailableError(`there is no link-state database here: ${reasons.join('; ')}`)
  }
  const has = (daemon: string): boolean => protocols.some(({ name }) => name === daemon)
  const tagged = has('ospf6d') ? await readTagged3(open) : []
  return mapOf(
    new Set(databases.map(({ own }) => own)),
    [...databases.flatMap(({ externals }) => externals), ...tagged],
    {
      ...(has('ospfd') ? { 4: await readTopology(open) } : {}),
      ...(has('ospf6d') ? { 6: await readTopology3(open) } : {})
    }
  )
}

type Topologies = Partial<Readonly<Record<Family, Topology>>>

/** From what the routers announce and how they are connected. */
export function mapOf(
  self: ReadonlySet<string>,
  externals: readonly External[],
  topologies: Topologies
): ClusterMap {
  const canReach = reachIn(self, topologies)
  const live = new Set(externals.flatMap(({ dst, router }) => (canReach(dst, router) ? [router] : [])))
  const destinations = new Map<string, Set<string>>()
  for (const { dst, router } of externals) append(destinations, router, dst)
  const isGone = (id: string): boolean => destinations.has(id) && !live.has(id)
  const links = linksOf(topologies).filter(({ from }) => !isGone(from))
  const neighbours = links.flatMap(({ from, to, isSegment }) => (isSegment ? [from] : [from, to]))
  const ids = new Set([...self, ...neighbours, ...destinations.keys()])
  return {
    routers: [...ids].sort().map((id) => {
      const all = [...(destinations.get(id) ?? [])]
      return {
        id,
        isSelf: self.has(id),
        isReachable: !isGone(id),
        addresses: all.flatMap((dst) => singleAddress(dst) ?? []).sort(),
        prefixes: all.filter((dst) => singleAddress(dst) === undefined).sort()
      }
    }),
    links,
    several: severalOf(externals.filter(({ dst, router }) => canReach(dst, router)))
  }
}

/** Whether a router can be reached in the protocol that has told of its destination. */
function reachIn(
  self: ReadonlySet<string>,
  topologies: Topologies
): (dst: string, router: string) => boolean {
  const reachable = {
    4: new Set(topologies[4]?.reachable),
    6: new Set(topologies[6]?.reachable)
  }
  return (dst, router) => self.has(router) || reachable[dst.includes(':') ? 6 : 4].has(router)
}

function severalOf(externals: readonly External[]): SharedAddress[] {
  const routersByAddress = new Map<string, Set<string>>()
  const meant = new Set<string>()
  for (const { dst, router, tag } of externals) {
    const address = singleAddress(dst)
    if (address === undefined) continue
    append(routersByAddress, address, router)
    if (tag === ANYCAST_TAG) meant.add(`${address} ${router}`)
  }
  return [...routersByAddress].flatMap(([address, all]) => {
    const routers = [...all].sort()
    const anycast = routers.every((router) => meant.has(`${address} ${router}`))
    return routers.length > 1 ? [{ address, routers, anycast }] : []
  })
}

/** Both address families may use the same ones. */
function linksOf(topologies: Topologies): RouterLink[] {
  const links = [...(topologies[4]?.links ?? []), ...(topologies[6]?.links ?? [])]
  return [
    ...new Map(links.map((link) => [`${link.from} ${link.to} ${String(link.isSegment)}`, link])).values()
  ]
}

function singleAddress(dst: string): string | undefined {
  const [address = '', length] = dst.split('/')
  return length === (address.includes(':') ? '128' : '32') ? address : undefined
}

function append(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key)
  if (values) values.add(value)
  else map.set(key, new Set([value]))
}
