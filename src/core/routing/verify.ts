/**
 * Compares, for every container address, what is desired with what the kernel has, what zebra has read of it, and what each
 * protocol announces. zebra loses kernel events when thousands of routes change at once, and nothing tells: a route that
 * it missed is not announced, and one whose end it missed draws packets to a container that is gone.
 */
import { RoutedError } from '../../errors.js'
import { isLetOut } from '../../desired/routing-filters.js'
import { gently } from '../../host/gently.js'
import { keyOf } from '../../host/objects.js'
import type { Host } from '../../host/host.js'
import type { Reconciler } from '../../host/reconciler.js'
import type { RouterDaemon } from '../../host/router-lines.js'
import type { KernelPath, RouterNeighbour } from '../../host/router-tables.js'
import { tellAgain, tellEnds } from '../../host/retell.js'
import type { OpenVty } from '../../host/vty.js'
import type { Family, Prefix } from '../../model/ip.js'
import type { Records } from '../../store/records.js'
import type { Duplicate } from './duplicates.js'
import { gapIn, suspectsIn } from './gap.js'
import type { ZebraGap } from './gap.js'
import type { Holds } from './holds.js'
import { readZebra, routerViews } from './router-views.js'
import type { RouterViews } from './router-views.js'
import { foreignRoutes, hiddenBy, staleAddresses } from './strays.js'
import type { ForeignRoute, StaleAddress } from './strays.js'
import { addressIn, wantedOf } from './visible.js'
import type { Wanted } from './visible.js'
import { lostZebra } from './zebra-lost.js'
import type { LostParts } from './zebra-lost.js'

const TOLD_AT_ONCE = 32
/** Daemons that have neighbours. */
const SPEAKERS: ReadonlySet<string> = new Set(['ospfd', 'ospf6d', 'bgpd'])

export interface VerifyParts extends LostParts {
  readonly records: Records
  readonly host: Host
  readonly reconciler: Reconciler
  /** Absent = routing daemons read routes, not announcements. */
  readonly holds?: Holds
  /** Addresses that other hosts announce, too. */
  readonly duplicates: () => readonly Duplicate[]
  /** Lines of ours that a routing daemon has not taken. */
  readonly faults: () => readonly RouterFault[]
  /** Has daemons ask zebra for routes again. */
  readonly renew: (daemons: readonly RouterDaemon[]) => Promise<void>
  /** Has daemons give zebra again what they have learnt. */
  readonly giveAgain: (daemons: readonly RouterDaemon[]) => Promise<void>
  /** Destinations of ours that zebra takes somebody else's kernel route for. */
  readonly noteHidden: (hidden: readonly Prefix[]) => void
  /** Daemons that have to answer. */
  readonly needed: readonly string[]
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
  /** Daemons that had given zebra nothing of what they have learnt; they were made to. */
  readonly mute: readonly string[]
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
  const repaired = found.gap ? await repairZebra(parts, found.gap, before) : 0
  if (found.gap) parts.noteHidden(hiddenBy(found.foreign))
  const mute = found.gap ? await renewLost(parts, found.gap) : []
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
    ...{ addresses, stale, foreign, duplicates, neighbours, faults, lonely, mute },
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
  const wanted = await wantedOf(parts.records, parts.holds)
  const gap = await gapIn(wanted, paths)
  parts.noteHidden(
    hiddenBy(foreignRoutes(wanted, { paths, protocols: [], subnets: subnetsOf(parts.records) }))
  )
  const told = await repairZebra(parts, gap, before)
  await renewLost(parts, gap)
  return { told, suspects: suspectsIn(gap) }
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

/** Returns those that had given zebra nothing. */
async function renewLost(parts: VerifyParts, gap: ZebraGap): Promise<readonly RouterDaemon[]> {
  const families = new Set([...gap.active].map((dst): Family => (dst.includes(':') ? 6 : 4)))
  const { deaf, mute } = await lostZebra(parts, families)
  if (deaf.length > 0) await parts.renew(deaf)
  if (mute.length > 0) await parts.giveAgain(mute)
  return mute
}

/** True if something is not as it should be. */
function hasGap({ addresses, stale, neighbours }: Found): boolean {
  return (
    stale.length > 0 ||
    neighbours.some(({ acknowledged }) => acknowledged === false) ||
    addresses.some((address) => gapsOf(address).length > 0)
  )
}

type Found = Omit<Verification, 'absent' | 'repaired' | 'duplicates' | 'faults' | 'lonely' | 'mute'>

interface Look extends Found {
  readonly gap: ZebraGap | undefined
  readonly views: RouterViews
}

async function look(parts: VerifyParts): Promise<Look> {
  const { records, host, open } = parts
  const [views, listed] = await Promise.all([routerViews(open), host.list(['route', 'announcement'])])
  const kernel = new Set<string>()
  await gently(listed, (object) => kernel.add(keyOf(object)))
  const wanted = await wantedOf(records, parts.holds)
  const gap = views.zebra && (await gapIn(wanted, views.zebra))
  const addresses = await addressesOf(parts, { wanted, views, kernel, active: gap?.active })
  const sight = { paths: views.zebra ?? [], protocols: views.protocols, subnets: subnetsOf(records) }
  const stale = staleAddresses(wanted, gap?.stale ?? [], sight)
  const foreign = foreignRoutes(wanted, sight)
  const neighbours = views.protocols.flatMap((view) =>
    view.neighbours.map((neighbour) => ({ protocol: view.name.split(' ')[0] ?? '', ...neighbour }))
  )
  const silent = views.silent.map((neighbour) => ({ protocol: 'bgpd', ...neighbour }))
  return { addresses, stale, foreign, neighbours: distinct([...neighbours, ...silent]), views, gap }
}

function subnetsOf(records: Records): Prefix[] {
  return records.all('network').flatMap((network) => network.subnets.map(({ prefix }) => prefix))
}

interface Seen {
  readonly wanted: Wanted
  readonly views: RouterViews
  readonly kernel: ReadonlySet<string>
  /** Destinations that zebra has of us; undefined if it was not asked. */
  readonly active: ReadonlySet<string> | undefined
}

async function addressesOf(
  { records, holds }: VerifyParts,
  { wanted, views, kernel, active }: Seen
): Promise<VerifiedAddress[]> {
  const networks = records.all('network')
  const addresses: VerifiedAddress[] = []
  await gently(wanted.routes, ({ endpoint, dst, address, objects, shown }) => {
    // What our filters keep in is not missed outside.
    const isKeptIn = holds !== undefined && !isLetOut(address, networks)
    const family = dst.includes(':') ? 6 : 4
    const protocols = isKeptIn ? [] : views.protocols.filter((view) => view.family === family)
    addresses.push({
      endpoint,
      address: addressIn(dst),
      kernel: objects.every((object) => kernel.has(keyOf(object))),
      ...(active && shown !== undefined ? { zebra: active.has(shown) } : {}),
      announced:
        shown === undefined
          ? {}
          : Object.fromEntries(protocols.map(({ name, announced }) => [name, announced.has(shown)]))
    })
  })
  return addresses
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
