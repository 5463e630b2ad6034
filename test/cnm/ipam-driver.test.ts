import { expect } from 'chai'
import { InvalidError } from '../../src/errors.js'
import { callOf, snapshot, withRig } from '../support/daemon.js'
import { LOCAL_SPACE, dockerId } from '../support/docker.js'
import { errorOf } from '../support/expect-error.js'
import { GATEWAY, requestAddress, requestPool } from '../support/ipam.js'

describe('IpamDriver', () => {
  it('has two spaces of its own, that are not those of Docker', () =>
    withRig({}, async ({ call }) => {
      expect(await call('IpamDriver.GetDefaultAddressSpaces')).to.deep.equal({
        LocalDefaultAddressSpace: LOCAL_SPACE,
        GlobalDefaultAddressSpace: 'net-routed-global'
      })
      expect(await call('IpamDriver.GetCapabilities')).to.deep.equal({
        RequiresMACAddress: false,
        RequiresRequestReplay: false
      })
    }))

  const wrong: readonly (readonly [method: string, request: object, text: string])[] = [
    ['RequestPool', { AddressSpace: LOCAL_SPACE, Pool: '10.1.0.0' }, 'Pool: "10.1.0.0" is not a prefix'],
    ['RequestPool', { AddressSpace: LOCAL_SPACE, Pool: '10.1.0.1/24' }, 'the subnet is 10.1.0.0/24'],
    ['RequestPool', { AddressSpace: LOCAL_SPACE, Pool: '10.1.0.0/16', SubPool: 'x' }, 'SubPool: "x"'],
    [
      'RequestPool',
      { AddressSpace: LOCAL_SPACE, Pool: 'fd00::/64', SubPool: '10.1.0.0/24' },
      'does not lie in the subnet'
    ],
    ['RequestPool', { AddressSpace: '', Pool: '10.1.0.0/16' }, 'AddressSpace: "" is not known'],
    ['RequestAddress', { PoolID: 'local/10.9.0.0/24', Address: '' }, 'pool local/10.9.0.0/24 is not known'],
    ['RequestAddress', { PoolID: 'local/10.1.0.0/24', Address: 'x' }, 'Address: "x" is not an IP address'],
    ['ReleaseAddress', { PoolID: 'local/10.1.0.0/24', Address: '' }, 'Address: "" is not an IP address']
  ]
  for (const [method, request, text] of wrong)
    it(`refuses ${method} ${JSON.stringify(request)}`, () =>
      withRig({}, async (rig) => {
        const before = snapshot(rig)
        const error = await errorOf(rig.call(`IpamDriver.${method}`, request))
        if (text.includes('not known') && method === 'RequestAddress')
          expect(error.message).to.contain('create the network again')
        else expect(error).to.be.instanceOf(InvalidError)
        expect(error.message).to.contain(text)
        expect(snapshot(rig)).to.deep.equal(before)
      }))

  it('takes back an address and a pool whose answers did not arrive', () =>
    withRig({}, async (rig) => {
      await requestPool(rig.call, '10.1.0.0/24')
      const before = snapshot(rig)
      const pool = await rig.daemon.methods['IpamDriver.RequestPool']?.({
        AddressSpace: LOCAL_SPACE,
        Pool: '10.2.0.0/24'
      })
      await pool?.undo?.()
      expect(snapshot(rig)).to.deep.equal(before)
      const address = await rig.daemon.methods['IpamDriver.RequestAddress']?.({
        PoolID: 'local/10.1.0.0/24',
        Address: ''
      })
      await address?.undo?.()
      expect(rig.daemon.records.all('lease').map(({ state }) => state)).to.deep.equal(['released'])
    }))

  it('gives a gateway with the length of the subnet, a container address of ours with its own', () =>
    withRig({}, async ({ daemon, docker }) => {
      const call = callOf(daemon)
      await requestPool(call, '10.1.0.0/24')
      expect(await requestAddress(call, '10.1.0.1', 'local/10.1.0.0/24', GATEWAY)).to.equal('10.1.0.1/24')
      await docker.createNetwork({ id: dockerId(1), subnet: '10.2.0.0/24' })
      expect(await requestAddress(call, '', 'local/10.2.0.0/24')).to.equal('10.2.0.1/32')
    }))
})
