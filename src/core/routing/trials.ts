/**
 * Asks the network whether an address that another host announces is really in use there: it may only be held for a
 * container that is gone. The address is announced here as the worst choice, which draws no packets; who only holds it
 * gives way (holds.ts), who has a container does not.
 */
import type { Reconciler } from '../../host/reconciler.js'
import type { Prefix } from '../../model/ip.js'
import { announcementOf } from './holds.js'
import type { Holds } from './holds.js'
import type { Routers } from './routers.js'

export interface TrialParts {
  readonly routers: Routers
  readonly reconciler: Reconciler
  readonly holds: Holds
  /** True if another host announces it still, reachable or not. Throws RoutedError if nobody can say. */
  readonly isElsewhere: (dst: Prefix) => Promise<boolean>
  /** True if the routing daemons know it from this host. */
  readonly isAnnounced: (dst: Prefix) => Promise<boolean>
}

/**
 * A host that holds an address looks ten times a second, and each way the news takes some tenths of a second. But OSPF neighbours
 * with timers of their own refuse a second announcement within a second, and are told again after five.
 */
const PATIENCE_MS = 7_000
export const ASK_AGAIN_MS = 50
/** A routing daemon that does not hear of a withdrawal for so long is not waited for. */
const WITHDRAWAL_MS = 1_000

export class Trials {
  readonly #parts: TrialParts

  constructor(parts: TrialParts) {
    this.#parts = parts
  }

  /** True if the others gave way; the address is held for the network's container then. */
  async run(dst: Prefix, networkId: string): Promise<boolean> {
    const { routers, reconciler, holds } = this.#parts
    routers.prefer(dst, false)
    try {
      // The routing daemons' lists come first: an announcement is judged by what they say when it appears.
      await routers.settle()
      reconciler.want([], [announcementOf({ dst })])
      await reconciler.settle()
      const isFree = await this.#untilGone(dst)
      if (isFree) holds.begin([{ networkId, dst }])
      return isFree
    } finally {
      if (!holds.destinations.includes(dst)) {
        reconciler.want([announcementOf({ dst })], [])
        await reconciler.settle()
        await this.#untilWithdrawn(dst)
      }
      routers.prefer(dst, true)
      routers.wake()
    }
  }

  /** Who gives way takes it out of the databases: that no path leads there shows nothing, the network may be finding its way. */
  async #untilGone(dst: Prefix): Promise<boolean> {
    const deadline = performance.now() + PATIENCE_MS
    while (performance.now() < deadline) {
      if (!(await this.#parts.isElsewhere(dst))) return true
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS).unref())
    }
    return false
  }

  /**
   * If a routing daemon heard of its list before it hears of the withdrawal, it would announce the address as ever for a moment. Neighbours
   * that refuse a second announcement within a second keep that for five, and the container that has the address loses it.
   */
  async #untilWithdrawn(dst: Prefix): Promise<void> {
    const deadline = performance.now() + WITHDRAWAL_MS
    while ((await this.#parts.isAnnounced(dst)) && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS).unref())
  }
}
