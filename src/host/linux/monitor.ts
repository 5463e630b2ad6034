/** Kernel notifications about objects of ours, told by their key. Also our own changes come back: whoever wants news compares. */
import type { HostChange } from '../host.js'
import { ANNOUNCEMENT_METRIC, LINK_PREFIX, keyOf } from '../objects.js'
import { decodeAddress } from './addresses.js'
import { AF, IFF, NETLINK, NFNLGRP_NFTABLES, NLM_F, RTM, RTNLGRP } from './constants.js'
import { EventSocket } from './event-socket.js'
import { isDefault, leadsOut } from './facts.js'
import { filterEvents } from './filter-events.js'
import type { Kernel } from './kernel.js'
import { decodeLink, decodeOwnName, getLinks, isOurs } from './links.js'
import type { FoundLink } from './links.js'
import type { Received } from './messages.js'
import { decodeAnyNeighbour } from './neighbours.js'
import { netconfChange } from './netconf.js'
import { decodeAnnouncement, decodeRoute } from './routes.js'
import type { FoundRoute } from './routes.js'
import { besideChange, queueChange } from './shaper-events.js'
import { isShaperLink } from './shapers.js'

/** Something was lost or cannot be told: anything may have changed. */
const ANYTHING: HostChange = { kind: 'link', gone: true, lost: true }
/** No object of ours has such a key. */
const OUTWARD: HostChange = { kind: 'link', key: 'the way out', gone: false, outward: true }
/** Offsets in struct ifinfomsg. */
const FLAGS_OFFSET = 8
const CHANGE_OFFSET = 12

/** Calls back for every event about an object of ours. Returns how to stop, which is at once. */
export function monitor(kernel: Kernel, onChange: (change: HostChange) => void): () => void {
  const { routing, filter } = kernel.inside(() => ({
    routing: new EventSocket(NETLINK.ROUTE, Object.values(RTNLGRP)),
    filter: new EventSocket(NETLINK.NETFILTER, [NFNLGRP_NFTABLES])
  }))
  const namesByIndex = new Map<number, string>()
  const onLoss = (): void => {
    onChange(ANYTHING)
  }
  routing.listen((message) => {
    const change = routingChange(message, { kernel, namesByIndex })
    if (change) onChange(change)
  }, onLoss)
  filter.listen(
    filterEvents(onChange, (port) => port === kernel.filter.port),
    onLoss
  )
  let isStopped = false
  learnNames(kernel, namesByIndex).catch(() => {
    if (!isStopped) onLoss()
  })
  return () => {
    isStopped = true
    routing.close()
    filter.close()
  }
}

interface Context {
  readonly kernel: Kernel
  readonly namesByIndex: Map<number, string>
}

/** Links that are there already. What an event has said about an index meanwhile is newer. */
async function learnNames(kernel: Kernel, namesByIndex: Map<number, string>): Promise<void> {
  for (const { index, name } of await kernel.dumps.dump(getLinks(), decodeOwnName))
    if (!namesByIndex.has(index)) namesByIndex.set(index, name)
}

function routingChange(message: Received, context: Context): HostChange | undefined {
  const { type, flags, body } = message
  switch (type) {
    case RTM.NEWLINK:
    case RTM.DELLINK:
      return linkChange(type, body, context.namesByIndex)
    case RTM.NEWADDR:
    case RTM.DELADDR:
      return addressChange(type, body, context)
    case RTM.NEWNEIGH:
    case RTM.DELNEIGH:
      return neighbourChange(type, body, context)
    case RTM.NEWROUTE:
      return routeChange(body, context, { isNew: true, isReplacement: (flags & NLM_F.REPLACE) !== 0 })
    case RTM.DELROUTE:
      return routeChange(body, context, { isNew: false, isReplacement: false })
    case RTM.NEWQDISC:
    case RTM.DELQDISC:
    case RTM.DELTFILTER:
      return queueChange(message, (index) => context.namesByIndex.get(index))
    case RTM.NEWNETCONF:
      return netconfChange(body, (index) => context.namesByIndex.get(index))
    default:
      return undefined
  }
}

