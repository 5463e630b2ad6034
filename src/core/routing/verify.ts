/**
 * Compares, for every container address, what is desired with what the kernel has, what zebra has read of it, and what each
 * protocol announces. zebra loses kernel events when thousands of routes change at once, and nothing tells: a route that
 * it missed is not announced, and one whose end it missed draws packets to a container that is gone.
 */
import { desiredOfEndpoint } from '../../desired/routed.js'
import { isLetOut } from '../../desired/routing.js'
import { ANNOUNCEMENT_METRIC, LINK_PREFIX, keyOf } from '../../host/objects.js'
import type { HostObject } from '../../host/objects.js'
import type { Host } from '../../host/host.js'
import type { Reconciler } from '../../host/reconciler.js'
import type { KernelPath, RouterNeighbour } from '../../host/router-tables.js'
import { tellAgain, tellEnds } from '../../host/retell.js'
import type { OpenVty } from '../../host/vty.js'
import { addressOf, contains, hostPrefix, parsePrefix } from '../../model/ip.js'
import type { Records } from '../../store/records.js'
import type { Duplicate } from './duplicates.js'
import { announcementOf } from './holds.js'
import type { Holds } from './holds.js'
import { readZebra, routerViews } from './router-views.js'
import type { ProtocolView, RouterViews } from './router-views.js'

const TOLD_AT_ONCE = 32

export interface VerifyParts {
  readonly records: Records
  readonly host: Host
  readonly reconciler: Reconciler
  /** Absent = routing daemons read routes, not announcements. */
  readonly holds?: Holds
  readonly open: OpenVty
  /** Addresses that other hosts announce, too. */
  readonly duplicates: () => readonly Duplicate[]
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
  /** Addresses that other hosts announce, too, without meaning to. */
  readonly duplicates: readonly Duplicate[]
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
  let before: ReadonlySet<string> = new Set()
  if (hasGap(found)) {
    before = suspectsIn(found.wanted, found.views.zebra)
    await parts.settle()
    found = await look(parts)
  }
  if (found.addresses.some(({ kernel }) => !kernel)) await parts.reconciler.resync()
  const repaired = await repairZebra(parts, gapIn(found.wanted, found.views.zebra), before)
  const absent = [...found.views.absent].filter(([daemon]) => parts.needed.includes(daemon))
  const { addresses, stale, neighbours } = found
  const duplicates = parts.duplicates()
  return { addresses, stale, duplicates, neighbours, absent: Object.fromEntries(absent), repaired }
}

/**
 * Has zebra hear again of what it has missed since an earlier call, whose `suspects` it is told; what is new may just be
 * under way. Throws UnavailableError or TimeoutError.
 */
export async function repairMissed(
  parts: VerifyParts,
  before: ReadonlySet<string>
): Promise<{ readonly told: number; readonly suspects: ReadonlySet<string> }> {
  const paths = await readZebra(parts.open)
  const wanted = wantedOf(parts)
  const told = await repairZebra(parts, gapIn(wanted, paths), before)
  return { told, suspects: suspectsIn(wanted, paths) }
}

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

type Found = Omit<Verification, 'absent' | 'repaired' | 'duplicates'>

interface Look extends Found {
  readonly wanted: Wanted
  readonly views: RouterViews
}

async function look(parts: VerifyParts): Promise<Look> {
  const { records, host, open } = parts
  const [views, listed] = await Promise.all([routerViews(open), host.list(['route', 'announcement'])])
  const kernel = new Set(listed.map(keyOf))
  const zebra = views.zebra && activeIn(views.zebra)
  const wanted = wantedOf(parts)
  const networks = records.all('network')
  const addresses = wanted.routes.map(({ endpoint, object }): VerifiedAddress => {
    const { dst } = object
    const family = dst.includes(':') ? 6 : 4
    // What our filters keep in is not missed outside.
    const isKeptIn = parts.holds !== undefined && !isLetOut(addressOf(parsePrefix(dst)), networks)
    const protocols = isKeptIn ? [] : views.protocols.filter((view) => view.family === family)
    return {
      endpoint,
      address: addressIn(dst),
      kernel: kernel.has(keyOf(object)),
      ...(zebra ? { zebra: zebra.has(dst) } : {}),
      announced: Object.fromEntries(protocols.map(({ name, announced }) => [name, announced.has(dst)]))
    }
  })
  const neighbours = views.protocols.flatMap((view) =>
    view.neighbours.map((neighbour) => ({ protocol: view.name.split(' ')[0] ?? '', ...neighbour }))
  )
  return {
    addresses,
    stale: staleOf(records, views, wanted),
    neighbours: distinct(neighbours),
    views,
    wanted
  }
}

interface Visible {
  readonly endpoint: string
  readonly object: Extract<HostObject, { readonly dst: string }>
}

