import { createHash } from 'node:crypto'
import type { Health } from './health.js'
import type { Ip, Mac, Prefix } from './ip.js'
import type { EndpointOptions } from './options/option.js'

/**
 * One attachment of a container to a network. Phases: without sandbox, its pair of links waits in the host's namespace;
 * with a sandbox, the runtime has (or is about to have) the container end and the addresses are routed; `left`, the
 * runtime has given it back and will delete it or join again. Of an attachment (CNI) both ends are ours: it is `attaching`
 * until the container end is set up, and then as if it had joined.
 */
export interface Endpoint extends EndpointOptions {
  readonly id: string
  readonly networkId: string
  /** As the container has them: `10.1.0.2/32`, or with the prefix length of a foreign IPAM. */
  readonly addresses: readonly Prefix[]
  readonly mac: Mac
  /** Names of the options' fields that it said itself; the others are its network's. */
  readonly chosen?: readonly string[]
  /** True if the network's gateway is a router outside of this host, so that proxy ARP is needed. */
  readonly gatewayIsForeign?: true
  readonly ports?: readonly PortMap[]
  /** Another plugin has made its links, and takes them away: the host has only what is beside them. */
  readonly delegate?: DelegatedPlugin
  readonly services?: ContainerServices
  readonly sandbox?: Sandbox
  readonly left?: true
  /** On its way out of the network: announced as the worst choice, or not at all. The container stays. */
  readonly drain?: 'worse' | 'withdrawn'
  /** What its check has found; absent = it has no check, or none has succeeded yet. */
  readonly health?: Health
  /** Its pair may be made, and nobody was told of it yet: after a crash it is removed. */
  readonly attaching?: true
  /** Being removed; kept until the kernel has let go of everything. */
  readonly deleted?: true
  /** Creation time, ISO 8601. */
  readonly since: string
}

/** A port of the host that leads to one of the endpoint. */
export interface PortMap {
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  /** Address of the host; absent = all of them. */
  readonly hostIp?: Ip
  readonly hostPort: number
  readonly containerPort: number
  /** Devices of the host: what comes in through them is not meant. */
  readonly exclude?: readonly string[]
}

export interface Sandbox {
  /** Path of the network namespace as the runtime names it; it may not be visible to us. */
  readonly path: string
  readonly runtime: 'docker' | 'cni'
  /** Name of the container end, where we made it there. */
  readonly ifName?: string
  /** Another IPAM that the addresses came from, and what it was asked with: it gets them back with the same words. */
  readonly ipam?: DelegatedPlugin
  /** Routes of the container, where we made them. */
  readonly routes?: readonly SandboxRoute[]
  /** Next hops of the container, as they were answered to the runtime. */
  readonly gateway?: Ip
  readonly gateway6?: Ip
  /** True if a router outside of this host has `gateway`: answered by proxy ARP, not taken. */
  readonly gatewayIsForeign?: true
  /** Endpoints that were in the sandbox before: an answer may leave by another link than the request came in by. */
  readonly companions?: readonly Companion[]
}

/** A plugin that was called, and what with. */
export interface DelegatedPlugin {
  readonly type: string
  readonly input: string
}

export interface SandboxRoute {
  readonly dst: Prefix
  /** Absent = on the link. */
  readonly via?: Ip
  /** Address that what goes there comes from; absent = as the kernel chooses. */
  readonly src?: Ip
}

/** What a container has beside its network (DC/OS). */
export interface ContainerServices {
  /** A leg of its own to the name service. */
  readonly dns?: true
  /** Directory where it is registered for load balancing. */
  readonly balancing?: string
}

export interface Companion {
  readonly endpointId: string
  readonly addresses: readonly Prefix[]
}

const ID_HEX = 12

/** Name of the host end. Hashed, so that it fits into IFNAMSIZ (15 characters) for ids of any form and does not collide. */
export function hostLinkName(endpointId: string): string {
  return `nr-${shortHash(endpointId)}`
}

/** Name of the container end until the runtime renames it. */
export function containerLinkName(endpointId: string): string {
  return `nrc${shortHash(endpointId)}`
}

/** MAC address of the host end of an attachment: locally administered, known without asking the kernel. */
export function hostMacOf(endpointId: string): Mac {
  const bytes = shortHash(endpointId).match(/../g) ?? []
  return ['0a', ...bytes.slice(1)].join(':') as Mac
}

/** Id of the attachment of a container to a network of ours by CNI. None of the names can have a colon in it. */
export function attachmentId(network: string, containerId: string, ifName: string): string {
  return `${network}:${containerId}:${ifName}`
}

/** 48 bits of the id as hex. */
export function shortHash(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, ID_HEX)
}
