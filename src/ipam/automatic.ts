/** Automatic addresses: out of the whole pool, or out of the blocks of it that are this host's. */
import type { Blocks } from '../core/routing/blocks.js'
import { ExhaustedError } from '../errors.js'
import type { Ip, Prefix } from '../model/ip.js'
import type { Pool } from '../model/pool.js'
import type { Records } from '../store/records.js'
import { chooseAddress } from './allocate.js'
import type { Choice } from './allocate.js'
import { withoutRange } from './pools.js'
import { unfitIn, usageOf } from './usage.js'

export interface AutomaticParts {
  readonly records: Records
  /** True if another host announces the destination. */
  readonly isElsewhere: (dst: Prefix) => boolean
  /** Absent = addresses come out of the whole pool. */
  readonly blocks?: Blocks
}

export class Automatic {
  readonly #parts: AutomaticParts
  /** Where the search for a never used address goes on, by pool. Derived: a restart begins at the first one. */
  readonly #cursors = new Map<string, bigint>()

  constructor(parts: AutomaticParts) {
    this.#parts = parts
  }

  /** Waits until there may be an address for a container. Throws ExhaustedError. */
  async ready(pool: Pool): Promise<void> {
    if (this.#parts.blocks?.areFor(pool)) await this.#parts.blocks.ready(pool)
  }

  /** Throws ExhaustedError. */
  forGateway(pool: Pool): Ip {
    return this.#choose(withoutRange(pool), 0n).address
  }

  /** Throws ExhaustedError. */
  forContainer(pool: Pool): Ip {
    const { blocks } = this.#parts
    if (blocks?.areFor(pool)) return this.#fromBlock(pool, blocks)
    const choice = this.#choose(pool, this.#cursors.get(pool.id) ?? 0n)
    this.#cursors.set(pool.id, choice.cursor)
    return choice.address
  }

  /** The pool is not what it was. */
  forget(poolId: string): void {
    this.#cursors.delete(poolId)
  }

  /** Blocks are small: each is searched from its beginning. */
  #fromBlock(pool: Pool, blocks: Blocks): Ip {
    const { records, isElsewhere } = this.#parts
    let full = new ExhaustedError(`no block of ${pool.prefix} has an address left`)
    for (const { prefix } of blocks.ownOf(pool)) {
      try {
        const usage = usageOf(pool, records, 0n, unfitIn(prefix, isElsewhere))
        return chooseAddress({ ...pool, range: prefix }, usage).address
      } catch (error) {
        if (!(error instanceof ExhaustedError)) throw error
        full = error
      }
    }
    throw full
  }

  /** Not one that another host has. What others had when it was passed over may be free by now. */
  #choose(pool: Pool, cursor: bigint): Choice {
    const { records, isElsewhere } = this.#parts
    const choose = (from: bigint): Choice => chooseAddress(pool, usageOf(pool, records, from, isElsewhere))
    try {
      return choose(cursor)
    } catch (error) {
      if (!(error instanceof ExhaustedError) || cursor === 0n) throw error
      return choose(0n)
    }
  }
}
