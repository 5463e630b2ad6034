import { expect } from 'chai'
import { IDLE_MS, nextBlock, planBlocks } from '../../../src/core/routing/block-plan.js'
import type { BlockSituation, HeldBlock } from '../../../src/core/routing/block-plan.js'
import { yieldsTo } from '../../../src/core/routing/contest.js'
import type { Announcer } from '../../../src/host/announcers.js'
import { contains, hostPrefix, parseIp, parsePrefix, rangeOf, toIp } from '../../../src/model/ip.js'
import type { Ip, Prefix } from '../../../src/model/ip.js'
import { announcer } from '../../support/announcer.js'
import { Flood, randomOf } from '../../support/flood.js'

const RANGE = parsePrefix('10.1.0.0/24')

function situation(more: Partial<BlockSituation> = {}): BlockSituation {
  return { host: 'a', range: RANGE, size: 26, blocks: [], announcersOf: () => [], ...more }
}

function held(prefix: Prefix, more: Partial<HeldBlock> = {}): HeldBlock {
  return { prefix, state: 'own', used: 1, idleMs: 0, isSpread: false, ...more }
}

const BLOCK = parsePrefix('10.1.0.64/26')
const SECOND = parsePrefix('10.1.0.128/26')

describe('nextBlock', () => {
  it('passes every free block, in an order of the host', () => {
    const order = (host: string): string[] => {
      const blocks: HeldBlock[] = []
      for (;;) {
        const next = nextBlock(situation({ host, blocks }))
        if (next === undefined) return blocks.map(({ prefix }) => prefix)
        blocks.push(held(next))
      }
    }
    const all = ['10.1.0.0/26', '10.1.0.128/26', '10.1.0.192/26', '10.1.0.64/26']
    const orders = ['a', 'b', 'c', 'd', 'e', 'f'].map(order)
    for (const one of orders) expect([...one].sort()).to.deep.equal(all)
    expect(new Set(orders.map(([first]) => first)).size).to.be.greaterThan(1)
  })

  it('passes over those of others', () => {
    const isTaken = (prefix: Prefix): Announcer[] => (prefix === BLOCK ? [] : [announcer(2)])
    expect(nextBlock(situation({ announcersOf: isTaken }))).to.equal(BLOCK)
    expect(nextBlock(situation({ announcersOf: () => [announcer(2)] }))).to.equal(undefined)
  })

  it('passes over own ones of another size', () => {
    const blocks = [held(parsePrefix('10.1.0.0/25')), held(parsePrefix('10.1.0.128/26'))]
    expect(nextBlock(situation({ size: 28, blocks }))).to.match(/^10\.1\.0\.(19|20|22|24)\d\/28$/)
    expect(nextBlock(situation({ size: 26, blocks }))).to.equal('10.1.0.192/26')
    expect(nextBlock(situation({ size: 25, blocks }))).to.equal(undefined)
  })

  it('works with IPv6', () => {
    const next = nextBlock(situation({ range: parsePrefix('fd00::/64'), size: 122 }))
    expect(next).to.match(/^fd00::.*\/122$/)
  })
})

