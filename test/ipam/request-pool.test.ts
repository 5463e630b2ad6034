import { expect } from 'chai'
import { ConflictError, ExhaustedError, InvalidError } from '../../src/errors.js'
import { parsePrefix } from '../../src/model/ip.js'
import { LOCAL_SPACE } from '../support/docker.js'
import { errorOf } from '../support/expect-error.js'
import {
  GATEWAY,
  MINUTE_MS,
  NET,
  requestAddress,
  requestPool,
  withNetwork,
  withPools
} from '../support/ipam.js'

describe('Ipam.requestPool', () => {
  it(
    'gives the subnet that was asked for, under an id that is stable',
    withPools([], async ({ call }) => {
      const answer = await call('IpamDriver.RequestPool', { AddressSpace: LOCAL_SPACE, Pool: '10.1.0.0/16' })
      expect(answer).to.deep.equal({ PoolID: 'local/10.1.0.0/16', Pool: '10.1.0.0/16', Data: {} })
    })
  )

  it(
    'refuses a subnet that overlaps with a network, and names it',
    withNetwork(async ({ call }) => {
      const error = await errorOf(requestPool(call, '10.1.0.0/24'))
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message)
        .to.contain('subnet 10.1.0.0/24 overlaps with 10.1.0.0/29 of network')
        .and.contain(NET)
        .and.contain('net-routed forget')
    })
  )

  it(
    'refuses a subnet that overlaps with one whose network is being created',
    withPools([], async ({ call }) => {
      await requestPool(call, '10.1.0.0/16')
      const error = await errorOf(requestPool(call, '10.1.2.0/24'))
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message).to.contain('overlaps with 10.1.0.0/16').and.contain('give another --subnet')
    })
  )

  it(
    'keeps the two address spaces apart',
    withPools([], async ({ call }) => {
      await requestPool(call, '10.1.0.0/16')
      expect(await requestPool(call, '10.1.0.0/16', { AddressSpace: 'net-routed-global' })).to.equal(
        '10.1.0.0/16'
      )
    })
  )

  it(
    'takes over a pool whose creation failed long ago',
    withPools([], async ({ call, clock }) => {
      await requestPool(call, '10.1.0.0/16')
      clock.advance(2 * MINUTE_MS)
      expect(await requestPool(call, '10.1.0.0/24')).to.equal('10.1.0.0/24')
    })
  )

  it(
    'does not take over the old pool of a network of another driver',
    withPools([], async ({ call, clock }) => {
      await requestPool(call, '10.1.0.0/16')
      await requestAddress(call, '', 'local/10.1.0.0/16', GATEWAY)
      clock.advance(2 * MINUTE_MS)
      expect(await errorOf(requestPool(call, '10.1.0.0/24'))).to.be.instanceOf(ConflictError)
    })
  )

  it(
    'says how to configure a list where there is none',
    withPools([], async ({ call }) => {
      const error = await errorOf(requestPool(call, ''))
      expect(error).to.be.instanceOf(InvalidError)
      expect(error.message)
        .to.contain('no default address pool for IPv4')
        .and.contain('--subnet')
        .and.contain('--default-address-pool base=10.46.0.0/16,size=24')
    })
  )

  it(
    'says how to extend a list that is used up',
    withPools([{ base: parsePrefix('10.46.0.0/24'), size: 25 }], async ({ call }) => {
      expect(await requestPool(call, '')).to.equal('10.46.0.0/25')
      expect(await requestPool(call, '')).to.equal('10.46.0.128/25')
      const error = await errorOf(requestPool(call, ''))
      expect(error).to.be.instanceOf(ExhaustedError)
      expect(error.message).to.contain('10.46.0.0/24 (size 25)').and.contain('--default-address-pool')
    })
  )

  it(
    'never offers a subnet twice while it is leased',
    withPools([{ base: parsePrefix('10.46.0.0/16'), size: 24 }], async ({ call }) => {
      const offers = [await requestPool(call, ''), await requestPool(call, ''), await requestPool(call, '')]
      expect(new Set(offers).size).to.equal(3)
    })
  )

  it(
    'chooses by family',
    withPools(
      [
        { base: parsePrefix('10.46.0.0/16'), size: 24 },
        { base: parsePrefix('fd00:46::/48'), size: 64 }
      ],
      async ({ call }) => {
        expect(await requestPool(call, '', { V6: true })).to.equal('fd00:46::/64')
        expect(await requestPool(call, '')).to.equal('10.46.0.0/24')
      }
    )
  )

  it(
    'chooses at once from a list with a million subnets',
    withPools([{ base: parsePrefix('fd00::/44'), size: 64 }], async ({ call }) => {
      expect(await requestPool(call, '', { V6: true })).to.equal('fd00::/64')
    })
  ).timeout(1_500)

  it(
    'refuses a range without a subnet, and one outside of it',
    withPools([], async ({ call }) => {
      const without = await errorOf(requestPool(call, '', { SubPool: '10.1.0.0/24' }))
      expect(without.message).to.contain('ip-range 10.1.0.0/24').and.contain('--subnet')
      const outside = await errorOf(requestPool(call, '10.2.0.0/16', { SubPool: '10.1.0.0/24' }))
      expect(outside.message).to.equal('ip-range 10.1.0.0/24 does not lie in the subnet 10.2.0.0/16')
    })
  )

  it(
    'refuses an unknown address space',
    withPools([], async ({ call }) => {
      const error = await errorOf(requestPool(call, '10.1.0.0/16', { AddressSpace: 'LocalDefault' }))
      expect(error).to.be.instanceOf(InvalidError)
      expect(error.message).to.contain('"LocalDefault" is not known')
    })
  )
})
