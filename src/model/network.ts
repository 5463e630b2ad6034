import type { Ip, Prefix } from './ip.js'
import { parseIp } from './ip.js'
import type { NetworkOptions } from './options/option.js'

/** A network as it was asked for, and what was decided for it. Its options are the defaults of its endpoints. */
export interface Network extends NetworkOptions {
  readonly id: string
  readonly mode: 'routed'
  readonly subnets: readonly Subnet[]
  /** Distinct on this host, persisted: the network's own link-local gateways are derived from it. From 1. */
  readonly number: number
  /** Given by the operator, for this network or for all; absent = link-local. */
  readonly gateway?: Ip
  readonly gateway6?: Ip
  /** True if a router outside of this host has the gateway address: answered by proxy, not taken. */
  readonly gatewayIsForeign?: true
  readonly internal: boolean
  /** True if it has no IPv6 subnet, and yet an endpoint was given an IPv6 address: the host forwards it. */
  readonly carriesIpv6?: true
}

export interface Subnet {
  /** Address space of the IPAM that chose it; ours are `local` and `global`. */
  readonly space: string
  readonly prefix: Prefix
}

/** Link-local gateways are 169.254.1.0 to 169.254.254.255 (RFC 3927 §2.1) without clouds' metadata subnets. */
const METADATA_OCTETS = new Set([169, 170])
const LAST_NUMBER = 254 * 256 - 1

/** The network's own IPv4 gateway, the same on this host for as long as the network exists. Undefined past the last one. */
export function linkLocalGateway(number: number): Ip | undefined {
  const high = 1 + (number >> 8)
  if (number > LAST_NUMBER || METADATA_OCTETS.has(high)) return undefined
  return parseIp(`169.254.${String(high)}.${String(number & 255)}`)
}

/** The network's own IPv6 gateway. */
export function linkLocalGateway6(number: number): Ip {
  return parseIp(`fe80::${number.toString(16)}`)
}
