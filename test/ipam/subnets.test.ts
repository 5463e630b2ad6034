import { expect } from 'chai'
import fc from 'fast-check'
import { ExhaustedError, InvalidError } from '../../src/errors.js'
import { checkRange, checkSubnet, chooseSubnet } from '../../src/ipam/subnets.js'
import type { DefaultPool } from '../../src/ipam/subnets.js'
import { overlaps, parsePrefix } from '../../src/model/ip.js'
import type { Prefix } from '../../src/model/ip.js'
import type { Pool } from '../../src/model/pool.js'
import type { Space } from '../../src/model/space.js'

const DEFAULTS: readonly DefaultPool[] = [
  { base: parsePrefix('10.46.0.0/23'), size: 24 },
  { base: parsePrefix('10.99.0.0/24'), size: 25 },
  { base: parsePrefix('fd00:46::/48'), size: 64 }
]

function taken(prefix: string, space: Space = 'local'): Pool {
  return { id: `${space}/${prefix}`, space, prefix: parsePrefix(prefix), since: '2026-01-01T00:00:00.000Z' }
}

const V4 = { space: 'local', family: 4 } as const

describe('chooseSubnet', () => {
  it('takes the first free one, list by list', () => {
    const pools: Pool[] = []
    for (const expected of ['10.46.0.0/24', '10.46.1.0/24', '10.99.0.0/25', '10.99.0.128/25']) {
      expect(chooseSubnet(V4, DEFAULTS, pools)).to.equal(expected)
      pools.push(taken(expected))
    }
    expect(() => chooseSubnet(V4, DEFAULTS, pools)).to.throw(
      ExhaustedError,
      '10.46.0.0/23 (size 24), 10.99.0.0/24 (size 25)'
    )
  })

  it('leaves out what overlaps with a larger or a smaller subnet in use', () => {
    expect(chooseSubnet(V4, DEFAULTS, [taken('10.46.0.128/25')])).to.equal('10.46.1.0/24')
    expect(chooseSubnet(V4, DEFAULTS, [taken('10.46.0.0/16')])).to.equal('10.99.0.0/25')
  })

  it('does not mind the pools of the other space', () => {
    expect(chooseSubnet(V4, DEFAULTS, [taken('10.46.0.0/24', 'global')])).to.equal('10.46.0.0/24')
  })

  it('chooses by family, and says which family has no list', () => {
    expect(chooseSubnet({ space: 'local', family: 6 }, DEFAULTS, [])).to.equal('fd00:46::/64')
    expect(() => chooseSubnet({ space: 'local', family: 6 }, DEFAULTS.slice(0, 2), [])).to.throw(
      InvalidError,
      'no IPv6 subnet given and no default address pool for IPv6 is configured: give --subnet, or start net-routed with --default-address-pool base=fd00:46::/48,size=64'
    )
  })

  it('never overlaps with what is in use', () => {
    const some = fc.subarray([
      '10.46.0.0/24',
      '10.46.1.128/25',
      '10.99.0.0/26',
      '10.99.0.200/32',
      '10.46.0.0/16'
    ])
    fc.assert(
      fc.property(some, (prefixes) => {
        let chosen: Prefix
        try {
          chosen = chooseSubnet(
            V4,
            DEFAULTS,
            prefixes.map((prefix) => taken(prefix))
          )
        } catch (error) {
          expect(error).to.be.instanceOf(ExhaustedError)
          return
        }
        expect(prefixes.filter((prefix) => overlaps(parsePrefix(prefix), chosen))).to.deep.equal([])
      })
    )
  })
})

describe('checkRange', () => {
  it('accepts a range in the subnet', () => {
    checkRange(parsePrefix('10.1.0.128/25'), parsePrefix('10.1.0.0/24'))
  })

  it('refuses one that is larger than the subnet, or of the other family', () => {
    const check = (range: string) => () => {
      checkRange(parsePrefix(range), parsePrefix('10.1.0.0/24'))
    }
    expect(check('10.1.0.0/16')).to.throw(InvalidError, 'does not lie in the subnet')
    expect(check('fd00::/64')).to.throw(InvalidError, 'does not lie in the subnet')
  })
})

describe('checkSubnet', () => {
  it('refuses what no container can have, and says what it could be', () => {
    for (const [subnet, range] of Object.entries({
      '127.0.0.0/8': '127.0.0.0/8',
      '169.254.9.0/24': '169.254.0.0/16',
      '239.1.0.0/16': '224.0.0.0/3',
      'fe80::/64': 'fe80::/10',
      'ff05::/16': 'ff00::/8'
    }))
      expect(() => {
        checkSubnet(parsePrefix(subnet))
      }, subnet).to.throw(InvalidError, `subnet ${subnet} is in ${range}, which is not for containers`)
    expect(() => {
      checkSubnet(parsePrefix('fe80::/64'))
    }).to.throw('such as one of fd00::/8')
  })

  it('takes everything else', () => {
    for (const subnet of ['10.0.0.0/8', '126.0.0.0/7', '192.0.2.0/24', 'fd00::/64', '2001:db8::/127'])
      checkSubnet(parsePrefix(subnet))
  })
})
