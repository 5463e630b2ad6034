/** Whether an endpoint may have its addresses, as far as other hosts are concerned. */
import { ConflictError, RoutedError, TimeoutError } from '../../errors.js'
import type { Announcer } from '../../host/announcers.js'
import type { Log } from '../../log.js'
import type { Endpoint } from '../../model/endpoint.js'
import { addressOf, hostPrefix } from '../../model/ip.js'
import type { Ip, Prefix } from '../../model/ip.js'
import type { DuplicatesMode } from '../../model/options/duplicates.js'
import { ASK_AGAIN_MS } from './trials.js'

export interface AdmissionParts {
  /** Of endpoints that do not say otherwise. */
  readonly mode: DuplicatesMode
  /** Throws RoutedError if nobody can say. */
  readonly announcersOf: (dst: Prefix) => Promise<readonly Announcer[]>
  /** True if the databases know it from another host, reachable or not. */
  readonly isInDatabase: (dst: Prefix) => Promise<boolean>
  /** Blocks of other hosts, which give addresses out of them, that can be reached. Throws RoutedError if nobody can say. */
  readonly blocksWith: (address: Ip) => Promise<readonly ForeignBlock[]>
  /** True if they only held it, and gave way. */
  readonly tryIt: (dst: Prefix, networkId: string) => Promise<boolean>
  readonly log: Log
}

export interface ForeignBlock {
  readonly dst: Prefix
  readonly routers: readonly string[]
}

/** A container waits no longer for routing daemons. */
const PATIENCE_MS = 1_000
/**
 * What is in a database, and no path leads there for so long, is of a dead host. ospfd counts external routes anew a second
 * after it has counted the others, and has none for a moment when a neighbour was lost or came.
 */
const SETTLING_MS = 1_500

export class Admission {
  readonly #parts: AdmissionParts

  constructor(parts: AdmissionParts) {
    this.#parts = parts
  }

  /** Throws ConflictError for an address that another host has. Where the routing daemons do not answer, all are let in. */
  async admit({ id, networkId, addresses, anycast, duplicates }: Endpoint): Promise<void> {
    if (anycast) return
    const mode = duplicates ?? this.#parts.mode
    const settledAt = performance.now() + SETTLING_MS
    for (const dst of addresses.map(addressOf).map(hostPrefix)) {
      const others = await this.#othersOf(dst, settledAt)
      if (others.length === 0) {
        if (mode === 'refuse') await this.#refuseForeignBlock(addressOf(dst))
        continue
      }
      const names = others.map(({ router }) => router).join(', ')
      if (mode !== 'refuse')
        this.#parts.log.warn('address is announced by another host, taken all the same', {
          endpoint: id,
          dst,
          by: names
        })
      else if (!(await this.#parts.tryIt(dst, networkId))) throw refusal(dst, names)
    }
  }

  /** Looks until then while no path leads to what the databases know. */
  async #othersOf(dst: Prefix, settledAt: number): Promise<readonly Announcer[]> {
    for (;;) {
      const all = await this.#asked(dst, () => this.#parts.announcersOf(dst))
      const others = all.filter(({ isOwn }) => !isOwn)
      const isSure = others.length > 0 || performance.now() >= settledAt
      if (isSure || !(await this.#parts.isInDatabase(dst)))
        return others.filter(({ isLeaving }) => !isLeaving)
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS).unref())
    }
  }

  /** Whether its host uses the address, nobody can see: it announces the block only. */
  async #refuseForeignBlock(address: Ip): Promise<void> {
    const [block] = await this.#asked(hostPrefix(address), () => this.#parts.blocksWith(address))
    if (!block) return
    throw new ConflictError(
      `address ${address} is in ${block.dst}, a block out of which ${block.routers.join(', ')} gives addresses: choose one ` +
        'outside of --ip-range, or give the endpoint net-routed.duplicates=warn if it is moved here from there'
    )
  }

  async #asked<T>(dst: Prefix, ask: () => Promise<readonly T[]>): Promise<readonly T[]> {
    try {
      return await Promise.race([ask(), giveUp()])
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      this.#parts.log.debug('nobody can say whether others announce an address', { dst, err: error.message })
      return []
    }
  }
}

function giveUp(): Promise<never> {
  return new Promise((_resolve, reject) => {
    setTimeout(() => {
      reject(new TimeoutError(`routing daemons do not answer within ${String(PATIENCE_MS)} ms`))
    }, PATIENCE_MS).unref()
  })
}

function refusal(dst: Prefix, names: string): ConflictError {
  const address = addressOf(dst)
  return new ConflictError(
    `address ${address} is on another host already: ${names} announces it. Remove its container there, or run ` +
      `"net-routed drain --endpoint ${address}" there first; if that host is dead, try again when its neighbours have ` +
      'noticed (dead interval of OSPF, hold time of BGP); to have it here, too, give the endpoint ' +
      `net-routed.duplicates=warn, or net-routed.anycast=true if it is meant to be on several hosts`
  )
}
