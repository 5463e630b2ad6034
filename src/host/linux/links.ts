/**
 * Links as rtnetlink has them: messages to make, settle and find one, and what is found as an object.
 *
 * A pair is made in one message but marked in the next, because the kernel ignores an alias at creation. A group number,
 * which it does not ignore, marks the link until then: what a crash leaves in between is still known to be ours.
 */
import { ALIAS_MARK, LINK_PREFIX } from '../objects.js'
import type { Link, VethPeer } from '../objects.js'
import { bytesToMac, macToBytes, valueAt } from './bytes.js'
import {
  AF,
  IFF,
  IFLA,
  IFLA_INET6,
  IFLA_INET_CONF,
  IFLA_INFO,
  IN6_ADDR_GEN_MODE_NONE,
  IPV4_DEVCONF,
  IPV6_DEVCONF,
  NLM_F,
  RTEXT_FILTER_SKIP_STATS,
  RTM,
  VETH_INFO_PEER
} from './constants.js'
import { attribute, find, findNested, findText, findU32, nested, text, u32, u8 } from './messages.js'
import type { Message } from './messages.js'
import { setProxyDelay } from './proxy-delays.js'

/** A link of the namespace, ours or not. */
export interface FoundLink {
  readonly index: number
  readonly name: string
  readonly alias: string
  readonly kind: string
  readonly mtu: number
  readonly group: number
  readonly mac: string
  readonly isUp: boolean
  /** True if it has a carrier: of a pair, that both ends are up. */
  readonly runs: boolean
  readonly isLoopback: boolean
  /** True if the other end of the pair is in another namespace. */
  readonly isShared: boolean
  /** Values of IPV4_DEVCONF, from 1. */
  readonly conf4: (setting: number) => number
  /** Values of IPV6_DEVCONF; absent where the kernel has no IPv6 for this link. */
  readonly conf6?: (setting: number) => number
}

/** struct ifinfomsg: family, padding, type, index, flags, changed flags. */
const IFINFOMSG_SIZE = 16
/** Of links that are not marked yet. */
export const FRESH_GROUP = 0x6e720000
export const DEFAULT_GROUP = 0
/** How every link of ours is set. rp_filter 2: answers may leave by another link than requests came in by. */
export const ROUTED_CONF_4 = { forwarding: 1, rpFilter: 2 } as const
const ROUTED_CONF = [
  [IPV4_DEVCONF.FORWARDING, ROUTED_CONF_4.forwarding],
  [IPV4_DEVCONF.RP_FILTER, ROUTED_CONF_4.rpFilter],
  [IPV4_DEVCONF.ACCEPT_SOURCE_ROUTE, 0],
  [IPV4_DEVCONF.ACCEPT_REDIRECTS, 0],
  [IPV4_DEVCONF.SEND_REDIRECTS, 0]
] as const
/**
 * conf/NAME/tag is a number that the kernel keeps for whoever wants one. It says that IPv6 should be off where
 * disable_ipv6 cannot be written and only the missing link-local address keeps it off.
 */
const TAG_IPV6_UNWANTED = 6
const ACCEPT_RA_ALWAYS = 2

/** True if the link is ours: marked, or made but not marked yet. */
export function isOurs({ alias, group, name }: FoundLink): boolean {
  return (
    alias.startsWith(ALIAS_MARK) || (alias === '' && group === FRESH_GROUP && name.startsWith(LINK_PREFIX))
  )
}

/** Asks for one link by name. */
export function getLink(name: string): Message {
  const body = Buffer.concat([ifinfo(), text(IFLA.IFNAME, name), u32(IFLA.EXT_MASK, RTEXT_FILTER_SKIP_STATS)])
  return { type: RTM.GETLINK, flags: 0, body }
}

/** Asks for one link by index. */
export function getLinkAt(index: number): Message {
  const body = Buffer.concat([ifinfo({ index }), u32(IFLA.EXT_MASK, RTEXT_FILTER_SKIP_STATS)])
  return { type: RTM.GETLINK, flags: 0, body }
}

/** Asks for all links. */
export function getLinks(): Message {
  return {
    type: RTM.GETLINK,
    flags: 0,
    body: Buffer.concat([ifinfo(), u32(IFLA.EXT_MASK, RTEXT_FILTER_SKIP_STATS)])
  }
}

/**
 * Makes a veth pair. One queue per end: the default, one per possible CPU, costs half a megabyte on a large host. `netns`:
 * file descriptor of the namespace for the other end; made there it need not be moved, which takes the kernel long.
 */
