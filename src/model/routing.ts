/** What the operator wants the host's routing daemon to do for container routes: the section `routing` of the configuration. */
import type { Ip } from './ip.js'
import type { DuplicatesMode } from './options/duplicates.js'

export interface Routing {
  /** Directory of the routing daemons' command sockets. */
  readonly vty: string
  /** Seconds for which an address stays announced after its container; 0 = it is withdrawn at once. */
  readonly grace: number
  /** What becomes of an address that two hosts have by mistake. */
  readonly duplicates: DuplicatesMode
  /** Seconds for which neighbours keep the routes of a routing daemon that restarts; absent = they withdraw them. */
  readonly gracefulRestart?: number
  /** Prefix lengths of the blocks that hosts claim of a pool; absent = each host has the whole pool. */
  readonly blocks?: Readonly<Record<4 | 6, number>>
  readonly ospf?: Ospf
  readonly ospf3?: Ospf
  readonly bgp?: Bgp
}

/** OSPFv2 or OSPFv3 on some links of the host. Times are whole seconds; what is absent is left to the routing daemon. */
export interface Ospf {
  /** Dotted: `0.0.0.0`. */
  readonly area: string
  readonly areaType: 'normal' | 'nssa'
  readonly interfaces: readonly string[]
  readonly routerId?: Ip
  readonly network?: 'broadcast' | 'point-to-point' | 'point-to-multipoint'
  readonly cost?: number
  readonly hello?: number
  readonly dead?: number
  readonly authentication?: OspfKey
  readonly bfd?: Bfd
}

export interface OspfKey {
  /** OSPFv2: `text` or `md5`; OSPFv3: a hash, as the routing daemon names it. */
  readonly type: 'text' | 'md5' | 'hmac-sha-1' | 'hmac-sha-256' | 'hmac-sha-384' | 'hmac-sha-512'
  /** Of all but `text`. */
  readonly id: number
  readonly key: string
}

/** `{}` = with the routing daemon's own times. */
export interface Bfd {
  /** Milliseconds between two packets, both ways. */
  readonly interval?: number
  /** So many lost packets end a neighbour. */
  readonly multiplier?: number
}

export interface Bgp {
  readonly as: number
  readonly routerId?: Ip
  /** True = container routes of others are passed on as well, for hosts that connect hosts. */
  readonly transit: boolean
  /** Of this host, announced beside those of its containers: for uplinks without addresses. */
  readonly addresses?: readonly Ip[]
  readonly neighbors: readonly BgpNeighbor[]
}

export interface BgpNeighbor {
  /** An address, or the name of the link that leads to the neighbour (unnumbered). */
  readonly peer: { readonly address: Ip } | { readonly interface: string }
  readonly as: number | 'internal' | 'external'
  readonly password?: string
  readonly bfd?: Bfd
  /** Seconds without a sign of life that end a session. */
  readonly hold: number
  /** More prefixes than that from the neighbour end the session. */
  readonly maxPrefixes?: number
}

/** The links by which others are reached, as far as the section names them: not where it gives a neighbour's address. */
export function linksOf({ ospf, ospf3, bgp }: Routing): string[] {
  const peers = bgp?.neighbors.flatMap(({ peer }) => ('interface' in peer ? [peer.interface] : [])) ?? []
  return [...new Set([...(ospf?.interfaces ?? []), ...(ospf3?.interfaces ?? []), ...peers])]
}