/** A link that goes down loses its routes without further notice, so it counts as gone. */
function linkChange(type: number, body: Buffer, namesByIndex: Map<number, string>): HostChange | undefined {
  const link: FoundLink | undefined = body[0] === AF.UNSPEC ? decodeLink(body) : undefined
  const isBeside = link !== undefined && isShaperLink(link)
  if (isBeside && type === RTM.NEWLINK) namesByIndex.set(link.index, link.name)
  if (isBeside && type === RTM.DELLINK) namesByIndex.delete(link.index)
  if (isBeside) return besideChange(type, link)
  if (!link) return undefined
  if (!(link.name.startsWith(LINK_PREFIX) || isOurs(link))) return leadsOut(link) ? OUTWARD : undefined
  const key = `link ${link.name}`
  if (type === RTM.DELLINK) {
    namesByIndex.delete(link.index)
    return { kind: 'link', key, gone: true }
  }
  namesByIndex.set(link.index, link.name)
  const changed = body.readUInt32LE(CHANGE_OFFSET)
  const isNew = changed === 0xffffffff
  const wentDown = !isNew && (changed & IFF.UP) !== 0 && (body.readUInt32LE(FLAGS_OFFSET) & IFF.UP) === 0
  return { kind: 'link', key, gone: wentDown, runs: link.runs }
}

function addressChange(type: number, body: Buffer, { namesByIndex }: Context): HostChange | undefined {
  const found = decodeAddress(body)
  const link = found && namesByIndex.get(found.index)
  if (!found || link === undefined) return undefined
  const key = keyOf({ kind: 'address', link, address: found.address })
  return { kind: 'address', key, gone: type === RTM.DELADDR }
}

/** An entry that somebody else has put in the place of ours is as good as none. */
function neighbourChange(
  type: number,
  body: Buffer,
  { kernel, namesByIndex }: Context
): HostChange | undefined {
  const found = decodeAnyNeighbour(body)
  const link = found && namesByIndex.get(found.index)
  if (!found || link === undefined) return undefined
  const { address, mac } = found
  const object = { kind: 'neighbour', link, address, mac } as const
  const isLikeOurs = found.isPermanent && found.protocol === kernel.protocol
  const gone = type === RTM.DELNEIGH || !isLikeOurs
  return { kind: 'neighbour', key: keyOf(object), gone, ...(gone ? {} : { object }) }
}

/**
 * Replacing a route is told only as the new one, whoever had the old one; and where one goes that somebody else had put in
 * the place of ours, ours can come back.
 */
function routeChange(
  body: Buffer,
  { kernel }: Context,
  { isNew, isReplacement }: { isNew: boolean; isReplacement: boolean }
): HostChange | undefined {
  const announcement = decodeAnnouncement(body, kernel.protocol)
  if (announcement) return { kind: 'announcement', key: keyOf(announcement), gone: !isNew }
  const found = decodeRoute(body)
  const isOfOurs = found?.protocol === kernel.protocol
  if (found && !isOfOurs && isDefault(found)) return { ...OUTWARD, kind: 'route' }
  if (found && !isOfOurs && isNew && !isReplacement && isBefore(found)) {
    const hidden = { kind: 'announcement', dst: found.dst } as const
    return { kind: 'announcement', key: keyOf(hidden), gone: false, hides: true }
  }
  if (!found || !(isOfOurs || isReplacement || (!isNew && isToOneAddress(found.dst)))) return undefined
  const { dst, metric, table } = found
  const key = keyOf({ kind: 'route', dst, link: '', metric, ...(table ? { table } : {}) })
  return { kind: 'route', key, gone: !(isNew && isOfOurs) }
}

/** True if routing daemons take the route in the place of an announcement to the same address. */
function isBefore({ dst, metric, table }: FoundRoute): boolean {
  return table === undefined && isToOneAddress(dst) && metric < ANNOUNCEMENT_METRIC
}

function isToOneAddress(dst: string): boolean {
  return dst.endsWith(dst.includes(':') ? '/128' : '/32')
}
