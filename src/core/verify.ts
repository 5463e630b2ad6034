/**
 * Compares, for every container address, what is desired with what the kernel has, what zebra has read of it, and what each
 * protocol announces. zebra loses kernel events when thousands of routes change at once, and nothing tells: a route that
 * it missed is not announced, and one whose end it missed draws packets to a container that is gone.
 */
import { desiredOfEndpoint } from '../desired/routed.js'
import { ANNOUNCEMENT_METRIC, LINK_PREFIX, keyOf } from '../host/objects.js'
import type { HostObject } from '../host/objects.js'
import type { Host } from '../host/host.js'
import type { Reconciler } from '../host/reconciler.js'
import type { KernelPath, RouterNeighbour } from '../host/router-tables.js'
import type { Holds } from './holds.js'
import { tellAgain, tellEnds } from '../host/retell.js'
import type { OpenVty } from '../host/vty.js'
import { addressOf, contains, familyOf, hostPrefix, parsePrefix } from '../model/ip.js'
import type { Records } from '../store/records.js'
import { readZebra, routerViews } from './router-views.js'
import type { ProtocolView, RouterViews } from './router-views.js'

export interface VerifyParts {
  readonly records: Records
  readonly host: Host
  readonly reconciler: Reconciler
  /** Absent = routing daemons read routes, not announcements. */
  readonly holds?: Holds
  readonly open: OpenVty
  /** Daemons that have to answer. */
  readonly needed: readonly string[]
  /** Waits: changes that were under way are not faults. */
  readonly settle: () => Promise<void>
}

/** One container address. Absent = nobody could be asked. */
export interface VerifiedAddress {
  readonly endpoint: string
  readonly address: string
  readonly kernel: boolean
  readonly zebra?: boolean
  /** By protocol, and for BGP by neighbour. */
  readonly announced: Readonly<Record<string, boolean>>
}

/** An address of ours that somebody still has although no container does. */
export interface StaleAddress {
  readonly address: string
  readonly where: string
}

export interface Verification {
  readonly addresses: readonly VerifiedAddress[]
  readonly stale: readonly StaleAddress[]
  /** `acknowledged`: has in its database all that we announce; absent where its protocol does not say. */
  readonly neighbours: readonly (RouterNeighbour & { readonly protocol: string })[]
  /** Daemons that have to answer and do not, and why. */
  readonly absent: Readonly<Record<string, string>>
  /** Routes that were sent to zebra again, or taken from it. */
  readonly repaired: number
}

/** Compares, repairs what is ours, and says what it was like before the repair. */
export async function verify(parts: VerifyParts): Promise<Verification> {
  let found = await look(parts)
  if (hasGap(found)) {
    await parts.settle()
    found = await look(parts)
  }
  if (found.addresses.some(({ kernel }) => !kernel)) await parts.reconciler.resync()
  const repaired = found.views.zebra ? await repairZebra(parts, found.views.zebra) : 0
  const { addresses, stale, neighbours, views } = found
  const absent = [...views.absent].filter(([daemon]) => parts.needed.includes(daemon))
  return { addresses, stale, neighbours, absent: Object.fromEntries(absent), repaired }
}

/** Has zebra read again what it missed. Returns how many routes that were. Throws UnavailableError or TimeoutError. */
export async function repairMissed(parts: VerifyParts): Promise<number> {
  const gap = (paths: readonly KernelPath[]): number => {
    const { missed, stale } = zebraGap(parts, paths)
    return missed.length + stale.length
  }
  if (gap(await readZebra(parts.open)) === 0) return 0
  await parts.settle()
  return repairZebra(parts, await readZebra(parts.open))
}

type Found = Omit<Verification, 'absent' | 'repaired'>

/** Where an address should be and is not. */
export function gapsOf({ kernel, zebra, announced }: VerifiedAddress): string[] {
  const silent = Object.entries(announced).flatMap(([name, isTold]) => (isTold ? [] : [name]))
  return [...(kernel ? [] : ['kernel']), ...(zebra === false ? ['zebra'] : []), ...silent]
}

/** True if something is not as it should be. */
function hasGap({ addresses, stale, neighbours }: Found): boolean {
  return (
    stale.length > 0 ||
    neighbours.some(({ acknowledged }) => acknowledged === false) ||
    addresses.some((address) => gapsOf(address).length > 0)
  )
}

interface Look extends Found {
  readonly views: RouterViews
}