export function newVeth({ name, mtu }: Link, peer: VethPeer, netns?: number): Message {
  const common = [
    ...(mtu === undefined ? [] : [u32(IFLA.MTU, mtu)]),
    u32(IFLA.NUM_TX_QUEUES, 1),
    u32(IFLA.NUM_RX_QUEUES, 1)
  ]
  const peerEnd = [
    ifinfo(),
    text(IFLA.IFNAME, peer.name),
    attribute(IFLA.ADDRESS, macToBytes(peer.mac)),
    ...(netns === undefined ? [] : [u32(IFLA.NET_NS_FD, netns)]),
    ...common
  ]
  const kind = text(IFLA_INFO.KIND, 'veth')
  const data = nested(IFLA_INFO.DATA, nested(VETH_INFO_PEER, ...peerEnd))
  const ownEnd = [
    text(IFLA.IFNAME, name),
    u32(IFLA.GROUP, FRESH_GROUP),
    ...(peer.hostMac === undefined ? [] : [attribute(IFLA.ADDRESS, macToBytes(peer.hostMac))]),
    ...common,
    nested(IFLA.LINKINFO, kind, data)
  ]
  return { type: RTM.NEWLINK, flags: NLM_F.CREATE | NLM_F.EXCL, body: Buffer.concat([ifinfo(), ...ownEnd]) }
}

/** Marks a link of ours, gives it its settings, and only then sets it up. `ipv6IsOff`: as the kernel has it by now. */
export function settle(link: Link, found: FoundLink, ipv6IsOff: boolean): Message[] {
  const { index } = found
  const conf4 = [
    ...ROUTED_CONF,
    [IPV4_DEVCONF.PROXY_ARP, Number(link.proxyArp)] as const,
    ...(link.localnet === undefined ? [] : [[IPV4_DEVCONF.ROUTE_LOCALNET, Number(link.localnet)] as const]),
    [IPV4_DEVCONF.TAG, link.ipv6 || ipv6IsOff ? 0 : TAG_IPV6_UNWANTED] as const
  ].map(([setting, value]) => u32(setting, value))
  const families = [
    nested(AF.INET, nested(IFLA_INET_CONF, ...conf4)),
    ...(found.conf6 ? [nested(AF.INET6, u8(IFLA_INET6.ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE))] : [])
  ]
  const changes = [
    ...(link.mtu === undefined || link.mtu === found.mtu ? [] : [u32(IFLA.MTU, link.mtu)]),
    text(IFLA.IFALIAS, link.alias),
    u32(IFLA.GROUP, DEFAULT_GROUP),
    nested(IFLA.AF_SPEC, ...families)
  ]
  return [
    { type: RTM.SETLINK, flags: 0, body: Buffer.concat([ifinfo({ index }), ...changes]) },
    ...(link.proxyArp ? [setProxyDelay(index)] : []),
    { type: RTM.SETLINK, flags: 0, body: ifinfo({ index, flags: IFF.UP }) }
  ]
}

/** Marks a container end and sets it up. */
export function settleEnd(index: number, alias: string): Message[] {
  return [
    { type: RTM.SETLINK, flags: 0, body: Buffer.concat([ifinfo({ index }), text(IFLA.IFALIAS, alias)]) },
    { type: RTM.SETLINK, flags: 0, body: ifinfo({ index, flags: IFF.UP }) }
  ]
}

/** True if IPv6 is off at this link, or in the whole kernel. */
export function hasIpv6Off({ conf6 }: FoundLink): boolean {
  return conf6 === undefined || conf6(IPV6_DEVCONF.DISABLE_IPV6) === 1
}

/** True if router advertisements are believed there although it forwards, as where `conf/default` says so. */
export function believesRouters({ conf6 }: FoundLink): boolean {
  return conf6?.(IPV6_DEVCONF.ACCEPT_RA) === ACCEPT_RA_ALWAYS
}

/** Puts a link into a group. */
export function setGroup(index: number, group: number): Message {
  return { type: RTM.SETLINK, flags: 0, body: Buffer.concat([ifinfo({ index }), u32(IFLA.GROUP, group)]) }
}

/** Deletes all links of a group. */
export function deleteGroup(group: number): Message {
  return { type: RTM.DELLINK, flags: 0, body: Buffer.concat([ifinfo(), u32(IFLA.GROUP, group)]) }
}