describe('planBlocks', () => {
  it('claims the first block, and the next one before it is needed', () => {
    expect(planBlocks(situation()).claim).to.have.length(1)
    expect(planBlocks(situation({ blocks: [held(BLOCK, { used: 32 })] })).claim).to.deep.equal([])
    expect(planBlocks(situation({ blocks: [held(BLOCK, { used: 33 })] })).claim).to.have.length(1)
  })

  it('counts the room of a block that is larger than those of today', () => {
    const blocks = [held(BLOCK, { used: 50 })]
    expect(planBlocks(situation({ size: 28, blocks })).claim).to.deep.equal([])
    expect(planBlocks(situation({ size: 28, blocks: [held(BLOCK, { used: 57 })] })).claim).to.have.length(1)
  })

  it('takes a claim for its own when it has spread', () => {
    const claimed = (isSpread: boolean): HeldBlock => held(BLOCK, { state: 'claimed', used: 0, isSpread })
    expect(planBlocks(situation({ blocks: [claimed(false)] })).confirm).to.deep.equal([])
    expect(planBlocks(situation({ blocks: [claimed(true)] })).confirm).to.deep.equal([BLOCK])
  })

  it('gives up what an older one has, and claims another one at once', () => {
    const announcersOf = (prefix: Prefix): Announcer[] =>
      prefix === BLOCK ? [announcer(1, { isOwn: true, lifetime: 3 }), announcer(2, { lifetime: 300 })] : []
    const plan = planBlocks(situation({ blocks: [held(BLOCK, { isSpread: true })], announcersOf }))
    expect(plan.giveUp).to.deep.equal([BLOCK])
    expect(plan.claim).to.have.length(1)
    expect(plan.claim).not.to.include(BLOCK)
  })

  it('keeps what a younger one has claimed', () => {
    const announcersOf = (prefix: Prefix): Announcer[] =>
      prefix === BLOCK ? [announcer(1, { isOwn: true, lifetime: 300 }), announcer(2, { lifetime: 3 })] : []
    expect(planBlocks(situation({ blocks: [held(BLOCK)], announcersOf })).giveUp).to.deep.equal([])
  })

  it('gives a claim up at once that somebody else had before it was seen', () => {
    const blocks = [held(BLOCK, { state: 'claimed', used: 0 })]
    expect(planBlocks(situation({ blocks, announcersOf: () => [announcer(2)] })).giveUp).to.deep.equal([
      BLOCK
    ])
  })

  it('gives back what is not used for long, but for what is kept ready', () => {
    const idle = held(BLOCK, { used: 0, idleMs: IDLE_MS + 1 })
    expect(planBlocks(situation({ blocks: [idle] })).giveBack).to.deep.equal([])
    const other = held(SECOND, { used: 5 })
    expect(planBlocks(situation({ blocks: [idle, other] })).giveBack).to.deep.equal([BLOCK])
    expect(planBlocks(situation({ blocks: [{ ...idle, idleMs: 5 }, other] })).giveBack).to.deep.equal([])
    const full = held(SECOND, { used: 60 })
    expect(planBlocks(situation({ blocks: [idle, full] })).giveBack).to.deep.equal([])
  })
})

/** A host of the simulation: what the daemon does with the plans, without daemon. */
class Host {
  readonly blocks = new Map<Prefix, HeldBlock['state']>()
  /** How each address in use is announced. */
  readonly addresses = new Map<Ip, 'covered' | 'announced' | 'yielded'>()
  readonly #blockOf = new Map<Ip, Prefix>()
  waits = 0
  readonly #id: number
  readonly #flood: Flood
  readonly #random: () => number

  constructor(id: number, flood: Flood, random: () => number) {
    this.#id = id
    this.#flood = flood
    this.#random = random
  }

  step(): void {
    this.#plan()
    for (const [address, state] of this.addresses) this.#judge(address, state)
  }

