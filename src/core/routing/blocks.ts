/**
 * Hosts that share a pool give addresses out of blocks, each its own. A block is claimed by announcing it, ahead of need;
 * the routing protocol is what tells others, and what tells us that somebody else wants the same one. So a container waits
 * for nobody, and other hosts have one route for all containers in a block.
 */
import { ExhaustedError, RoutedError } from '../../errors.js'
import type { Log } from '../../log.js'
import { blockId } from '../../model/block.js'
import type { Block } from '../../model/block.js'
import { addressOf, contains, familyOf, ipToBigInt, lengthOf, rangeOf } from '../../model/ip.js'
import type { Family, Ip, Prefix } from '../../model/ip.js'
import type { Pool } from '../../model/pool.js'
import type { Records } from '../../store/records.js'
import { planBlocks } from './block-plan.js'
import type { BlockPlan, HeldBlock } from './block-plan.js'
import type { Committer } from '../commit.js'
import type { Endpoints } from '../endpoints.js'
import { uncovering } from './told.js'
import type { Others } from './others.js'

export interface BlocksParts {
  readonly records: Records
  readonly committer: Committer
  readonly endpoints: Endpoints
  readonly others: Others
  /** Prefix lengths; absent = no blocks, and those that there are go. */
  readonly sizes: Readonly<Record<Family, number>> | undefined
  /** Different for every host. */
  readonly host: () => string
  /** True if every neighbour has what this host announces, this prefix too. Throws RoutedError if nobody can say. */
  readonly isSpread: (prefix: Prefix) => Promise<boolean>
  /** True if a network of ours has the pool. */
  readonly isRouted: (pool: Pool) => boolean
  /** True if an automatic address could be had from the pool's range. */
  readonly hasRoom: (pool: Pool) => boolean
  readonly log: Log
  readonly now: () => Date
}

const LOOK_MS = 500
const LOOK_SOON_MS = 50
/** A neighbour that does not acknowledge a claim for so long is not waited for. */
const SPREAD_MS = 3_000
/** Docker waits longer for an address. */
const PATIENCE_MS = 6_000

export class Blocks {
  readonly #parts: BlocksParts
  /** Since when a block has been empty, by its id; milliseconds. */
  readonly #emptySince = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #stopped = false

  constructor(parts: BlocksParts) {
    this.#parts = parts
  }