async function look(parts: VerifyParts): Promise<Look> {
  const { host, open } = parts
  const [views, listed] = await Promise.all([routerViews(open), host.list(['route', 'announcement'])])
  const kernel = new Set(listed.map(keyOf))
  const zebra = views.zebra && new Set(views.zebra.map(({ dst }) => dst))
  const wanted = visibleRoutes(parts)
  const addresses = wanted.map(({ endpoint, object }): VerifiedAddress => {
    const { dst } = object
    const protocols = views.protocols.filter(({ family }) => family === familyOfPrefix(dst))
    return {
      endpoint,
      address: addressOf(parsePrefix(dst)),
      kernel: kernel.has(keyOf(object)),
      ...(zebra ? { zebra: zebra.has(dst) } : {}),
      announced: Object.fromEntries(protocols.map(({ name, announced }) => [name, announced.has(dst)]))
    }
  })
  const neighbours = views.protocols.flatMap((view) =>
    view.neighbours.map((neighbour) => ({ protocol: view.name.split(' ')[0] ?? '', ...neighbour }))
  )
  return { addresses, stale: staleOf(parts, views), neighbours: distinct(neighbours), views }
}

interface Visible {
  readonly endpoint: string
  readonly object: Extract<HostObject, { readonly dst: string }>
}

/** What routing daemons should see: routes of the main table, and announcements in place of others. */
function visibleRoutes({ records, holds }: VerifyParts): Visible[] {
  return records.all('endpoint').flatMap((endpoint) =>
    desiredOfEndpoint(endpoint, holds !== undefined).flatMap((object): Visible[] => {
      const isVisible =
        (object.kind === 'route' && object.table === undefined) || object.kind === 'announcement'
      return isVisible ? [{ endpoint: endpoint.id, object }] : []
    })
  )
}

interface ZebraGap {
  readonly missed: readonly HostObject[]
  readonly stale: readonly KernelPath[]
}

/** By destination and, for what should not be there, by our links: others may have routes to such addresses too. */
function zebraGap(parts: VerifyParts, paths: readonly KernelPath[]): ZebraGap {
  const wanted = visibleRoutes(parts).map(({ object }) => object)
  const known = new Set(paths.map(({ dst }) => dst))
  const desired = destinations(parts)
  return {
    missed: wanted.filter(({ dst }) => !known.has(dst)),
    stale: paths.filter((path) => isOfOurs(path) && !desired.has(path.dst))
  }
}

/** What should be announced: what containers have, and what is held for them. */
function destinations(parts: VerifyParts): Set<string> {
  return new Set([
    ...visibleRoutes(parts).map(({ object }) => object.dst),
    ...(parts.holds?.destinations ?? [])
  ])
}

function isOfOurs({ link, metric }: KernelPath): boolean {
  return link === undefined ? metric === ANNOUNCEMENT_METRIC : link.startsWith(LINK_PREFIX)
}

async function repairZebra(parts: VerifyParts, paths: readonly KernelPath[]): Promise<number> {
  const { missed, stale } = zebraGap(parts, paths)
  let told = 0
  await parts.reconciler.retell((desired, actual) => {
    const again = tellAgain(missed, desired, actual)
    const ends = tellEnds(stale, desired, actual)
    told = new Set([...again, ...ends].map(({ object }) => keyOf(object))).size
    return [...again, ...ends]
  })
  return told
}

/** Of our subnets only: what others announce is their business. */
function staleOf(parts: VerifyParts, { zebra = [], protocols }: RouterViews): StaleAddress[] {
  const desired = destinations(parts)
  const subnets = parts.records
    .all('network')
    .flatMap((network) => network.subnets.map(({ prefix }) => prefix))
  const known = new Set(zebra.map(({ dst }) => dst))
  const isOurs = (dst: string): boolean => {
    const prefix = parsePrefix(dst)
    return (
      hostPrefix(addressOf(prefix)) === prefix &&
      subnets.some((subnet) => contains(subnet, addressOf(prefix)))
    )
  }
  const inZebra = zebraGap(parts, zebra).stale.map(({ dst }) => ({ dst, where: 'zebra' }))
  // What zebra has from somebody else's route is announced rightly.
  const announced = protocols.flatMap((view: ProtocolView) =>
    [...view.announced].flatMap((dst) =>
      !desired.has(dst) && !known.has(dst) && isOurs(dst) ? [{ dst, where: view.name }] : []
    )
  )
  return [...inZebra, ...announced].map(({ dst, where }) => ({ address: addressOf(parsePrefix(dst)), where }))
}

function familyOfPrefix(dst: string): 4 | 6 {
  return familyOf(parsePrefix(dst))
}

function distinct<T extends { readonly protocol: string; readonly name: string }>(all: readonly T[]): T[] {
  return [...new Map(all.map((one) => [`${one.protocol} ${one.name}`, one])).values()]
}
