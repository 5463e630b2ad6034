/** What routing daemons should see of this host's container addresses, and what zebra sees instead. */
import { desiredOfEndpoint } from '../../desired/routed.js'
import { gently } from '../../host/gently.js'
import { ANNOUNCEMENT_METRIC, LINK_PREFIX } from '../../host/objects.js'
import type { HostObject } from '../../host/objects.js'
import type { KernelPath } from '../../host/router-tables.js'
import type { Endpoint } from '../../model/endpoint.js'
import type { Records } from '../../store/records.js'
import { announcementOf } from './holds.js'
import type { Holds } from './holds.js'

/** A route or an announcement that routing daemons should see, and whose it is. */
export interface Visible {
  readonly endpoint: string
  readonly object: Extract<HostObject, { readonly dst: string }>
}

export interface Wanted {
  readonly routes: readonly Visible[]
  /** Theirs, and those that are held without a container. */
  readonly destinations: ReadonlySet<string>
}

/** What zebra has missed, and what it has of ours although it should not. */
export interface ZebraGap {
  readonly missed: readonly Visible['object'][]
  readonly stale: readonly KernelPath[]
}

/** Out of the records. `holds`: absent where routing daemons read routes, not announcements. */
export async function wantedOf(records: Records, holds: Holds | undefined): Promise<Wanted> {
  const announces = holds !== undefined
  const routes: Visible[] = []
  await gently(
    records.all('endpoint'),
    (endpoint) => {
      for (const visible of visibleOf(endpoint, announces)) routes.push(visible)
    },
    ENDPOINTS_PER_TURN
  )
  if (announces)
    for (const { id, prefix } of records.all('block'))
      routes.push({ endpoint: `block ${id}`, object: announcementOf({ dst: prefix }) })
  const destinations = new Set(holds?.destinations ?? [])
  await gently(routes, ({ object }) => destinations.add(object.dst))
  return { routes, destinations }
}

/** Some have hundreds of addresses. */
const ENDPOINTS_PER_TURN = 100

/** Routes of the main table, and announcements in place of others. */
function visibleOf(endpoint: Endpoint, announces: boolean): Visible[] {
  return desiredOfEndpoint(endpoint, announces).flatMap((object): Visible[] => {
    const isVisible =
      (object.kind === 'route' && object.table === undefined) || object.kind === 'announcement'
    return isVisible ? [{ endpoint: endpoint.id, object }] : []
  })
}

/** By destination and, for what should not be there, by our links: others may have routes to such addresses too. */
export async function gapIn(wanted: Wanted, paths: readonly KernelPath[] | undefined): Promise<ZebraGap> {
  const missed: Visible['object'][] = []
  const stale: KernelPath[] = []
  if (!paths) return { missed, stale }
  const known = await activeIn(paths)
  await gently(wanted.routes, ({ object }) => {
    if (!known.has(object.dst)) missed.push(object)
  })
  await gently(paths, (path) => {
    if (isOfOurs(path) && !wanted.destinations.has(path.dst)) stale.push(path)
  })
  return { missed, stale }
}

/** Destinations to which zebra has a path that it believes. */
export async function activeIn(paths: readonly KernelPath[]): Promise<ReadonlySet<string>> {
  const active = new Set<string>()
  await gently(paths, ({ dst, isActive }) => {
    if (isActive) active.add(dst)
  })
  return active
}

/** Destinations of which zebra does not know what it should. */
export function suspectsIn({ missed, stale }: ZebraGap): Set<string> {
  return new Set([...missed, ...stale].map(({ dst }) => dst))
}

function isOfOurs({ link, metric }: KernelPath): boolean {
  return link === undefined ? metric === ANNOUNCEMENT_METRIC : link.startsWith(LINK_PREFIX)
}
