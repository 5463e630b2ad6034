/** What the kernel should have for each container address and block, and what others should be told of it. */
import { desiredOfEndpoint } from '../../desired/routed.js'
import { gently } from '../../host/gently.js'
import type { Announcement, Route } from '../../host/objects.js'
import type { Endpoint } from '../../model/endpoint.js'
import { addressOf, contains } from '../../model/ip.js'
import type { Ip, Prefix } from '../../model/ip.js'
import type { Records } from '../../store/records.js'
import { announcementOf } from './holds.js'
import type { Holds } from './holds.js'

/** One destination of this host. */
export interface Visible {
  /** Whose it is: the id of an endpoint, or `block ID`. */
  readonly endpoint: string
  readonly dst: string
  /** Of a block, its first. */
  readonly address: Ip
  /** All that the kernel should have. */
  readonly objects: readonly (Route | Announcement)[]
  /** What routing daemons should read; absent = others are not told of it by itself. */
  readonly told?: Route | Announcement
  /** By what others know it: itself, or the block that it is in; absent = by nothing. */
  readonly shown?: string
}

export interface Wanted {
  readonly routes: readonly Visible[]
  /** What routing daemons should read, also for what is held without a container. */
  readonly destinations: ReadonlySet<string>
}

/** Some have hundreds of addresses. */
const ENDPOINTS_PER_TURN = 100

/** Out of the records. `holds` is absent where routing daemons read routes, not announcements. */
export async function wantedOf(
  records: Records,
  holds: Pick<Holds, 'destinations'> | undefined
): Promise<Wanted> {
  const announces = holds !== undefined
  const blocks = announces ? records.all('block') : []
  const prefixes = blocks.map(({ prefix }) => prefix)
  const routes: Visible[] = []
  await gently(
    records.all('endpoint'),
    (endpoint) => {
      for (const route of routesOf(endpoint, announces, prefixes)) routes.push(route)
    },
    ENDPOINTS_PER_TURN
  )
  for (const { id, prefix } of blocks) {
    const told = announcementOf({ dst: prefix })
    routes.push({
      endpoint: `block ${id}`,
      dst: prefix,
      address: addressOf(prefix),
      objects: [told],
      told,
      shown: prefix
    })
  }
  const destinations = new Set<string>(holds?.destinations ?? [])
  await gently(routes, ({ told }) => {
    if (told) destinations.add(told.dst)
  })
  return { routes, destinations }
}

/** Of a destination of one address; others as they are. */
export function addressIn(dst: string): string {
  return dst.replace(/\/(32|128)$/, '')
}

function routesOf(endpoint: Endpoint, announces: boolean, blocks: readonly Prefix[]): Visible[] {
  const all = new Map<string, (Route | Announcement)[]>()
  for (const object of desiredOfEndpoint(endpoint, announces)) {
    if (object.kind !== 'route' && object.kind !== 'announcement') continue
    const known = all.get(object.dst)
    if (known) known.push(object)
    else all.set(object.dst, [object])
  }
  return [...all].map(([dst, objects]) => {
    const told = objects.find((object) => object.kind === 'announcement' || object.table === undefined)
    // As we have written it: a host's prefix.
    const address = addressIn(dst) as Ip
    const shown =
      told?.dst ??
      (endpoint.covered?.includes(address) ? blocks.find((block) => contains(block, address)) : undefined)
    return {
      endpoint: endpoint.id,
      dst,
      address,
      objects,
      ...(told ? { told } : {}),
      ...(shown === undefined ? {} : { shown })
    }
  })
}
