/** The whole cluster, as the link-state database of this host has it: every router has the same. */
import { ANYCAST_TAG } from '../../desired/routing.js'
import { UnavailableError } from '../../errors.js'
import type { External, RouterLink } from '../../host/router-tables.js'
import type { OpenVty } from '../../host/vty.js'
import { readLinks, readTagged3, routerViews } from './router-views.js'

export interface ClusterMap {
  readonly routers: readonly MapRouter[]
  /** One way each. */
  readonly links: readonly RouterLink[]
  /** Addresses that several routers announce. */
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
  const links = has('ospfd') ? await readLinks(open) : []
  const tagged = has('ospf6d') ? await readTagged3(open) : []
  const externals = databases.flatMap((database) => database.externals)
  return mapOf(new Set(databases.map(({ own }) => own)), [...externals, ...tagged], links)
}

/** From what the routers announce and how they are connected. */
export function mapOf(
  self: ReadonlySet<string>,
  externals: readonly External[],
  links: readonly RouterLink[]
): ClusterMap {
  const addressesByRouter = new Map<string, Set<string>>()
  const prefixesByRouter = new Map<string, Set<string>>()
  const routersByAddress = new Map<string, Set<string>>()
  const meant = new Set<string>()
  for (const { dst, router, tag } of externals) {
    const address = singleAddress(dst)
    if (address === undefined) {
      append(prefixesByRouter, router, dst)
      continue
    }
    append(addressesByRouter, router, address)
    append(routersByAddress, address, router)
    if (tag === ANYCAST_TAG) meant.add(`${address} ${router}`)
  }
  const isMeant = (address: string, routers: readonly string[]): boolean =>
    routers.every((router) => meant.has(`${address} ${router}`))
  const neighbours = links.flatMap(({ from, to, isSegment }) => (isSegment ? [from] : [from, to]))
  const ids = new Set([...self, ...neighbours, ...addressesByRouter.keys()])
  return {
    routers: [...ids].sort().map((id) => {
      const [addresses, prefixes] = [addressesByRouter, prefixesByRouter].map((all) =>
        [...(all.get(id) ?? [])].sort()
      )
      return { id, isSelf: self.has(id), addresses: addresses ?? [], prefixes: prefixes ?? [] }
    }),
    links,
    several: [...routersByAddress].flatMap(([address, found]) => {
      if (found.size === 1) return []
      const routers = [...found].sort()
      return [{ address, routers, anycast: isMeant(address, routers) }]
    })
  }
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
