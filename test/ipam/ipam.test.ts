import { expect } from 'chai'
import { ConflictError } from '../../src/errors.js'
import { parseIp } from '../../src/model/ip.js'
import { withRig } from '../support/daemon.js'
import { dockerId } from '../support/docker.js'
import { errorOf } from '../support/expect-error.js'
import { NET, POOL, releaseAddress, requestAddress, withNetwork } from '../support/ipam.js'

describe('Ipam.releaseAddress', () => {
  it(
    'succeeds for unknown pools and addresses, and twice',
    withNetwork(async ({ call }) => {
      await releaseAddress(call, '10.1.0.3')
      await releaseAddress(call, '10.1.0.3', 'local/10.9.0.0/24')
      await releaseAddress(call, '10.1.0.3', '')
      await requestAddress(call, '10.1.0.3')
      await releaseAddress(call, '10.1.0.3')
      await releaseAddress(call, '10.1.0.3')
      expect(await requestAddress(call, '10.1.0.3')).to.equal('10.1.0.3/32')
    })
  )
})

describe('Ipam.releasePool', () => {
  it('frees what a pool held whose record could not be read', () =>
    withRig({}, async ({ docker, call, daemon }) => {
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/29' })
      await requestAddress(call, '10.1.0.3')
      daemon.records.delete('pool', POOL)
      await releaseAddress(call, '10.1.0.3')
      expect(daemon.records.get('lease', 'local/10.1.0.3')?.state).to.equal('released')
      await call('IpamDriver.ReleasePool', { PoolID: POOL })
      expect(daemon.records.count('lease')).to.equal(0)
    }))

  it(
    'frees everything in the pool, and succeeds twice',
    withNetwork(async ({ call, daemon }) => {
      await requestAddress(call)
      await call('IpamDriver.ReleasePool', { PoolID: POOL })
      await call('IpamDriver.ReleasePool', { PoolID: POOL })
      expect(daemon.records.count('lease')).to.equal(0)
      expect(daemon.records.count('pool')).to.equal(0)
    })
  )
})

describe('Ipam.reserveGateway', () => {
  it('keeps the gateway of all networks from containers of the subnet that it lies in, whatever else is removed', () =>
    withRig({ config: { gateway: parseIp('10.1.0.1') } }, async ({ docker, call }) => {
      await docker.createNetwork({ id: dockerId(2), subnet: '10.2.0.0/24' })
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/29' })
      await docker.removeNetwork(dockerId(2))
      expect(await errorOf(requestAddress(call, '10.1.0.1'))).to.be.instanceOf(ConflictError)
      expect(await requestAddress(call)).to.equal('10.1.0.2/32')
    }))
})

describe('Ipam.dropAutomaticGateway', () => {
  it('gives the address to a container that Docker had chosen as the gateway of a network of ours', () =>
    withRig({}, async ({ docker, call }) => {
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/29', gateway: '' })
      expect(await requestAddress(call)).to.equal('10.1.0.1/32')
    }))
})
