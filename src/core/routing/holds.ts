/**
 * Announcements that outlive their endpoint: where a container comes back with its address within the grace period, nothing
 * has changed for the network, and no router has to be told twice (OSPF would make the second time wait for seconds).
 *
 * A hold is a promise of this process: it ends with its time, with its network, with another endpoint that announces the
 * address, with another host that does, and with the daemon. What a crash leaves, the first pass takes away.
 */
import { RoutedError } from '../../errors.js'
import { keyOf } from '../../host/objects.js'
import type { Announcement, HostObject } from '../../host/objects.js'
import type { Reconciler } from '../../host/reconciler.js'
import type { Log } from '../../log.js'

/** An announcement without an endpoint, and the network that it is of. */
export interface Hold {
  readonly networkId: string
  readonly dst: string
}

export interface HoldParts {
  /** Milliseconds. */
  readonly grace: number
  readonly reconciler: Reconciler
  /** Which of these destinations other hosts announce. Throws RoutedError if nobody can say. */
  readonly elsewhere: (destinations: readonly string[]) => Promise<readonly string[]>
  readonly log: Log
}

/** Other hosts are looked for so often while something is held: where a container has moved, its packets come here until then. */
const LOOK_MS = 100
/** More than that at once are looked for less often: zebra has other work. */
const LOOKS_AT_ONCE = 16

export class Holds {
  readonly #parts: HoldParts
  readonly #held = new Map<string, { readonly networkId: string; readonly timer: NodeJS.Timeout }>()
  #looking: NodeJS.Timeout | undefined

  constructor(parts: HoldParts) {
    this.#parts = parts
  }

  get destinations(): string[] {
    return [...this.#held.keys()]
  }

  /** What is held of a network. */
  ofNetwork(networkId: string): Announcement[] {
    const held = [...this.#held].filter(([, hold]) => hold.networkId === networkId)
    return held.map(([dst]) => announcementOf({ dst }))
  }

  /** From now until the grace period ends. The caller makes the reconciler want them. */
  begin(holds: readonly Hold[]): void {
    for (const { dst, networkId } of holds) {
      clearTimeout(this.#held.get(dst)?.timer)
      const timer = setTimeout(
        () => void this.#withdraw([dst], 'the grace period is over'),
        this.#parts.grace
      )
      this.#held.set(dst, { networkId, timer: timer.unref() })
    }
    if (holds.length > 0) this.#lookLater()
  }

  /** They are somebody's again, or nobody's: the caller has told the reconciler. */
  end(destinations: readonly string[]): void {
    for (const dst of destinations) {
      clearTimeout(this.#held.get(dst)?.timer)
      this.#held.delete(dst)
    }
  }

  /** Withdraws all: nobody would end them any more. */
  async stop(): Promise<void> {
    clearTimeout(this.#looking)
    await this.#withdraw([...this.#held.keys()], 'the daemon stops')
  }

  async #withdraw(destinations: readonly string[], why: string): Promise<void> {
    const held = destinations.filter((dst) => this.#held.has(dst))
    if (held.length === 0) return
    const { reconciler, log } = this.#parts
    this.end(held)
    reconciler.want(
      held.map((dst) => announcementOf({ dst })),
      []
    )
    for (const dst of held) log.info('address withdrawn', { dst, why })
    await reconciler.settle()
  }

  #lookLater(): void {
    const ms = LOOK_MS * Math.ceil(this.#held.size / LOOKS_AT_ONCE)
    this.#looking ??= setTimeout(() => {
      this.#looking = undefined
      void this.#look()
    }, ms).unref()
  }

  async #look(): Promise<void> {
    if (this.#held.size === 0) return
    try {
      const found = await this.#parts.elsewhere(this.destinations)
      await this.#withdraw(found, 'another host announces it')
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      this.#parts.log.debug('nobody can say whether others announce what is held', { err: error.message })
    }
    this.#lookLater()
  }
}

/** What is held, as an object: without the link that it was of. */
export function announcementOf({ dst }: Pick<Hold, 'dst'>): Announcement {
  return { kind: 'announcement', dst }
}

/**
 * Of an endpoint's objects, announcements that nobody takes over. Not where the kernel has lost the container already, and
 * not what has never been announced.
 */
export function leavesBehind(
  objects: readonly HostObject[],
  {
    drop,
    wanted,
    reconciler
  }: {
    drop: readonly HostObject[]
    wanted: readonly HostObject[]
    reconciler: Pick<Reconciler, 'lost' | 'has'>
  }
): string[] {
  const announcedIn = (list: readonly HostObject[]): Set<string> =>
    new Set(list.filter(({ kind }) => kind === 'announcement').map(keyOf))
  const [going, staying] = [announcedIn(drop), announcedIn(wanted)]
  return objects.flatMap((object) => {
    if (object.kind !== 'announcement' || (object.of !== undefined && reconciler.lost.has(object.of)))
      return []
    const key = keyOf(object)
    return going.has(key) && !staying.has(key) && reconciler.has(key) ? [object.dst] : []
  })
}
