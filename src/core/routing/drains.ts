/**
 * Takes addresses out of the network while their containers run, so that another host can have them without a lost packet:
 * first they are announced as the worst choice, and when all neighbours know that, not at all.
 */
import { setImmediate } from 'node:timers/promises'
import { RoutedError, messageOf } from '../../errors.js'
import { Turns } from '../../host/turns.js'
import type { Log } from '../../log.js'
import type { Endpoint } from '../../model/endpoint.js'
import type { Records } from '../../store/records.js'
import type { Endpoints } from '../endpoints.js'
import type { Routers } from './routers.js'

export interface DrainParts {
  readonly records: Records
  readonly endpoints: Pick<Endpoints, 'setDrain'>
  readonly routers: Pick<Routers, 'settle' | 'wake' | 'whileDraining'>
  /** True if every neighbour has all that this host announces. Throws RoutedError if nobody can say. */
  readonly isKnown: () => Promise<boolean>
  readonly log: Log
}

/** Routing daemons collect changes of lists: ospfd for its shortest LSA interval, bgpd for its route map delay. */
const LISTS_TAKE_MS = 6_000
const ASK_AGAIN_MS = 200
const PATIENCE_MS = 2_000
const ADDRESSES_AT_ONCE = 128
/** Of one log line. */
const ADDRESSES_TOLD = 20
/** A neighbour that does not answer for so long is not waited for. */
const NEIGHBOURS_TAKE_MS = 10_000

export class Drains {
  readonly #parts: DrainParts
  readonly #turns = new Turns()
  #work: Promise<void> | undefined

  constructor(parts: DrainParts) {
    this.#parts = parts
  }

  /** Begins; what takes long goes on in the background, and so does `finish`. Endpoints that are drained already stay so. */
  drain(endpoints: readonly Endpoint[]): Promise<void> {
    return this.#begin(async () => {
      await this.#setAll(endpoints, 'worse', (drain) => drain === undefined)
      void this.finish()
    })
  }

  /**
   * Begins; thousands go on in the background. The routing daemons are told first that these are not the worst choice any
   * more: else each address would be announced as that, and five seconds later once more.
   */
  undrain(endpoints: readonly Endpoint[]): Promise<void> {
    return this.#begin(async () => {
      await this.#setAll(endpoints, undefined, (drain) => drain !== undefined)
      this.#parts.routers.wake()
    })
  }

  /** Withdraws what was made the worst choice, by this process or by one before. Never throws. */
  finish(): Promise<void> {
    this.#work ??= this.#finish().finally(() => {
      this.#work = undefined
    })
    return this.#work
  }

  /** Waits for the end, though not for long: whoever asks has to be answered. What is refused later is logged. */
  #begin(work: () => Promise<void>): Promise<void> {
    const done = work()
    done.catch((error: unknown) => {
      this.#parts.log.warn('endpoints cannot be drained or undrained', { err: messageOf(error) })
    })
    return Promise.race([done, sleep(PATIENCE_MS)])
  }

  async #finish(): Promise<void> {
    const { records, routers, log } = this.#parts
    const worse = records.all('endpoint').filter(({ drain }) => drain === 'worse')
    if (worse.length === 0) return
    try {
      await routers.settle()
      await sleep(LISTS_TAKE_MS)
      await this.#untilKnown()
      const withdrawn = await this.#setAll(worse, 'withdrawn', (drain) => drain === 'worse')
      const addresses = withdrawn.flatMap((endpoint) => endpoint.addresses)
      log.info('addresses drained', {
        count: addresses.length,
        addresses: addresses.slice(0, ADDRESSES_TOLD)
      })
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      log.warn('draining goes on later', { err: error.message })
    }
    routers.wake()
    // What was asked for meanwhile.
    const known = new Set(worse.map(({ id }) => id))
    if (records.all('endpoint').some(({ id, drain }) => drain === 'worse' && !known.has(id)))
      await this.#finish()
  }

  /**
   * Those for which `isFrom` is true when their turn comes; gives them. Many at once, because they share the passes over the kernel; not
   * all, because others are to be answered meanwhile.
   */
  #setAll(
    endpoints: readonly Endpoint[],
    drain: Endpoint['drain'],
    isFrom: (drain: Endpoint['drain']) => boolean
  ): Promise<readonly Endpoint[]> {
    const { records, routers, endpoints: all } = this.#parts
    return this.#turns.take(async () => {
      const chosen = endpoints.filter(({ id }) => isFrom(records.get('endpoint', id)?.drain))
      const undrained = new Set(drain ? [] : chosen.map(({ id }) => id))
      await routers.whileDraining(async () => {
        if (undrained.size > 0) await routers.settle()
        for (const some of portionsOf(chosen)) {
          await Promise.all(some.map(({ id }) => all.setDrain(id, drain)))
          await setImmediate()
        }
      }, undrained)
      return chosen
    })
  }

  async #untilKnown(): Promise<void> {
    const deadline = performance.now() + NEIGHBOURS_TAKE_MS
    while (!(await this.#parts.isKnown())) {
      if (performance.now() > deadline) {
        this.#parts.log.warn(
          'a neighbour does not acknowledge what is announced, addresses are withdrawn without it'
        )
        return
      }
      await sleep(ASK_AGAIN_MS)
    }
  }
}

/** One endpoint, or several with not too many addresses together. */
function portionsOf(endpoints: readonly Endpoint[]): Endpoint[][] {
  const portions: Endpoint[][] = []
  let room = 0
  for (const endpoint of endpoints) {
    room -= endpoint.addresses.length
    const last = portions.at(-1)
    if (last && room >= 0) last.push(endpoint)
    else {
      portions.push([endpoint])
      room = ADDRESSES_AT_ONCE - endpoint.addresses.length
    }
  }
  return portions
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
