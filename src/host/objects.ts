/**
 * The things that net-routed keeps in a network namespace, as plain data. Every object has a key; two objects with one
 * key describe the same thing, and the fields beside the key say how it should be.
 *
 * The mark: links carry `ALIAS_MARK` in their ifalias, routes and neighbours our protocol number, addresses live on a
 * marked link, the firewall has a chain with our name, the guard is a table with our name. Nothing without it is listed, changed or deleted. Sysctls are
 * values, not things: they are set, never deleted.
 */

import type { Policer, Policy } from './policies.js'
import type { Exclusion, Hairpin, Loopback, Port, Publisher } from './ports.js'
import type { Mark, Shaper } from './rates.js'

export type { Exclusion, Hairpin, Loopback, Port, Publisher } from './ports.js'
export type { Mark, Shaper } from './rates.js'

/** Every ifalias of ours begins with it. */
export const ALIAS_MARK = 'net-routed'
/** Every host end of ours begins with it; firewall rules match it as a wildcard, so their number is constant. */
export const LINK_PREFIX = 'nr-'

/** Host end of a veth pair, up, with settings for routed use. */
export interface Link {
  readonly kind: 'link'
  readonly name: string
  readonly alias: string
  /** Bytes; absent = leave alone. */
  readonly mtu?: number
  /** False = IPv6 is off at the host end: no link-local address, and creating it does not cost more with every link. */
  readonly ipv6: boolean
  /** True = answer ARP, at once, for every address that the host can reach through another link. */
  readonly proxyArp: boolean
  /** True = the host may send there from 127.0.0.0/8, for ports published on it. Absent = leave alone. */
  readonly localnet?: boolean
  /** Always true in what is desired. Read back, false = down, unmarked, or with settings that routed use cannot live with. */
  readonly settled: boolean
  /** How to make it where it is missing. Absent = adopt: its other end is in a container, and a new pair would be dead. */
  readonly veth?: VethPeer
  /** Only listed: its other end is in another namespace, so a container uses it. */
  readonly inUse?: true
  /** Only listed: both ends are up, so packets reach the container. */
  readonly runs?: true
}

export interface VethPeer {
  readonly name: string
  readonly mac: string
  /** MAC address of the host end; absent = the kernel chooses one. */
  readonly hostMac?: string
  /** Path of the network namespace that it is made in; absent = ours, and the runtime moves it. */
  readonly netns?: string
}

/** Address of the host end, scope link. */
export interface Address {
  readonly kind: 'address'
  readonly link: string
  readonly address: string
}

/** Permanent neighbour entry: the host never asks, and the entry does not count against gc_thresh. */
export interface Neighbour {
  readonly kind: 'neighbour'
  readonly link: string
  readonly address: string
  readonly mac: string
}

/** Route to a container address, with our protocol number. */
export interface Route {
  readonly kind: 'route'
  readonly dst: string
  readonly link: string
  readonly metric: number
  /** Absent = the main table. The kernel asks `local` first, and routing daemons do not read it. */
  readonly table?: 'local'
}

/**
 * What a routing daemon reads instead of a route in table `local`: that the address is here. A blackhole in the main table,
 * so it takes packets only while no container has the address. It stays the same when the container is replaced.
 */
export interface Announcement {
  readonly kind: 'announcement'
  readonly dst: string
  /**
   * Link without which it must not be there; it does not live on it. It is added when that link runs, so that a container is
   * not announced before it can answer, or when it is known that this does not matter; and it stays if the link pauses.
   */
  readonly of?: string
}

/** Metric of an announcement: worse than any route to a container, and one that nobody else is likely to use. */
export const ANNOUNCEMENT_METRIC = 4096

/**
 * The host answers neighbour solicitations for that address on a device that leads out, with our protocol number. Sysctls of
 * the device switch that on.
 */
export interface Proxy {
  readonly kind: 'proxy'
  readonly device: string
  readonly address: string
  /** Link without which it must not be there; it does not live on it. */
  readonly of?: string
}

/** A kernel setting, such as `net.ipv4.ip_forward`; a dot in the name of a link is a slash there. */
export interface Sysctl {
  readonly kind: 'sysctl'
  readonly key: string
  readonly value: string
}

