/** Routes of the main table, and of ours in the local one. Whoever adds a route to the same destination with the same metric first has it. */
import type { EndRoute } from '../ends.js'
import { ANNOUNCEMENT_METRIC } from '../objects.js'
import type { Announcement, Route } from '../objects.js'
import { bytesToIp, familyOf, ipToBytes, parsePrefix } from './bytes.js'
import {
  AF,
  NLM_F,
  ROUTE_PROTOCOLS,
  RTPROT_BOOT,
  RTA,
  RTAX,
  RTM,
  RTM_F_FIB_MATCH,
  RTN,
  RT_SCOPE,
  RT_TABLE
} from './constants.js'
import { attribute, find, findU32, u32 } from './messages.js'
import type { Message } from './messages.js'

/** A unicast route. */
export interface FoundRoute {
  readonly dst: string
  readonly metric: number
  readonly protocol: number
  /** Absent = the main table. */
  readonly table?: 'local'
  readonly scope: number
  /** Links that it leads to; several if it is a multipath route. */
  readonly indexes: readonly number[]
  /** Next router, or undefined where the destination is on the link. */
  readonly via?: string
  /** Address that the route prefers as source. */
  readonly src?: string
  /** In bytes, where the route itself says so: as its `mtu`, or by the segments that fit. */
  readonly mtu?: number
}

/** struct rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type, flags. */
const RTMSG_SIZE = 12
const LOOPBACK = ipToBytes('::1')
/** Worse than the kernel's own through lo. */
const LOOPBACK_METRIC = 1024
/** struct rtnexthop: length, flags, hops, link index. */
const RTNEXTHOP_SIZE = 8

/**
 * Adds a route of ours through the link with that index, or deletes it. Two things are not as they look: the kernel takes
 * metric 0 of an IPv6 route for 1024, and in a delete for any metric.
 */
export function changeRoute(
  verb: 'add' | 'delete',
  object: Route,
  ours: { index: number; protocol: number }
): Message {
  const { address, length } = parsePrefix(object.dst)
  const header = rtmsg(familyOf(address), {
    length,
    protocol: ours.protocol,
    scope: RT_SCOPE.LINK,
    type: RTN.UNICAST,
    table: tableOf(object)
  })
  const attributes = [attribute(RTA.DST, address), u32(RTA.OIF, ours.index), u32(RTA.PRIORITY, object.metric)]
  const body = Buffer.concat([header, ...attributes])
  if (verb === 'delete') return { type: RTM.DELROUTE, flags: 0, body }
  return { type: RTM.NEWROUTE, flags: NLM_F.CREATE | NLM_F.EXCL, body }
}

/** Adds a route of a container. */
export function addEndRoute({ dst, via, src }: EndRoute, index: number): Message {
  const { address, length } = parsePrefix(dst)
  const scope = via === undefined ? RT_SCOPE.LINK : RT_SCOPE.UNIVERSE
  const header = rtmsg(familyOf(address), { length, protocol: RTPROT_BOOT, scope, type: RTN.UNICAST })
  const attributes = [
    attribute(RTA.DST, address),
    u32(RTA.OIF, index),
    ...(via === undefined ? [] : [attribute(RTA.GATEWAY, ipToBytes(via))]),
    ...(src === undefined ? [] : [attribute(RTA.PREFSRC, ipToBytes(src))])
  ]
  return {
    type: RTM.NEWROUTE,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    body: Buffer.concat([header, ...attributes])
  }
}

/** Adds an announcement, or deletes it. */
export function changeAnnouncement(verb: 'add' | 'delete', { dst }: Announcement, protocol: number): Message {
  const { address, length } = parsePrefix(dst)
  const header = rtmsg(familyOf(address), { length, protocol, type: RTN.BLACKHOLE })
  const body = Buffer.concat([header, attribute(RTA.DST, address), u32(RTA.PRIORITY, ANNOUNCEMENT_METRIC)])
  if (verb === 'delete') return { type: RTM.DELROUTE, flags: 0, body }
  return { type: RTM.NEWROUTE, flags: NLM_F.CREATE | NLM_F.EXCL, body }
}