  start(): void {
    this.#after(0)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  /** Networks may have changed. Returns at once. */
  wake(): void {
    if (this.#timer) this.#after(0)
  }

  /** True if automatic addresses of the pool come out of blocks. */
  areFor(pool: Pool): boolean {
    const { sizes, isRouted } = this.#parts
    const size = sizes?.[familyOf(pool.prefix)]
    return size !== undefined && size > lengthOf(pool.range ?? pool.prefix) && isRouted(pool)
  }

  /** Blocks that addresses are given out of, oldest first. */
  ownOf(pool: Pool): Block[] {
    return this.#of(pool).filter(({ state }) => state === 'own')
  }

  /** True if others reach the address by the announcement of a block. */
  covers(address: Ip): boolean {
    const { records } = this.#parts
    return records.all('block').some(({ state, prefix }) => state === 'own' && contains(prefix, address))
  }

  /** Waits until a block has a free address; at once as a rule. Throws ExhaustedError if no block is free. */
  async ready(pool: Pool): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    let isSure = false
    while (!this.#hasRoom(pool)) {
      await this.look()
      if (this.#hasRoom(pool)) break
      const isUnderWay = this.#of(pool).some(({ state }) => state === 'claimed')
      if ((!isUnderWay && isSure) || performance.now() > deadline) throw this.#exhausted(pool)
      // Blocks may have been given up meanwhile, which is not seen at once.
      if (!isUnderWay) this.#parts.others.distrust()
      isSure = !isUnderWay
      await new Promise((resolve) => setTimeout(resolve, LOOK_SOON_MS).unref())
    }
    this.wake()
  }

  /** Claims what is needed, takes what is known to all, gives up what others have. Calls share one. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    const { records, others, log } = this.#parts
    const pools = records.all('pool').filter((pool) => this.areFor(pool))
    const stray = records.all('block').filter(({ poolId }) => pools.every(({ id }) => id !== poolId))
    if (pools.length + stray.length === 0) return
    try {
      await others.refresh()
      for (const block of stray) await this.#giveUp(block, 'its pool has no blocks')
      for (const pool of pools) await this.#act(pool, await this.#planOf(pool))
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      log.warn('blocks are claimed later', { err: error.message })
    }
  }

  async #planOf(pool: Pool): Promise<BlockPlan> {
    const { others, host, sizes } = this.#parts
    const blocks: HeldBlock[] = []
    for (const block of this.#of(pool)) blocks.push(await this.#held(pool, block))
    return planBlocks({
      host: host(),
      range: pool.range ?? pool.prefix,
      size: sizes?.[familyOf(pool.prefix)] ?? 0,
      blocks,
      announcersOf: (prefix) => others.announcersOf(prefix, pool.prefix)
    })
  }

  async #held(pool: Pool, { id, prefix, state, since }: Block): Promise<HeldBlock> {
    const { others, isSpread, now } = this.#parts
    const used = this.#usedIn(pool, prefix)
    const atMs = now().getTime()
    if (used > 0) this.#emptySince.delete(id)
    else if (!this.#emptySince.has(id)) this.#emptySince.set(id, atMs)
    const isLate = atMs - Date.parse(since) > SPREAD_MS
    const isKnown = state === 'claimed' && (others.isBlind || isLate || (await isSpread(prefix)))
    return { prefix, state, used, idleMs: atMs - (this.#emptySince.get(id) ?? atMs), isSpread: isKnown }
  }

  async #act(pool: Pool, { giveUp, confirm, claim, giveBack }: BlockPlan): Promise<void> {
    const { records, committer, log, now } = this.#parts
    for (const prefix of [...giveUp, ...giveBack]) {
      const block = records.get('block', blockId(pool, prefix))
      if (block)
        await this.#giveUp(block, giveUp.includes(prefix) ? 'another host has it' : 'nothing in it is used')
    }
    for (const prefix of confirm) {
      const block = records.get('block', blockId(pool, prefix))
      if (block) await committer.commit({ put: [{ kind: 'block', record: { ...block, state: 'own' } }] })
      log.info('block is ours', { block: prefix })
    }
    for (const prefix of claim) {
      const since = now().toISOString()
      const record: Block = { id: blockId(pool, prefix), poolId: pool.id, prefix, state: 'claimed', since }
      await committer.commit({ put: [{ kind: 'block', record }] })
      log.info('block claimed', { block: prefix })
      this.#after(LOOK_SOON_MS)
    }
  }

  /** What is in use in it is announced by itself from now on. */
  async #giveUp({ id, prefix }: Block, why: string): Promise<void> {
    const { records, committer, endpoints, log } = this.#parts
    for (const endpoint of records.all('endpoint'))
      for (const address of endpoint.covered ?? [])
        if (contains(prefix, address))
          await endpoints.change(endpoint.id, 'address announced by itself', uncovering(address))
    await committer.commit({ remove: [{ kind: 'block', id }], isEnd: true })
    this.#emptySince.delete(id)
    log.info('block given up', { block: prefix, why })
  }

  #of({ id }: Pool): Block[] {
    const { records } = this.#parts
    const blocks = records.all('block').filter(({ poolId }) => poolId === id)
    return blocks.sort((a, b) => a.since.localeCompare(b.since))
  }

  #hasRoom(pool: Pool): boolean {
    return this.ownOf(pool).some(({ prefix }) => this.#parts.hasRoom({ ...pool, range: prefix }))
  }

  #usedIn({ id }: Pool, prefix: Prefix): number {
    const { family, first, last } = rangeOf(prefix)
    let used = 0
    for (const { state, address } of this.#parts.records.leasesOfPool(id)) {
      if (state !== 'held' || familyOf(address) !== family) continue
      const value = ipToBigInt(address)
      if (value >= first && value <= last) used++
    }
    return used
  }

  #exhausted(pool: Pool): ExhaustedError {
    const size = String(this.#parts.sizes?.[familyOf(pool.prefix)])
    return new ExhaustedError(
      `no block of ${pool.range ?? pool.prefix} is left for this host: all with prefix length ${size} are claimed by ` +
        'others, or the routing daemons do not tell; create the network with a larger subnet on all hosts, or ' +
        'configure smaller blocks (routing.blocks.size)'
    )
  }

  #after(ms: number): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#after(LOOK_MS)
      void this.look()
    }, ms).unref()
  }
}

/** The addresses among these that a block announces. */
export function coveredBy(blocks: Pick<Blocks, 'covers'> | undefined, addresses: readonly Prefix[]): Ip[] {
  return addresses.map(addressOf).filter((address) => blocks?.covers(address) === true)
}
