import type { KernelError } from '../errors.js'
import type { HostObject, Kind, Op } from './objects.js'
import type { PolicyCounts } from './policies.js'

/**
 * Door to one network namespace. There are two: LinuxHost and FakeHost, held to the same contract
 * (test/contract/host-contract.ts): what was applied is listed again, exactly; adding what is there and deleting what is
 * gone succeed; foreign objects are never listed.
 */
export interface Host {
  /** All objects with our mark, and the known sysctls; only of these kinds if given. */
  list(kinds?: readonly Kind[]): Promise<HostObject[]>
  /** Applies in order and goes on after a failure. Returns why a key failed. */
  apply(ops: readonly Op[]): Promise<ReadonlyMap<string, KernelError>>
  /** What the host is like besides our objects, read now. */
  facts(): Promise<HostFacts>
  /** What processes of the host listen on, read now. */
  listeners(): Promise<readonly Listener[]>
  /** Packets that the guard has dropped since it was made, by reason. Empty without a guard. */
  dropped(): Promise<ReadonlyMap<string, number>>
  /** What policies have let pass and refused, by link. */
  policed(): Promise<ReadonlyMap<string, PolicyCounts>>
  /** Calls back when somebody else may have changed one of our objects. Returns how to stop. */
  watch(onChange: (change: HostChange) => void): () => void
}

/** A socket that waits for whoever comes. */
export interface Listener {
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  /** `0.0.0.0` or `::` = all of that family. */
  readonly address: string
  readonly port: number
}

export interface HostFacts {
  /** Smallest MTU of the links that lead out of this host, and of their routes, in bytes; absent where there is none. */
  readonly uplinkMtu?: number
  /** Of the links that may lead out, by their names. */
  readonly mtusByLink: Readonly<Record<string, number>>
  /** Routes that say an MTU of their own, by destination. */
  readonly routeMtus: Readonly<Record<string, number>>
  /** Addresses of the host itself, without those on our links. */
  readonly addresses: readonly string[]
  /** The same by the name of the link they are on. */
  readonly addressesByLink: Readonly<Record<string, readonly string[]>>
  /** Subnets that the host reaches directly, without those of our links: `192.0.2.0/24`. */
  readonly connected: readonly string[]
  /** Of these links, those that have routes from router advertisements that the kernel has taken. */
  readonly believing: readonly string[]
  /** Present values of the known sysctls, and of those in `UPLINK_SYSCTLS` of links that lead out; the reverse path filter of all, too. */
  readonly sysctls: Readonly<Record<string, string>>
  /** True if Docker's own iptables chains are present: dockerd relies on forwarding. */
  readonly dockerForwards: boolean
}

/** A kernel event, told by key where it is about one object. */
export interface HostChange {
  readonly kind: Kind
  readonly key?: string
  /** Gone, or no longer as we made it. Without key: anything may have changed. */
  readonly gone: boolean
  /** How it is now, where the event says so. */
  readonly object?: HostObject
  /** Of a link: whether both ends are up now. */
  readonly runs?: boolean
  /** Of an announcement: somebody else has made a route to its destination that routing daemons take in its place. */
  readonly hides?: true
  /** True for what is not ours: a link that may lead out, or a default route, has changed. */
  readonly outward?: true
  /** True if events came too fast and some are lost. */
  readonly lost?: true
}

/** The sysctls that a Host lists: namespace-wide, and needed for routing to containers. */
export const KNOWN_SYSCTLS = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'] as const
