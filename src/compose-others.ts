/** What deals with other hosts, wired together. Absent where the routing daemons are not ours to configure. */
import { hostname } from 'node:os'
import type { DaemonParts } from './compose.js'
import { Admission } from './core/routing/admission.js'
import { Duplicates } from './core/routing/duplicates.js'
import { announcersOf, databaseOf, heardElsewhere, isAnnounced } from './core/routing/elsewhere.js'
import type { Committer } from './core/commit.js'
import type { Endpoints } from './core/endpoints.js'
import { Holds } from './core/routing/holds.js'
import { Others } from './core/routing/others.js'
import { RouterSessions } from './core/routing/router-sessions.js'
import type { Routers } from './core/routing/routers.js'
import { Trials } from './core/routing/trials.js'
import { isSpread } from './core/routing/router-views.js'
import { Arrivals } from './core/routing/arrivals.js'
import { Blocks, coveredBy } from './core/routing/blocks.js'
import type { AutomaticParts } from './ipam/automatic.js'
import { isRouted } from './ipam/pools.js'
import { hasRoom, unfitIn } from './ipam/usage.js'
import type { Reconciler } from './host/reconciler.js'
import type { Endpoint } from './model/endpoint.js'
import { addressOf, contains, parsePrefix } from './model/ip.js'
import type { Prefix } from './model/ip.js'
import type { Routing } from './model/routing.js'
import type { Records } from './store/records.js'

/** What reads other hosts' announcements. */
export interface Outlook {
  readonly routing: Routing
  readonly sessions: RouterSessions
  readonly others: Others
  readonly holds: Holds
  readonly arrivals: Arrivals
}

export function outlookOf(
  { config: { routing }, vty, log }: DaemonParts,
  records: Records,
  reconciler: Reconciler
): Outlook | undefined {
  if (!routing) return undefined
  const sessions = new RouterSessions(vty(routing.vty))
  const elsewhere = (all: readonly string[]): Promise<string[]> => heardElsewhere(sessions, all)
  const holds = new Holds({ grace: routing.grace * 1000, reconciler, elsewhere, log })
  const others = new Others(sessions)
  const subnets = (): Prefix[] =>
    records.all('network').flatMap((network) => network.subnets.map(({ prefix }) => prefix))
  const arrivals = new Arrivals({
    reconciler,
    elsewhere: async (all) => {
      const heard = new Set(await elsewhere(all))
      return all.filter(
        (dst) => heard.has(dst) || others.hasBlockWith(addressOf(parsePrefix(dst)), subnets())
      )
    },
    seesOthers: () => others.hasAnyIn(subnets()),
    log
  })
  return { routing, sessions, others, holds, arrivals }
}

interface AdmissionCore {
  readonly records: Records
  readonly routers: Routers
  readonly reconciler: Reconciler
}

function admissionOf(
  { log }: DaemonParts,
  { routing, sessions, others, holds }: Outlook,
  core: AdmissionCore
): Admission {
  const isInDatabase = async (dst: Prefix): Promise<boolean> =>
    (await databaseOf(sessions, dst)).some(({ isOwn }) => !isOwn)
  const trials = new Trials({
    ...core,
    holds,
    isElsewhere: async (dst) =>
      (await announcersOf(sessions, dst)).some(({ isOwn }) => !isOwn) || (await isInDatabase(dst)),
    isAnnounced: (dst) => isAnnounced(sessions, dst)
  })
  return new Admission({
    mode: routing.duplicates,
    blocksWith: async (address) => {
      const pools = routing.blocks ? core.records.all('pool') : []
      const pool = pools.find(({ prefix }) => contains(prefix, address))
      const blocks = pool ? others.blocksWith(address, pool.prefix) : []
      const reachable = await heardElsewhere(
        sessions,
        blocks.map(({ dst }) => dst)
      )
      return blocks.filter(({ dst }) => reachable.includes(dst))
    },
    announcersOf: (dst) => announcersOf(sessions, dst),
    // The whole of OSPFv3's database is read for one address: not for one that nobody has.
    isInDatabase: async (dst) => others.has(dst) && (await isInDatabase(dst)),
    tryIt: (dst, networkId) => trials.run(dst, networkId),
    log
  })
}

/** Checks an endpoint that is being made, and says which of its addresses a block announces. */
export function admitterOf(
  parts: DaemonParts,
  outlook: Outlook | undefined,
  core: AdmissionCore,
  blocks: () => Blocks | undefined
): <E extends Endpoint>(endpoint: E) => Promise<E> {
  const admission = outlook && admissionOf(parts, outlook, core)
  return async (endpoint) => {
    await admission?.admit(endpoint)
    const covered = endpoint.anycast ? [] : coveredBy(blocks(), endpoint.addresses)
    return covered.length > 0 ? { ...endpoint, covered } : endpoint
  }
}

/** What automatic addresses depend on. */
export function automaticOf(
  outlook: Outlook | undefined,
  blocks: Blocks | undefined
): Pick<AutomaticParts, 'isElsewhere' | 'blocks'> {
  return {
    isElsewhere: (dst) => (outlook?.others.routersOf(dst).length ?? 0) > 0,
    ...(blocks ? { blocks } : {})
  }
}

export function blocksOf(
  { log, now, vty }: DaemonParts,
  { routing, others }: Outlook,
  core: {
    readonly records: Records
    readonly committer: Committer
    readonly endpoints: Endpoints
    readonly routers: Routers
  }
): Blocks {
  return new Blocks({
    ...core,
    others,
    sizes: routing.blocks,
    host: () => core.routers.routerId ?? hostname(),
    isSpread: (prefix) => isSpread(vty(routing.vty), prefix),
    isRouted: (pool) => isRouted(pool, core.records),
    hasRoom: (pool) =>
      hasRoom(
        pool,
        core.records,
        unfitIn(pool.range ?? pool.prefix, (dst) => others.routersOf(dst).length > 0)
      ),
    log,
    now
  })
}

export function duplicatesOf(
  { log, now }: DaemonParts,
  { routing, sessions, others }: Outlook,
  core: { readonly records: Records; readonly endpoints: Endpoints }
): Duplicates {
  return new Duplicates({
    ...core,
    mode: routing.duplicates,
    others,
    announcersOf: (dst) => announcersOf(sessions, dst),
    random: Math.random,
    now,
    log
  })
}