interface Wanted {
  readonly routes: readonly Visible[]
  /** Theirs, and those that are held without a container. */
  readonly destinations: ReadonlySet<string>
}

function wantedOf({ records, holds }: VerifyParts): Wanted {
  const routes = visibleRoutes(records, holds !== undefined)
  const held = holds?.destinations ?? []
  return { routes, destinations: new Set([...routes.map(({ object }) => object.dst), ...held]) }
}

/** What routing daemons should see: routes of the main table, and announcements in place of others. */
function visibleRoutes(records: Records, announces: boolean): Visible[] {
  const blocks = records.all('block').map(({ id, prefix }): Visible => {
    return { endpoint: `block ${id}`, object: announcementOf({ dst: prefix }) }
  })
  const own = records.all('endpoint').flatMap((endpoint) =>
    desiredOfEndpoint(endpoint, announces).flatMap((object): Visible[] => {
      const isVisible =
        (object.kind === 'route' && object.table === undefined) || object.kind === 'announcement'
      return isVisible ? [{ endpoint: endpoint.id, object }] : []
    })
  )
  return announces ? [...own, ...blocks] : own
}

interface ZebraGap {
  readonly missed: readonly Visible['object'][]
  readonly stale: readonly KernelPath[]
}

/** By destination and, for what should not be there, by our links: others may have routes to such addresses too. */
function gapIn(wanted: Wanted, paths: readonly KernelPath[] | undefined): ZebraGap {
  if (!paths) return { missed: [], stale: [] }
  const objects = wanted.routes.map(({ object }) => object)
  const known = activeIn(paths)
  return {
    missed: objects.filter(({ dst }) => !known.has(dst)),
    stale: paths.filter((path) => isOfOurs(path) && !wanted.destinations.has(path.dst))
  }
}

function isOfOurs({ link, metric }: KernelPath): boolean {
  return link === undefined ? metric === ANNOUNCEMENT_METRIC : link.startsWith(LINK_PREFIX)
}

/** Destinations to which zebra has a path that it believes. */
function activeIn(paths: readonly KernelPath[]): Set<string> {
  return new Set(paths.flatMap(({ dst, isActive }) => (isActive ? [dst] : [])))
}

/** Destinations of which zebra does not know what it should. */
function suspectsIn(wanted: Wanted, paths: readonly KernelPath[] | undefined): Set<string> {
  const { missed, stale } = gapIn(wanted, paths)
  return new Set([...missed, ...stale].map(({ dst }) => dst))
}

/** Returns how many destinations were told of. A few at a time: containers start meanwhile. */
async function repairZebra(
  { reconciler }: VerifyParts,
  { missed, stale }: ZebraGap,
  suspects: ReadonlySet<string>
): Promise<number> {
  const objects = missed.filter(({ dst }) => suspects.has(dst))
  const ended = stale.filter(({ dst }) => suspects.has(dst))
  for (let at = 0; at < Math.max(objects.length, ended.length); at += TOLD_AT_ONCE) {
    await reconciler.retell((desired, actual) => [
      ...tellAgain(objects.slice(at, at + TOLD_AT_ONCE), desired, actual),
      ...tellEnds(ended.slice(at, at + TOLD_AT_ONCE), desired, actual)
    ])
  }
  return objects.length + ended.length
}

/** Of our subnets only: what others announce is their business. */
function staleOf(records: Records, { zebra = [], protocols }: RouterViews, wanted: Wanted): StaleAddress[] {
  const desired = wanted.destinations
  const subnets = records.all('network').flatMap((network) => network.subnets.map(({ prefix }) => prefix))
  const known = new Set(zebra.map(({ dst }) => dst))
  const isOurs = (dst: string): boolean => {
    const prefix = parsePrefix(dst)
    return (
      hostPrefix(addressOf(prefix)) === prefix &&
      subnets.some((subnet) => contains(subnet, addressOf(prefix)))
    )
  }
  const inZebra = gapIn(wanted, zebra).stale.map(({ dst }) => ({ dst, where: 'zebra' }))
  // What zebra has from somebody else's route is announced rightly.
  const announced = protocols.flatMap((view: ProtocolView) =>
    [...view.announced].flatMap((dst) =>
      !desired.has(dst) && !known.has(dst) && isOurs(dst) ? [{ dst, where: view.name }] : []
    )
  )
  return [...inZebra, ...announced].map(({ dst, where }) => ({ address: addressIn(dst), where }))
}

/** Of a destination of one address. */
function addressIn(dst: string): string {
  return dst.slice(0, dst.indexOf('/'))
}

function distinct<T extends RouterNeighbour & { readonly protocol: string }>(all: readonly T[]): T[] {
  return [...new Map(all.map((one) => [`${one.protocol} ${one.name} ${one.link ?? ''}`, one])).values()]
}
