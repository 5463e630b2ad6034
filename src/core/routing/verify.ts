/**
 * Compares, for every container address, what is desired with what the kernel has, what zebra has read of it, and what each
 * protocol announces. zebra loses kernel events when thousands of routes change at once, and nothing tells: a route that
 * it missed is not announced, and one whose end it missed draws packets to a container that is gone.
 */
import { isLetOut } from '../../desired/routing.js'
import { gently } from '../../host/gently.js'
import { keyOf } from '../../host/objects.js'
import type { Host } from '../../host/host.js'
import type { Reconciler } from '../../host/reconciler.js'
import type { RouterNeighbour } from '../../host/router-tables.js'
import { tellAgain, tellEnds } from '../../host/retell.js'
import type { OpenVty } from '../../host/vty.js'
import { addressOf, contains, hostPrefix, parsePrefix } from '../../model/ip.js'
import type { Ip } from '../../model/ip.js'
import type { Records } from '../../store/records.js'
import type { Duplicate } from './duplicates.js'
import type { Holds } from './holds.js'
import { readZebra, routerViews } from './router-views.js'
import type { ProtocolView, RouterViews } from './router-views.js'
import { activeIn, gapIn, suspectsIn, wantedOf } from './wanted.js'
import type { Wanted, ZebraGap } from './wanted.js'

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
    before = suspectsIn(found.gap)
    await parts.settle()
    found = await look(parts)
  }
  if (found.addresses.some(({ kernel }) => !kernel)) await parts.reconciler.resync()
  const repaired = await repairZebra(parts, found.gap, before)
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
  const gap = await gapIn(await wantedOf(parts.records, parts.holds), paths)
  const told = await repairZebra(parts, gap, before)
  return { told, suspects: suspectsIn(gap) }
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
  readonly gap: ZebraGap
  readonly views: RouterViews
}

async function look(parts: VerifyParts): Promise<Look> {
  const { records, host, open } = parts
  const [views, listed] = await Promise.all([routerViews(open), host.list(['route', 'announcement'])])
  const kernel = new Set<string>()
  await gently(listed, (object) => kernel.add(keyOf(object)))
  const zebra = views.zebra && (await activeIn(views.zebra))
  const wanted = await wantedOf(records, parts.holds)
  const gap = await gapIn(wanted, views.zebra)
  const networks = records.all('network')
  const addresses: VerifiedAddress[] = []
  await gently(wanted.routes, ({ endpoint, object }) => {
    const { dst } = object
    const family = dst.includes(':') ? 6 : 4
    // What our filters keep in is not missed outside.
    const isKeptIn = parts.holds !== undefined && !isLetOut(addressIn(dst) as Ip, networks)
    const protocols = isKeptIn ? [] : views.protocols.filter((view) => view.family === family)
    addresses.push({
      endpoint,
      address: addressIn(dst),
      kernel: kernel.has(keyOf(object)),
      ...(zebra ? { zebra: zebra.has(dst) } : {}),
      announced: Object.fromEntries(protocols.map(({ name, announced }) => [name, announced.has(dst)]))
    })
  })
  const neighbours = views.protocols.flatMap((view) =>
    view.neighbours.map((neighbour) => ({ protocol: view.name.split(' ')[0] ?? '', ...neighbour }))
  )
  return {
    addresses,
    stale: staleOf(records, { views, wanted, gap }),
    neighbours: distinct(neighbours),
    views,
    gap
  }
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
function staleOf(
  records: Records,
  { views, wanted, gap }: { readonly views: RouterViews; readonly wanted: Wanted; readonly gap: ZebraGap }
): StaleAddress[] {
  const { zebra = [], protocols } = views
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
  const inZebra = gap.stale.map(({ dst }) => ({ dst, where: 'zebra' }))
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

function distinct<T extends { readonly protocol: string; readonly name: string }>(all: readonly T[]): T[] {
  return [...new Map(all.map((one) => [`${one.protocol} ${one.name}`, one])).values()]
}