/** Lets ::1 in through the link with that index, or no more. Each link has such a route, so none is exclusive. */
export function changeLoopback(
  verb: 'add' | 'delete',
  { index, protocol }: { index: number; protocol: number }
): Message {
  const [scope, type, table] = [RT_SCOPE.HOST, RTN.LOCAL, RT_TABLE.LOCAL]
  const header = rtmsg(AF.INET6, { length: LOOPBACK.length * 8, protocol, scope, type, table })
  const body = Buffer.concat([
    header,
    attribute(RTA.DST, LOOPBACK),
    u32(RTA.OIF, index),
    u32(RTA.PRIORITY, LOOPBACK_METRIC)
  ])
  if (verb === 'delete') return { type: RTM.DELROUTE, flags: 0, body }
  return { type: RTM.NEWROUTE, flags: NLM_F.CREATE, body }
}

/** Asks for the routes to the host itself with one protocol number. */
export function getLoopbacks(protocol: number): Message {
  const body = rtmsg(AF.INET6, { protocol, type: RTN.LOCAL, table: RT_TABLE.LOCAL })
  return { type: RTM.GETROUTE, flags: 0, body }
}

/** Index of the link that such a route lets ::1 in through. Undefined for any other route. */
export function decodeLoopback(body: Buffer, protocol: number): number | undefined {
  const isLocal = body.readUInt8(4) === RT_TABLE.LOCAL && body.readUInt8(7) === RTN.LOCAL
  const isOurs = isLocal && protocolOf(body) === protocol && find(body, RTMSG_SIZE, RTA.DST)?.equals(LOOPBACK)
  return isOurs ? findU32(body, RTMSG_SIZE, RTA.OIF) : undefined
}

/** Asks for the unicast routes of a table, all or those with one protocol number. */
export function getRoutes(
  family: 4 | 6,
  { protocol = 0, table }: { protocol?: number; table?: 'local' | undefined } = {}
): Message {
  const body = rtmsg(family === 4 ? AF.INET : AF.INET6, {
    protocol,
    type: RTN.UNICAST,
    table: tableOf({ table })
  })
  return { type: RTM.GETROUTE, flags: 0, body }
}

/** Asks for the blackholes of the main table with one protocol number. */
export function getAnnouncements(family: 4 | 6, protocol: number): Message {
  const body = rtmsg(family === 4 ? AF.INET : AF.INET6, { protocol, type: RTN.BLACKHOLE })
  return { type: RTM.GETROUTE, flags: 0, body }
}

/** Asks which route the kernel would take to a destination. */
export function matchRoute(dst: string): Message {
  const { address } = parsePrefix(dst)
  const header = rtmsg(familyOf(address), { length: address.length * 8 })
  header.writeUInt8(0, 4)
  header.writeUInt32LE(RTM_F_FIB_MATCH, 8)
  return { type: RTM.GETROUTE, flags: 0, body: Buffer.concat([header, attribute(RTA.DST, address)]) }
}

/** Who has made a route: its rtm_protocol. */
export function protocolOf(body: Buffer): number {
  return body.readUInt8(5)
}

/** Decodes an announcement. Undefined for any other route. */
export function decodeAnnouncement(body: Buffer, protocol: number): Announcement | undefined {
  const isBlackhole = body.readUInt8(4) === RT_TABLE.MAIN && body.readUInt8(7) === RTN.BLACKHOLE
  const isOurs =
    protocolOf(body) === protocol && findU32(body, RTMSG_SIZE, RTA.PRIORITY) === ANNOUNCEMENT_METRIC
  return isBlackhole && isOurs ? { kind: 'announcement', dst: destinationOf(body) } : undefined
}

