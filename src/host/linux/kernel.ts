import { KernelError } from '../../errors.js'
import { describeOp } from '../describe.js'
import type { Op } from '../objects.js'
import { decodeLink, getLink, getLinkAt } from './links.js'
import type { FoundLink } from './links.js'
import type { NetlinkSocket } from './netlink.js'
import type { Inside } from './netns.js'

/** What it takes to talk to the kernel about one network namespace. */
export interface Kernel {
  /** For changes. */
  readonly requests: NetlinkSocket
  /** For long lists, so that a change does not wait for one. */
  readonly dumps: NetlinkSocket
  /** The same two for nftables and connection tracking. */
  readonly filter: NetlinkSocket
  readonly filterDumps: NetlinkSocket
  readonly inside: Inside
  /** Routing protocol number of ours. */
  readonly protocol: number
}

/** Why operations failed, by the key of their object. */
export type Failures = Map<string, KernelError>

/** Decoded before the event loop runs again. */
const LINKS_AT_ONCE = 64

/** The error of an operation. `text` is the reason in words and begins with the errno where they are the kernel's. */
export function refusal(op: Op, errno: string, text: string): KernelError {
  return new KernelError(errno, `cannot ${describeOp(op)}: ${text}`)
}

/** Links that exist, by name. The cost depends on how many are asked for, not on how many there are. */
export async function findLinks(kernel: Kernel, names: Iterable<string>): Promise<Map<string, FoundLink>> {
  const found = new Map<string, FoundLink>()
  const messages = [...new Set(names)].map(getLink)
  for (let at = 0; at < messages.length; at += LINKS_AT_ONCE) {
    for (const { reply } of await kernel.requests.request(messages.slice(at, at + LINKS_AT_ONCE))) {
      const link = reply && decodeLink(reply)
      if (link) found.set(link.name, link)
    }
  }
  return found
}

/** A link by its index, if it exists. */
export async function findLinkAt(kernel: Kernel, index: number): Promise<FoundLink | undefined> {
  const [answer] = await kernel.requests.request([getLinkAt(index)])
  return answer?.reply && decodeLink(answer.reply)
}
