/**
 * Compares, for every container address, what is desired with what the kernel has, what zebra has read of it, and what each
 * protocol announces. zebra loses kernel events when thousands of routes change at once, and nothing tells: a route that
 * it missed is not announced, and one whose end it missed draws packets to a container that is gone.
 */
import { RoutedError } from '../../errors.js'
import { isLetOut } from '../../desired/routing.js'
import { keyOf } from '../../host/objects.js'
import type { Host } from '../../host/host.js'
import type { Reconciler } from '../../host/reconciler.js'
import type { RouterDaemon } from '../../host/router-lines.js'
import type { KernelPath, RouterNeighbour } from '../../host/router-tables.js'
import { tellAgain, tellEnds } from '../../host/retell.js'
import type { OpenVty } from '../../host/vty.js'
import { deafIn } from '../../host/zebra-clients.js'
import { addressOf, parsePrefix } from '../../model/ip.js'
import type { Family } from '../../model/ip.js'
import type { Records } from '../../store/records.js'
import type { Duplicate } from './duplicates.js'
import type { Holds } from './holds.js'
import { readClients, readZebra, routerViews } from './router-views.js'
import type { RouterViews } from './router-views.js'
import { addressIn, foreignRoutes, isOfOurs, staleAddresses, staleIn } from './strays.js'
import type { ForeignRoute, StaleAddress } from './strays.js'
import { wantedOf } from './visible.js'
import type { Visible, Wanted } from './visible.js'

const TOLD_AT_ONCE = 32
/** Daemons that have neighbours. */
const SPEAKERS: ReadonlySet<string> = new Set(['ospfd', 'ospf6d', 'bgpd'])

export interface VerifyParts {
  readonly records: Records
  readonly host: Host
  readonly reconciler: Reconciler
  /** Absent = routing daemons read routes, not announcements. */
  readonly holds?: Holds
  readonly open: OpenVty
  /** Addresses that other hosts announce, too. */
  readonly duplicates: () => readonly Duplicate[]
  /** Lines of ours that a routing daemon has not taken. */
  readonly faults: () => readonly RouterFault[]
  /** Has daemons ask zebra for routes again. */
  readonly renew: (daemons: readonly RouterDaemon[]) => Promise<void>
  /** Daemons that have to answer. */
  readonly needed: readonly string[]
  /** Waits: changes that were under way are not faults. */
  readonly settle: () => Promise<void>
}

export interface RouterFault {
  readonly key: string
  readonly error: string
}

/**
 * One container address, or block. `kernel`: all its routes are there. `zebra`, `announced`: the address, or the block that it is
 * in; absent, or empty, where others are not to be told of it, or nobody could be asked.
 */
export interface VerifiedAddress {
  readonly endpoint: string
  readonly address: string
  readonly kernel: boolean
  readonly zebra?: boolean
  /** By protocol, and for BGP by neighbour. */
  readonly announced: Readonly<Record<string, boolean>>
}

export interface Verification {
  readonly addresses: readonly VerifiedAddress[]
  readonly stale: readonly StaleAddress[]
  /** Somebody else's routes to addresses of our subnets. */
  readonly foreign: readonly ForeignRoute[]
  /** Addresses that other hosts announce, too, without meaning to. */
  readonly duplicates: readonly Duplicate[]
  /** `acknowledged`: has in its database all that we announce; absent where its protocol does not say. */
  readonly neighbours: readonly (RouterNeighbour & { readonly protocol: string })[]
  readonly faults: readonly RouterFault[]
  /** Protocols of the section without any neighbour: no other host is told of anything. */
  readonly lonely: readonly string[]
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
  if (found.addresses.some(isHeldBack)) await renewDeaf(parts, found.views.zebra ?? [])
  const absent = [...found.views.absent].filter(([daemon]) => parts.needed.includes(daemon))
  const { addresses, stale, foreign, neighbours } = found
  const isAbsent = (key: string): boolean => absent.some(([daemon]) => key === `routing ${daemon}`)
  const faults = parts.faults().filter(({ key }) => !isAbsent(key))
  const duplicates = parts.duplicates()
  const lonely = parts.needed.filter(
    (daemon) =>
      SPEAKERS.has(daemon) &&
      !found.views.absent.has(daemon) &&
      neighbours.every(({ protocol }) => protocol !== daemon)
  )
  return {
    ...{ addresses, stale, foreign, duplicates, neighbours, faults, lonely },
    absent: Object.fromEntries(absent),
    repaired
  }
}

export interface Repair {
  readonly told: number
  readonly suspects: ReadonlySet<string>
  /** Why zebra does not answer; absent = it does. */
  readonly silence?: string
}

/**
 * Has zebra hear again of what it has missed since an earlier call, whose `suspects` it is told; what is new may just be
 * under way.
 */
export async function repairMissed(parts: VerifyParts, before: ReadonlySet<string>): Promise<Repair> {
  const paths = await pathsOf(parts.open)
  if (typeof paths === 'string') return { told: 0, suspects: new Set(), silence: paths }
  const wanted = wantedOf(parts.records, parts.holds)
  const told = await repairZebra(parts, gapIn(wanted, paths), before)
  await renewDeaf(parts, paths)
  return { told, suspects: suspectsIn(wanted, paths) }
}