/** What may have to be changed on a link that leads out, as `net.ipv6.LINK`. A dot in its name is a slash there. */
export const UPLINK_SYSCTLS = {
  acceptRa: (link: string): string => `net.ipv6.conf.${link.replaceAll('.', '/')}.accept_ra`,
  proxyNdp: (link: string): string => `net.ipv6.conf.${link.replaceAll('.', '/')}.proxy_ndp`,
  proxyDelay: (link: string): string => `net.ipv6.neigh.${link.replaceAll('.', '/')}.proxy_delay`,
  /** Only looked at. */
  rpFilter: (link: string): string => `net.ipv4.conf.${link.replaceAll('.', '/')}.rp_filter`
} as const

/** Our links pass the FORWARD chain of iptables (4) or ip6tables (6). `intact` is false where only parts of it exist. */
export interface Firewall {
  readonly kind: 'firewall'
  readonly family: 4 | 6
  readonly intact: boolean
}

/**
 * Tables of ours in nftables that let a container send only what its sources allow, and nothing that would make it a
 * router. `intact` is false where only parts exist, or somebody changed them. Not there: nothing from our links is checked.
 */
export interface Guard {
  readonly kind: 'guard'
  readonly intact: boolean
}

/** What the guard lets pass from a link: packets from this address, and for IPv4 ARP that speaks for it. */
export interface Source {
  readonly kind: 'source'
  readonly link: string
  readonly address: string
}

export type HostObject =
  | Link
  | Address
  | Neighbour
  | Route
  | Loopback
  | Shaper
  | Mark
  | Announcement
  | Proxy
  | Sysctl
  | Firewall
  | Guard
  | Source
  | Publisher
  | Port
  | Exclusion
  | Hairpin
  | Policer
  | Policy
export type Kind = HostObject['kind']

/** In the order in which objects are made; they are removed in the opposite order. */
export const KINDS: readonly Kind[] = [
  'sysctl',
  'firewall',
  'guard',
  'publisher',
  'policer',
  'source',
  'policy',
  'link',
  'shaper',
  'mark',
  'address',
  'neighbour',
  'route',
  'loopback',
  'announcement',
  'proxy',
  'hairpin',
  'exclusion',
  'port'
]

/** One change. `replace` means that the key exists with other fields. */
export interface Op {
  readonly verb: 'add' | 'replace' | 'delete'
  readonly object: HostObject
}

export function keyOf(object: HostObject): string {
  switch (object.kind) {
    case 'link':
      return `link ${object.name}`
    case 'address':
      return `address ${object.address} ${object.link}`
    case 'neighbour':
      return `neighbour ${object.address} ${object.link}`
    case 'route':
      return `route ${object.dst} ${String(object.metric)}${object.table === 'local' ? ' local' : ''}`
    case 'shaper':
      return `shaper ${object.link} ${object.direction}`
    case 'mark':
      return `mark ${object.link}`
    case 'loopback':
      return `loopback ${object.link}`
    case 'announcement':
      return `announcement ${object.dst}`
    case 'proxy':
      return `proxy ${object.address} ${object.device}`
    case 'sysctl':
      return `sysctl ${object.key}`
    case 'firewall':
      return `firewall ${String(object.family)}`
    case 'guard':
      return 'guard'
    case 'source':
      return `source ${object.address} ${object.link}`
    case 'publisher':
      return 'publisher'
    case 'port':
      return `port ${object.protocol} ${object.host} ${String(object.hostPort)}`
    case 'exclusion':
      return `exclusion ${object.device} ${object.protocol} ${String(object.hostPort)}`
    case 'hairpin':
      return `hairpin ${object.prefix} ${object.address}`
    case 'policer':
      return 'policer'
    case 'policy':
      return `policy ${object.link}`
  }
}

/** What only names its link. */
const BESIDE_LINKS: ReadonlySet<Kind> = new Set(['source', 'policy', 'mark'])

/** The link that an object lives on, if it lives on one: it goes with the link. */
export function linkOf(object: HostObject): string | undefined {
  const isBeside = BESIDE_LINKS.has(object.kind) || (object.kind === 'shaper' && object.direction === 'out')
  return 'link' in object && !isBeside ? object.link : undefined
}

/** How to make an object, and when: not read back from the kernel. */
const NOT_LISTED: ReadonlySet<string> = new Set(['veth', 'of'])

/** True if `actual` is as `desired` says, in every field that `desired` has an opinion about. */
export function satisfies(desired: HostObject, actual: HostObject): boolean {
  const wanted = desired as unknown as Readonly<Record<string, unknown>>
  const found = actual as unknown as Readonly<Record<string, unknown>>
  return Object.keys(wanted).every((field) => found[field] === wanted[field] || NOT_LISTED.has(field))
}