/** Decodes a route. Undefined unless it is a unicast route of the main or the local table. */
export function decodeRoute(body: Buffer): FoundRoute | undefined {
  const table = body.readUInt8(4)
  if (!(table === RT_TABLE.MAIN || table === RT_TABLE.LOCAL) || body.readUInt8(7) !== RTN.UNICAST)
    return undefined
  const hops = nextHops(body)
  const via = hops.find((hop) => hop.via !== undefined)?.via
  const src = find(body, RTMSG_SIZE, RTA.PREFSRC)
  return {
    dst: destinationOf(body),
    metric: findU32(body, RTMSG_SIZE, RTA.PRIORITY) ?? 0,
    protocol: protocolOf(body),
    ...(table === RT_TABLE.LOCAL ? { table: 'local' as const } : {}),
    scope: body.readUInt8(6),
    indexes: hops.map(({ index }) => index),
    ...(via === undefined ? {} : { via }),
    ...(src ? { src: bytesToIp(src) } : {}),
    ...mtuOf(body)
  }
}

/** True if the kernel's route is the one that the object describes. */
export function isSameRoute(
  object: Route,
  found: FoundRoute,
  ours: { index: number; protocol: number }
): boolean {
  return (
    hasSameKey(object, found) &&
    found.protocol === ours.protocol &&
    found.via === undefined &&
    found.indexes.length === 1 &&
    found.indexes[0] === ours.index
  )
}

/** True if the two cannot both be there. */
export function hasSameKey(object: Route, found: FoundRoute): boolean {
  return found.dst === object.dst && found.metric === object.metric && found.table === object.table
}

/** Like `ip route` shows it. */
export function describeRoute({ dst, via, metric, protocol }: FoundRoute, device: string): string {
  const name = ROUTE_PROTOCOLS[protocol] ?? String(protocol)
  return `${dst}${via === undefined ? '' : ` via ${via}`} dev ${device} proto ${name} metric ${String(metric)}`
}

function rtmsg(
  family: number,
  { length = 0, protocol = 0, scope = 0, type = 0, table = RT_TABLE.MAIN as number }
): Buffer {
  return Buffer.of(family, length, 0, 0, table, protocol, scope, type, 0, 0, 0, 0)
}

function tableOf({ table }: { table?: 'local' | undefined }): number {
  return table === 'local' ? RT_TABLE.LOCAL : RT_TABLE.MAIN
}

/** IP and TCP without options. */
const HEADERS = { 4: 40, 6: 60 } as const

function mtuOf(body: Buffer): { mtu?: number } {
  const metrics = find(body, RTMSG_SIZE, RTA.METRICS)
  if (!metrics) return {}
  const headers = HEADERS[body.readUInt8(0) === AF.INET ? 4 : 6]
  const mss = findU32(metrics, 0, RTAX.ADVMSS) ?? 0
  const known = [findU32(metrics, 0, RTAX.MTU) ?? 0, mss === 0 ? 0 : mss + headers]
  const sizes = known.filter((size) => size > 0)
  return sizes.length === 0 ? {} : { mtu: Math.min(...sizes) }
}

function destinationOf(body: Buffer): string {
  const isIpv4 = body.readUInt8(0) === AF.INET
  const address = find(body, RTMSG_SIZE, RTA.DST) ?? Buffer.alloc(isIpv4 ? 4 : 16)
  return `${bytesToIp(address)}/${String(body.readUInt8(1))}`
}

function nextHops(body: Buffer): { index: number; via: string | undefined }[] {
  const several = find(body, RTMSG_SIZE, RTA.MULTIPATH)
  if (!several) {
    const index = findU32(body, RTMSG_SIZE, RTA.OIF)
    return index === undefined ? [] : [{ index, via: gatewayOf(body, RTMSG_SIZE) }]
  }
  const hops = []
  for (let at = 0; at + RTNEXTHOP_SIZE <= several.length; at += several.readUInt16LE(at)) {
    const hop = several.subarray(at, at + several.readUInt16LE(at))
    hops.push({ index: hop.readInt32LE(4), via: gatewayOf(hop, RTNEXTHOP_SIZE) })
    if (hop.length < RTNEXTHOP_SIZE) break
  }
  return hops
}

/** RTA_VIA, a gateway of the other family, begins with the family. */
function gatewayOf(bytes: Buffer, start: number): string | undefined {
  const gateway = find(bytes, start, RTA.GATEWAY) ?? find(bytes, start, RTA.VIA)?.subarray(2)
  return gateway && bytesToIp(gateway)
}
