/** What the kernel should have for each container address and block, and what others should be told of it. */
import { desiredOfEndpoint } from '../../desired/routed.js'
import type { Announcement, Route } from '../../host/objects.js'
import type { Endpoint } from '../../model/endpoint.js'
import { addressOf, contains, parsePrefix } from '../../model/ip.js'
import type { Prefix } from '../../model/ip.js'
import type { Records } from '../../store/records.js'
import { announcementOf } from './holds.js'
import type { Holds } from './holds.js'

/** One destination of this host. */
export interface Visible {
  /** Whose it is: the id of an endpoint, or `block ID`. */
  readonly endpoint: string
  readonly dst: string
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

/** `holds` is absent where routing daemons read routes, not announcements. */
export function wantedOf(records: Records, holds: Pick<Holds, 'destinations'> | undefined): Wanted {
  const announces = holds !== undefined
  const blocks = announces ? records.all('block') : []
  const prefixes = blocks.map(({ prefix }) => prefix)
  const routes = [
    ...records.all('endpoint').flatMap((endpoint) => routesOf(endpoint, announces, prefixes)),
    ...blocks.map(({ id, prefix }): Visible => {
      const told = announcementOf({ dst: prefix })
      return { endpoint: `block ${id}`, dst: prefix, objects: [told], told, shown: prefix }
    })
  ]
  const told = routes.flatMap((route) => route.told?.dst ?? [])
  return { routes, destinations: new Set([...told, ...(holds?.destinations ?? [])]) }
}

function routesOf(endpoint: Endpoint, announces: boolean, blocks: readonly Prefix[]): Visible[] {
  const all = desiredOfEndpoint(endpoint, announces).flatMap((object) =>
    object.kind === 'route' || object.kind === 'announcement' ? [object] : []
  )
  return [...new Set(all.map(({ dst }) => dst))].map((dst) => {
    const objects = all.filter((object) => object.dst === dst)
    const told = objects.find((object) => object.kind === 'announcement' || object.table === undefined)
    const address = addressOf(parsePrefix(dst))
    const shown =
      told?.dst ??
      (endpoint.covered?.includes(address) ? blocks.find((block) => contains(block, address)) : undefined)
    return {
      endpoint: endpoint.id,
      dst,
      objects,
      ...(told ? { told } : {}),
      ...(shown === undefined ? {} : { shown })
    }
  })
}
