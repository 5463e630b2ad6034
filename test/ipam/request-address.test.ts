import { expect } from 'chai'
import { ConflictError, ExhaustedError, InvalidError, NotFoundError } from '../../src/errors.js'
import { withRig } from '../support/daemon.js'
import { LOCAL_SPACE } from '../support/docker.js'
import { errorOf } from '../support/expect-error.js'
import {
  GATEWAY,
  NET,
  POOL,
  releaseAddress,
  requestAddress,
  requestPool,
  withNetwork
} from '../support/ipam.js'

describe('Ipam.requestAddress', () => {
  it(
    'hands out addresses that were never used, then the one released longest ago',
    withNetwork(async ({ call }) => {
      const all: string[] = []
      for (let index = 0; index < 6; index++) all.push(await requestAddress(call))
      expect(all).to.deep.equal(['1', '2', '3', '4', '5', '6'].map((host) => `10.1.0.${host}/32`))
      await releaseAddress(call, '10.1.0.4')
      await releaseAddress(call, '10.1.0.2')
      expect(await requestAddress(call)).to.equal('10.1.0.4/32')
      expect(await requestAddress(call)).to.equal('10.1.0.2/32')
    })
  )

  it(
    'does not use a released address as long as there is one that was never used',
    withNetwork(async ({ call }) => {
      expect(await requestAddress(call)).to.equal('10.1.0.1/32')
      await releaseAddress(call, '10.1.0.1')
      expect(await requestAddress(call)).to.equal('10.1.0.2/32')
    })
  )

  it(
    'remembers over a restart which addresses were used',
    withNetwork(async (rig) => {
      await requestAddress(rig.call)
      await releaseAddress(rig.call, '10.1.0.1')
      const { call } = await rig.restart()
      expect(await requestAddress(call)).to.equal('10.1.0.2/32')
    })
  )

  it(
    'says when no address is left',
    withNetwork(async ({ call }) => {
      for (let index = 0; index < 6; index++) await requestAddress(call)
      const error = await errorOf(requestAddress(call))
      expect(error).to.be.instanceOf(ExhaustedError)
      expect(error.message).to.contain('no address is left in 10.1.0.0/29: all 6 are in use')
    })
  )

  const refused: readonly (readonly [what: string, address: string, text: string])[] = [
    ['outside of the subnet', '10.2.0.1', 'address 10.2.0.1 is outside of the subnet 10.1.0.0/29'],
    ['of the other family', 'fd00::1', 'address fd00::1 is outside of the subnet 10.1.0.0/29'],
    ['that is the network address', '10.1.0.0', 'address 10.1.0.0 is the network address of 10.1.0.0/29'],
    ['that is the broadcast address', '10.1.0.7', 'address 10.1.0.7 is the broadcast address of 10.1.0.0/29'],
    [
      'that is no address',
      '10.1.0.300',
      'Address: "10.1.0.300" is not an IP address such as 10.1.0.2 or fd00::2'
    ]
  ]
  for (const [what, address, text] of refused) {
    it(
      `refuses an address ${what}`,
      withNetwork(async ({ call }) => {
        const error = await errorOf(requestAddress(call, address))
        expect(error).to.be.instanceOf(InvalidError)
        expect(error.message).to.equal(text)
      })
    )
  }

  it(
    'refuses an address in use',
    withNetwork(async ({ call }) => {
      await requestAddress(call, '10.1.0.3')
      const error = await errorOf(requestAddress(call, '10.1.0.3'))
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message).to.equal('address 10.1.0.3 of subnet 10.1.0.0/29 is in use by a container')
    })
  )

  it('refuses the gateway that was given', () =>
    withRig({}, async ({ docker, call }) => {
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/29', gateway: '10.1.0.6' })
      const error = await errorOf(requestAddress(call, '10.1.0.6'))
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message).to.equal('address 10.1.0.6 of subnet 10.1.0.0/29 is the gateway')
    }))

  it('refuses an auxiliary address', () =>
    withRig({}, async ({ docker, call }) => {
      await requestPool(call, '10.1.0.0/29')
      await requestAddress(call, '10.1.0.5')
      await call('NetworkDriver.CreateNetwork', {
        NetworkID: NET,
        IPv4Data: [{ AddressSpace: LOCAL_SPACE, Pool: '10.1.0.0/29' }]
      })
      const error = await errorOf(requestAddress(docker.call, '10.1.0.5'))
      expect(error.message).to.contain('10.1.0.5').and.contain('--aux-address')
    }))

  it(
    'refuses an unknown pool',
    withNetwork(async ({ call }) => {
      expect(await errorOf(requestAddress(call, '', 'local/10.9.0.0/24'))).to.be.instanceOf(NotFoundError)
    })
  )

  it('takes automatic addresses out of the range and explicit ones from anywhere in the subnet', () =>
    withRig({}, async ({ docker, call }) => {
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', range: '10.1.0.128/30' })
      const pool = 'local/10.1.0.0/24'
      expect(await requestAddress(call, '', pool)).to.equal('10.1.0.128/32')
      expect(await requestAddress(call, '10.1.0.9', pool)).to.equal('10.1.0.9/32')
      for (let index = 0; index < 3; index++) await requestAddress(call, '', pool)
      expect((await errorOf(requestAddress(call, '', pool))).message).to.contain(
        '10.1.0.128/30: all 4 are in use'
      )
    }))

  it(
    'never gives one address to two requests at once',
    withNetwork(async ({ call }) => {
      const all = await Promise.all(Array.from({ length: 6 }, () => requestAddress(call)))
      expect(new Set(all).size).to.equal(6)
    })
  )

  it(
    'leaves nothing behind where the pool is released at the same time',
    withNetwork(async ({ call, daemon }) => {
      await Promise.allSettled([call('IpamDriver.ReleasePool', { PoolID: POOL }), requestAddress(call)])
      expect(daemon.records.all('pool')).to.deep.equal([])
      expect(daemon.records.all('lease')).to.deep.equal([])
    })
  )

  it('answers with the length of the subnet for networks of other drivers', () =>
    withRig({}, async ({ call }) => {
      await requestPool(call, '10.1.0.0/29')
      expect(await requestAddress(call, '', POOL, GATEWAY)).to.equal('10.1.0.1/29')
      expect(await requestAddress(call)).to.equal('10.1.0.2/29')
    }))

  it('keeps the address of a lease that cannot be read', () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/29' })
      rig.store.documents.set('lease local/10.1.0.1', { version: 99 })
      const { call } = await rig.restart()
      expect(await requestAddress(call)).to.equal('10.1.0.2/32')
      expect(await errorOf(requestAddress(call, '10.1.0.1'))).to.be.instanceOf(ConflictError)
    }))
})
