/**
 * Container ends of pairs, where the runtime leaves it to us to set them up (CNI). They live in the containers' namespaces
 * and are no objects that are kept: made once, looked at when somebody asks. What a container does to its own end is its
 * own business.
 */

import type { KernelError } from '../errors.js'

/** Every ifalias of a container end begins with it. Not the mark of host ends: a daemon inside of the container has those. */
export const END_MARK = 'container end of net-routed'

export interface ContainerEnd {
  readonly name: string
  readonly alias: string
  readonly mac: string
  /** Bytes; absent = as it was made. */
  readonly mtu?: number
  /** False = IPv6 is off at this end: no link-local address, nothing to attack. */
  readonly ipv6: boolean
  /** With prefix length: `10.1.0.2/32`. */
  readonly addresses: readonly string[]
  /** In the order in which they are added. */
  readonly routes: readonly EndRoute[]
}

/** A route through a container end. */
export interface EndRoute {
  readonly dst: string
  /** Next router; absent = the destination is on the link. */
  readonly via?: string
  /** Address that what goes there comes from; absent = as the kernel chooses. */
  readonly src?: string
}

/** How far the engine has come. */
export type EndExtent = 'done' | 'no namespace' | 'no link'

/** What is put beside that which an engine has set up at a container end. */
export interface EndAddition {
  /** Of the end, which the engine has given a name of its own. */
  readonly mac: string
  readonly addresses: readonly string[]
  /** Addresses of these families are never chosen for what the container sends, unless a program asks for them. */
  readonly passive: readonly (4 | 6)[]
  readonly routes: readonly EndRoute[]
  /** By their name under `/proc/sys` with dots, `IFNAME` for that of the end. */
  readonly sysctls: Readonly<Record<string, string>>
}

/**
 * Door to the namespaces of containers, by path. There are two: linuxEnds and FakeHost, held to the same contract
 * (test/contract/ends-contract.ts). Throws KernelError where the namespace cannot be entered.
 */
export interface ContainerEnds {
  /**
   * Sets up the end of a pair that was made with it in that namespace. May be called again. Returns the routes that lead
   * through it now: who had a route to the same destination first keeps it. Throws KernelError.
   */
  configure(netns: string, end: ContainerEnd): Promise<readonly EndRoute[]>
  /**
   * Adds to an end that an engine has moved and set up. May be called again. Does nothing where that is still to come: the
   * namespace is not there, or the end is not in it, or not up. Throws KernelError.
   */
  extend(netns: string, addition: EndAddition): Promise<EndExtent>
  /** Why no namespace at all can be entered; undefined = they can. */
  refusal(): KernelError | undefined
  /** True if the kernel has that setting for links. */
  knowsSysctl(key: string): boolean
  /** The link of that name, whoever made it. */
  find(netns: string, name: string): Promise<ContainerEnd | undefined>
  /** Makes a link that leads nowhere, up, with that alias. May be called again. Throws KernelError, also for a link of others. */
  addStub(netns: string, name: string, alias: string): Promise<void>
  /** Removes a link with that alias. What is not there, or has another alias, is no error; nor is a namespace that is gone. */
  remove(netns: string, name: string, alias: string): Promise<void>
}

/** What is not as wanted, in words; empty = everything is there. What is there besides does not matter. */
export function differences(wanted: ContainerEnd, found: ContainerEnd | undefined): string[] {
  if (!found) return [`there is no link ${wanted.name}`]
  if (found.alias !== wanted.alias) return [`link ${wanted.name} is not the one that net-routed made`]
  const missing = (what: string): string => `${what} is missing on ${wanted.name}`
  return [
    ...(found.mac === wanted.mac
      ? []
      : [`link ${wanted.name} has MAC address ${found.mac}, not ${wanted.mac}`]),
    ...wanted.addresses
      .filter((address) => !found.addresses.includes(address))
      .map((address) => missing(`address ${address}`)),
    ...wanted.routes
      .filter((route) => !found.routes.some((other) => isSame(route, other)))
      .map(({ dst, via }) => missing(`route ${dst}${via === undefined ? '' : ` via ${via}`}`))
  ]
}

function isSame(a: EndRoute, b: EndRoute): boolean {
  return a.dst === b.dst && a.via === b.via && a.src === b.src
}