/** Decodes a link unless it is marked as ours: most links are, and their settings take long to read. */
export function decodeForeignLink(body: Buffer): FoundLink | undefined {
  const found = isMarked(body) ? undefined : decodeLink(body)
  return found && !isOurs(found) ? found : undefined
}

/** Index and name of a link of ours. */
export function decodeOwnName(body: Buffer): Pick<FoundLink, 'index' | 'name'> | undefined {
  if (isMarked(body)) return { index: indexOf(body), name: nameOf(body) }
  const found = decodeLink(body)
  return isOurs(found) ? found : undefined
}

export function decodeLink(body: Buffer): FoundLink {
  const flags = body.readUInt32LE(8)
  const families = find(body, IFINFOMSG_SIZE, IFLA.AF_SPEC)
  const conf4 = copyOf(families && findNested(families, 0, AF.INET, IFLA_INET_CONF))
  const conf6 = copyOf(families && findNested(families, 0, AF.INET6, IFLA_INET6.CONF))
  return {
    index: indexOf(body),
    name: nameOf(body),
    alias: aliasOf(body),
    kind: infoKind(body),
    mtu: findU32(body, IFINFOMSG_SIZE, IFLA.MTU) ?? 0,
    group: findU32(body, IFINFOMSG_SIZE, IFLA.GROUP) ?? DEFAULT_GROUP,
    mac: bytesToMac(find(body, IFINFOMSG_SIZE, IFLA.ADDRESS) ?? Buffer.alloc(0)),
    isUp: (flags & IFF.UP) !== 0,
    runs: (flags & IFF.LOWER_UP) !== 0,
    isLoopback: (flags & IFF.LOOPBACK) !== 0,
    isShared: find(body, IFINFOMSG_SIZE, IFLA.LINK_NETNSID) !== undefined,
    conf4: (setting) => valueAt(conf4, setting - 1),
    ...(conf6 ? { conf6: (setting: number) => valueAt(conf6, setting) } : {})
  }
}

/** A link of ours as an object. `proxyDelay` in milliseconds. */
export function linkObject(found: FoundLink, proxyDelay: number): Link {
  const { name, alias, mtu, conf4, conf6 } = found
  const proxyArp = conf4(IPV4_DEVCONF.PROXY_ARP) === 1
  const ipv6 = !hasIpv6Off(found) && conf4(IPV4_DEVCONF.TAG) !== TAG_IPV6_UNWANTED
  const isSet =
    ROUTED_CONF.every(([setting, value]) => conf4(setting) === value) &&
    (!conf6 || conf6(IPV6_DEVCONF.ADDR_GEN_MODE) === IN6_ADDR_GEN_MODE_NONE) &&
    (!proxyArp || proxyDelay === 0)
  const settled = found.isUp && alias !== '' && isSet
  return {
    kind: 'link',
    name,
    alias,
    mtu,
    ipv6,
    proxyArp,
    localnet: conf4(IPV4_DEVCONF.ROUTE_LOCALNET) === 1,
    settled,
    ...(found.isShared ? { inUse: true } : {}),
    ...(found.runs ? { runs: true } : {})
  }
}

function isMarked(body: Buffer): boolean {
  return aliasOf(body).startsWith(ALIAS_MARK)
}

function indexOf(body: Buffer): number {
  return body.readInt32LE(4)
}

function nameOf(body: Buffer): string {
  return findText(body, IFINFOMSG_SIZE, IFLA.IFNAME) ?? ''
}

function aliasOf(body: Buffer): string {
  return findText(body, IFINFOMSG_SIZE, IFLA.IFALIAS) ?? ''
}

/** The fixed beginning of every body. */
export function ifinfo({ index = 0, flags = 0 }: { index?: number; flags?: number } = {}): Buffer {
  const bytes = Buffer.alloc(IFINFOMSG_SIZE)
  bytes.writeInt32LE(index, 4)
  bytes.writeUInt32LE(flags, 8)
  bytes.writeUInt32LE(flags, 12)
  return bytes
}

function infoKind(body: Buffer): string {
  const info = find(body, IFINFOMSG_SIZE, IFLA.LINKINFO)
  return (info && findText(info, 0, IFLA_INFO.KIND)) ?? ''
}

/** Out of the receive buffer, which is used again. */
function copyOf(bytes: Buffer | undefined): Buffer | undefined {
  return bytes && Buffer.from(bytes)
}
