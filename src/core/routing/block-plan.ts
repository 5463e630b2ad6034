/**
 * Which blocks of a pool a host claims, keeps and gives up. Every host decides by itself by what the routing protocol has
 * told it; test/core/block-plan.test.ts lets a hundred of them race. Pure.
 */
import { createHash } from 'node:crypto'
import type { Announcer } from '../../host/announcers.js'
import { familyOf, lengthOf, overlaps, rangeOf, toIp, widthOf, withLength } from '../../model/ip.js'
import type { Prefix } from '../../model/ip.js'
import type { Block } from '../../model/block.js'
import { yieldsTo } from './contest.js'

/** A block of this host. */
export interface HeldBlock extends Pick<Block, 'prefix' | 'state'> {
  /** Addresses in use. */
  readonly used: number
  /** For how long none of it has been in use. */
  readonly idleMs: number
  /** True = every neighbour has the claim, or has had the time to say so. */
  readonly isSpread: boolean
}

export interface BlockSituation {
  /** Different for every host. */
  readonly host: string
  /** Automatic addresses come out of here. */
  readonly range: Prefix
  /** Prefix length of a block. */
  readonly size: number
  readonly blocks: readonly HeldBlock[]
  /** Who announces the block, this host too; of others also those whose block overlaps with it. */
  readonly announcersOf: (block: Prefix) => readonly Announcer[]
}

export interface BlockPlan {
  /** Another host has them, and keeps them. */
  readonly giveUp: readonly Prefix[]
  /** From now on addresses are given out of them. */
  readonly confirm: readonly Prefix[]
  readonly claim: readonly Prefix[]
  /** Not needed any more. */
  readonly giveBack: readonly Prefix[]
}

/** A block that was not used for so long is given back, if there is another one. */
export const IDLE_MS = 600_000
/** So many places are looked at for a free block. */
const MOST_TRIES = 65_536n
/** Room for so large a part of a block is kept ready. */
const READY_PART = 2

export function planBlocks(situation: BlockSituation): BlockPlan {
  const { blocks, announcersOf } = situation
  const capacity = 2 ** (widthOf(situation.range.includes(':') ? 6 : 4) - situation.size)
  const giveUp = blocks.filter((block) => isLost(block, announcersOf(block.prefix)))
  const kept = blocks.filter((block) => !giveUp.includes(block))
  const room = kept.reduce((sum, block) => sum + sizeOf(block) - block.used, 0)
  const [idle] = kept.filter(
    (block) => block.used === 0 && block.idleMs > IDLE_MS && room - sizeOf(block) >= capacity / READY_PART
  )
  const next = room < capacity / READY_PART ? nextBlock(situation) : undefined
  return {
    giveUp: giveUp.map(({ prefix }) => prefix),
    confirm: kept.flatMap(({ prefix, state, isSpread }) => (state === 'claimed' && isSpread ? [prefix] : [])),
    claim: next === undefined ? [] : [next],
    giveBack: idle ? [idle.prefix] : []
  }
}

/** Not all are as large as configured: sizes may have been others before. */
function sizeOf({ prefix }: HeldBlock): number {
  return 2 ** (widthOf(familyOf(prefix)) - lengthOf(prefix))
}

/** A claim that was made when somebody had it already ends at once; else the older one stays. */
function isLost({ state }: HeldBlock, announcers: readonly Announcer[]): boolean {
  const own = announcers.filter(({ isOwn }) => isOwn)
  const others = announcers.filter(({ isOwn }) => !isOwn)
  if (own.length === 0) return state === 'claimed' && others.length > 0
  return own.some((one) => others.some((other) => yieldsTo(one, other, 'refuse')))
}

/**
 * The first free block in an order of the host's own: two hosts rarely want the same one. Undefined if all are taken.
 */
export function nextBlock({ host, range, size, blocks, announcersOf }: BlockSituation): Prefix | undefined {
  const { family, first } = rangeOf(range)
  const count = 1n << BigInt(size - lengthOf(range))
  const blockSize = 1n << BigInt(widthOf(family) - size)
  const hash = createHash('sha256').update(`${host} ${range}`).digest()
  const start = hash.readBigUInt64BE(0) % count
  // An odd step passes every one of a power of two.
  const step = (hash.readBigUInt64BE(8) % count) | 1n
  for (let at = 0n; at < count && at < MOST_TRIES; at++) {
    const place = (start + at * step) % count
    const prefix = withLength(toIp(first + place * blockSize, family), size)
    if (blocks.every((block) => !overlaps(block.prefix, prefix)) && announcersOf(prefix).length === 0)
      return prefix
  }
  return undefined
}
