import { expect } from 'chai'
import fc from 'fast-check'
import { ConflictError, ExhaustedError, InvalidError } from '../../src/errors.js'
import { checkAddress, chooseAddress, inUse } from '../../src/ipam/allocate.js'
import type { Usage } from '../../src/ipam/allocate.js'
import { contains, parseIp, parsePrefix } from '../../src/model/ip.js'
import type { Ip } from '../../src/model/ip.js'
import type { Pool } from '../../src/model/pool.js'

function pool(prefix: string, range?: string): Pool {
  const since = '2026-01-01T00:00:00.000Z'
  const base: Pool = { id: `local/${prefix}`, space: 'local', prefix: parsePrefix(prefix), since }
  return range === undefined ? base : { ...base, range: parsePrefix(range) }
}

/** Addresses in use, and those that were released, longest ago first. */
function usage(held: readonly string[], released: readonly string[] = [], cursor = 0n): Usage {
  return {
    isHeld: (address) => held.includes(address),
    wasUsed: (address) => held.includes(address) || released.includes(address),
    released: released.map((address) => parseIp(address)),
    cursor
  }
}

/** All addresses of a pool in the order in which they are given out. */
function handedOut({ prefix, range }: Pool): readonly string[] {
  const held: string[] = []
  let cursor = 0n
  for (;;) {
    try {
      const choice = chooseAddress(pool(prefix, range), usage(held, [], cursor))
      held.push(choice.address)
      cursor = choice.cursor
    } catch (error) {
      if (error instanceof ExhaustedError) return held
      throw error
    }
  }
}

describe('chooseAddress', () => {
  const whole: readonly (readonly [
    prefix: string,
    range: string | undefined,
    addresses: readonly string[]
  ])[] = [
    ['10.1.0.0/30', undefined, ['10.1.0.1', '10.1.0.2']],
    ['10.1.0.0/31', undefined, ['10.1.0.0', '10.1.0.1']],
    ['10.1.0.7/32', undefined, ['10.1.0.7']],
    ['fd00::/126', undefined, ['fd00::1', 'fd00::2', 'fd00::3']],
    ['fd00::/127', undefined, ['fd00::', 'fd00::1']],
    ['fd00::7/128', undefined, ['fd00::7']],
    ['10.1.0.0/24', '10.1.0.0/30', ['10.1.0.1', '10.1.0.2', '10.1.0.3']],
    ['10.1.0.0/24', '10.1.0.252/30', ['10.1.0.252', '10.1.0.253', '10.1.0.254']],
    ['10.1.0.0/24', '10.1.0.128/30', ['10.1.0.128', '10.1.0.129', '10.1.0.130', '10.1.0.131']],
    ['10.1.0.0/24', '10.1.0.0/32', []],
    ['10.1.0.0/24', '10.1.0.255/32', []]
  ]
  for (const [prefix, range, addresses] of whole)
    it(`gives out ${addresses.join(', ') || 'nothing'} of ${prefix}${range === undefined ? '' : ` with range ${range}`}`, () => {
      expect(handedOut(pool(prefix, range))).to.deep.equal(addresses)
    })

  it('prefers one that was never used, then the one released longest ago', () => {
    const subject = pool('10.1.0.0/30')
    expect(chooseAddress(subject, usage([], ['10.1.0.1'])).address).to.equal('10.1.0.2')
    expect(chooseAddress(subject, usage([], ['10.1.0.2', '10.1.0.1'])).address).to.equal('10.1.0.2')
  })

  it('does not give out a released address outside of the range', () => {
    const held = ['10.1.0.128', '10.1.0.129']
    expect(() => chooseAddress(pool('10.1.0.0/24', '10.1.0.128/31'), usage(held, ['10.1.0.5']))).to.throw(
      ExhaustedError,
      'no address is left in 10.1.0.128/31'
    )
  })

  it('goes on where the search ended, so that the time for an address does not grow', () => {
    let asked = 0
    const counting: Usage = {
      ...usage([]),
      cursor: (10n << 24n) + 60_000n,
      wasUsed: () => {
        asked++
        return false
      }
    }
    expect(chooseAddress(pool('10.0.0.0/16'), counting).address).to.equal('10.0.234.96')
    expect(asked).to.equal(1)
  })

  it('is never held, in the pool, and acceptable, whatever is in use', () => {
    const address = fc.nat(15).map((host) => `10.1.0.${String(host)}`)
    fc.assert(
      fc.property(
        fc.uniqueArray(address),
        fc.uniqueArray(address),
        fc.boolean(),
        (held, released, ranged) => {
          const subject = pool('10.1.0.0/28', ranged ? '10.1.0.8/29' : undefined)
          try {
            const { address: chosen } = chooseAddress(
              subject,
              usage(
                held,
                released.filter((one) => !held.includes(one))
              )
            )
            expect(held).to.not.include(chosen)
            expect(contains(subject.range ?? subject.prefix, chosen)).to.equal(true)
            checkAddress(subject, chosen)
          } catch (error) {
            if (!(error instanceof ExhaustedError)) throw error
            const first = ranged ? 8 : 1
            for (let host = first; host < 15; host++) expect(held).to.include(`10.1.0.${String(host)}`)
          }
        }
      )
    )
  })
})

describe('checkAddress', () => {
  const check = (prefix: string, address: string) => () => {
    checkAddress(pool(prefix), parseIp(address))
  }

  it('refuses network and broadcast address where there are such', () => {
    expect(check('10.1.0.0/30', '10.1.0.0')).to.throw(InvalidError, 'network address of 10.1.0.0/30')
    expect(check('10.1.0.0/30', '10.1.0.3')).to.throw(InvalidError, 'broadcast address of 10.1.0.0/30')
    expect(check('fd00::/64', 'fd00::')).to.throw(InvalidError, 'network address')
    check('fd00::/64', 'fd00::ffff:ffff:ffff:ffff')()
    check('10.1.0.0/31', '10.1.0.0')()
    check('10.1.0.0/32', '10.1.0.0')()
  })

  it('refuses what is outside, or of the other family (flaw 14)', () => {
    for (const [prefix, address] of [
      ['10.1.0.0/24', '10.1.1.1'],
      ['10.1.0.0/24', 'fd00::1'],
      ['::/0', '10.1.0.1']
    ] as const)
      expect(check(prefix, address)).to.throw(
        InvalidError,
        `address ${address} is outside of the subnet ${prefix}`
      )
  })
})

describe('inUse', () => {
  it('says who has the address', () => {
    const address: Ip = parseIp('10.1.0.5')
    for (const [purpose, text] of [
      ['endpoint', 'container'],
      ['gateway', 'gateway'],
      ['aux', '--aux-address']
    ] as const) {
      const error = inUse(pool('10.1.0.0/24'), address, purpose)
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message).to.contain('10.1.0.5').and.contain('10.1.0.0/24').and.contain(text)
    }
  })
})