  /** As a container starts. */
  allocate(): void {
    for (const [prefix, state] of this.blocks) {
      if (state !== 'own') continue
      const { first, last } = rangeOf(prefix)
      for (let value = first + 1n; value <= last; value++) {
        const address = toIp(value, 4)
        if (this.addresses.has(address) || this.#others(hostPrefix(address)).length > 0) continue
        this.addresses.set(address, 'covered')
        this.#blockOf.set(address, prefix)
        return
      }
    }
    this.waits++
  }

  #plan(): void {
    const used = new Map<Prefix, number>()
    for (const prefix of this.#blockOf.values()) used.set(prefix, (used.get(prefix) ?? 0) + 1)
    const plan = planBlocks({
      host: String(this.#id),
      range: SHARED,
      size: 28,
      blocks: [...this.blocks].map(([prefix, state]) => {
        return {
          prefix,
          state,
          used: used.get(prefix) ?? 0,
          idleMs: 0,
          isSpread: this.#flood.isSpread(this.#id, prefix)
        }
      }),
      announcersOf: (prefix) => this.#announcers(prefix)
    })
    for (const prefix of plan.confirm) this.blocks.set(prefix, 'own')
    for (const prefix of plan.giveUp) {
      this.blocks.delete(prefix)
      for (const [address, state] of this.addresses)
        if (state === 'covered' && this.#blockOf.get(address) === prefix) this.#set(address, 'announced')
      this.#flood.announce(this.#id, prefix, true)
    }
    for (const prefix of plan.claim) {
      this.blocks.set(prefix, 'claimed')
      this.#flood.announce(this.#id, prefix)
    }
  }

  #judge(address: Ip, state: 'covered' | 'announced' | 'yielded'): void {
    const announcers = this.#announcers(hostPrefix(address))
    const others = announcers.filter(({ isOwn }) => !isOwn)
    const own = announcers.find(({ isOwn }) => isOwn)
    if (others.length === 0) {
      if (state === 'yielded' && this.#random() < 0.1) this.#set(address, 'announced')
    } else if (state === 'covered') this.#set(address, 'announced')
    else if (state === 'announced' && own && others.some((other) => yieldsTo(own, other, 'refuse')))
      this.#set(address, 'yielded')
  }

  #set(address: Ip, state: 'announced' | 'yielded'): void {
    this.addresses.set(address, state)
    this.#flood.announce(this.#id, hostPrefix(address), state === 'yielded')
  }

  #others(dst: Prefix): Announcer[] {
    return this.#announcers(dst).filter(({ isOwn }) => !isOwn)
  }

  /** Ages are whole seconds, and those of others are read some seconds too high. */
  #announcers(dst: Prefix): Announcer[] {
    return this.#flood.entriesOf(this.#id, dst).map(({ router, since }) => {
      const isOwn = router === this.#id
      const age = Math.floor(this.#flood.nowMs / 1000 - since + (isOwn ? 0 : this.#random() * 4))
      return announcer(router, { isOwn, age, lifetime: age })
    })
  }
}

/** 1024 blocks of 16 addresses. */
const SHARED = parsePrefix('10.1.0.0/18')
const HOSTS = 100
const SECOND_MS = 1000
const CUTS = 2

function race(seed: number): { readonly hosts: readonly Host[]; readonly conflicts: number } {
  const random = randomOf(seed)
  const flood = new Flood(HOSTS, random)
  const hosts = Array.from({ length: HOSTS }, (_, id) => new Host(id, flood, random))
  let conflicts = 0
  const repeat = (ms: number, untilMs: number, work: () => void): void => {
    if (flood.nowMs > untilMs) return
    work()
    flood.after(ms * (0.5 + random()), () => {
      repeat(ms, untilMs, work)
    })
  }
  for (const host of hosts) {
    flood.after(random() * 50, () => {
      repeat(250, Infinity, () => {
        host.step()
      })
    })
    repeat(SECOND_MS / 4, 40 * SECOND_MS, () => {
      // Most of them right after a cut.
      if (host.addresses.size < 20 * (1 + Math.floor(flood.nowMs / (20 * SECOND_MS)))) host.allocate()
    })
  }
  for (let round = 0; round < CUTS; round++) {
    flood.after((round * 20 + 0.1) * SECOND_MS, () => {
      flood.cut(20 + 30 * round)
    })
    flood.after((round * 20 + 15) * SECOND_MS, () => {
      conflicts += twice(hosts.flatMap(({ blocks }) => [...blocks.keys()])).length
      flood.heal()
    })
  }
  flood.runUntil(70 * SECOND_MS)
  return { hosts, conflicts }
}

function twice<T>(values: readonly T[]): T[] {
  return values.filter((value, at) => values.indexOf(value) !== at)
}

describe('a hundred hosts that race for blocks and are cut apart twice', () => {
  for (const seed of [1, 2]) {
    it(`no block and no address is left on two of them (seed ${String(seed)})`, () => {
      const { hosts, conflicts } = race(seed)
      const blocks = hosts.flatMap((host) => [...host.blocks.keys()])
      const addresses = hosts.flatMap((host) =>
        [...host.addresses].flatMap(([address, state]) => (state === 'yielded' ? [] : [address]))
      )
      expect(conflicts, 'blocks that two had while they were cut apart').to.be.greaterThan(0)
      expect(twice(blocks)).to.deep.equal([])
      expect(twice(addresses)).to.deep.equal([])
      expect(addresses.length).to.be.greaterThan(HOSTS * 10)
      for (const address of addresses) expect(contains(SHARED, parseIp(address))).to.equal(true)
    }).timeout(120_000)
  }
})