/** Or why there are none. */
async function pathsOf(open: OpenVty): Promise<readonly KernelPath[] | string> {
  try {
    return await readZebra(open)
  } catch (error) {
    if (!(error instanceof RoutedError)) throw error
    return error.message
  }
}

/** Where an address should be and is not. */
export function gapsOf({ kernel, zebra, announced }: VerifiedAddress): string[] {
  const silent = Object.entries(announced).flatMap(([name, isTold]) => (isTold ? [] : [name]))
  return [...(kernel ? [] : ['kernel']), ...(zebra === false ? ['zebra'] : []), ...silent]
}

/** True if zebra has it, and a protocol does not announce it. */
export function isHeldBack({ kernel, zebra, announced }: VerifiedAddress): boolean {
  return kernel && zebra === true && Object.values(announced).includes(false)
}

/** What has just begun is looked at twice: zebra may be about to tell. */
async function renewDeaf(parts: VerifyParts, paths: readonly KernelPath[]): Promise<void> {
  const families = new Set([...activeIn(paths)].map((dst): Family => (dst.includes(':') ? 6 : 4)))
  const look = async (): Promise<readonly RouterDaemon[]> =>
    families.size === 0 ? [] : deafIn(await readClients(parts.open), families)
  const suspects = await look()
  if (suspects.length === 0) return
  await parts.settle()
  const deaf = (await look()).filter((daemon) => suspects.includes(daemon))
  if (deaf.length > 0) await parts.renew(deaf)
}

/** True if something is not as it should be. */
function hasGap({ addresses, stale, neighbours }: Found): boolean {
  return (
    stale.length > 0 ||
    neighbours.some(({ acknowledged }) => acknowledged === false) ||
    addresses.some((address) => gapsOf(address).length > 0)
  )
}

type Found = Omit<Verification, 'absent' | 'repaired' | 'duplicates' | 'faults' | 'lonely'>

interface Look extends Found {
  readonly wanted: Wanted
  readonly views: RouterViews
}

async function look(parts: VerifyParts): Promise<Look> {
  const { records, host, open } = parts
  const [views, listed] = await Promise.all([routerViews(open), host.list(['route', 'announcement'])])
  const kernel = new Set(listed.map(keyOf))
  const wanted = wantedOf(records, parts.holds)
  const addresses = addressesOf(parts, { wanted, views, kernel })
  const subnets = records.all('network').flatMap((network) => network.subnets.map(({ prefix }) => prefix))
  const sight = { paths: views.zebra ?? [], protocols: views.protocols, subnets }
  const stale = staleAddresses(wanted, sight)
  const foreign = foreignRoutes(wanted, sight)
  const neighbours = views.protocols.flatMap((view) =>
    view.neighbours.map((neighbour) => ({ protocol: view.name.split(' ')[0] ?? '', ...neighbour }))
  )
  const silent = views.silent.map((neighbour) => ({ protocol: 'bgpd', ...neighbour }))
  return { addresses, stale, foreign, neighbours: distinct([...neighbours, ...silent]), views, wanted }
}

function addressesOf(
  { records, holds }: VerifyParts,
  { wanted, views, kernel }: Pick<Look, 'wanted' | 'views'> & { readonly kernel: ReadonlySet<string> }
): VerifiedAddress[] {
  const zebra = views.zebra && activeIn(views.zebra)
  const networks = records.all('network')
  return wanted.routes.map(({ endpoint, dst, objects, shown }) => {
    // What our filters keep in is not missed outside.
    const isKeptIn = holds !== undefined && !isLetOut(addressOf(parsePrefix(dst)), networks)
    const family = dst.includes(':') ? 6 : 4
    const protocols = isKeptIn ? [] : views.protocols.filter((view) => view.family === family)
    return {
      endpoint,
      address: addressIn(dst),
      kernel: objects.every((object) => kernel.has(keyOf(object))),
      ...(zebra && shown !== undefined ? { zebra: zebra.has(shown) } : {}),
      announced:
        shown === undefined
          ? {}
          : Object.fromEntries(protocols.map(({ name, announced }) => [name, announced.has(shown)]))
    }
  })
}

interface ZebraGap {
  readonly missed: readonly NonNullable<Visible['told']>[]
  readonly stale: readonly KernelPath[]
}

/** By destination and, for what should not be there, by our links: others may have routes to such addresses too. */
function gapIn(wanted: Wanted, paths: readonly KernelPath[] | undefined): ZebraGap {
  if (!paths) return { missed: [], stale: [] }
  const objects = wanted.routes.flatMap(({ told }) => told ?? [])
  const known = activeIn(paths)
  return {
    missed: objects.filter(({ dst }) => !known.has(dst)),
    stale: staleIn(paths, wanted)
  }
}

/** Destinations to which zebra has a path of ours that it believes. */
function activeIn(paths: readonly KernelPath[]): Set<string> {
  return new Set(paths.flatMap((path) => (path.isActive && isOfOurs(path) ? [path.dst] : [])))
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

function distinct<T extends RouterNeighbour & { readonly protocol: string }>(all: readonly T[]): T[] {
  return [...new Map(all.map((one) => [`${one.protocol} ${one.name} ${one.link ?? ''}`, one])).values()]
}
