import { expect } from 'chai'
import { ConflictError, InvalidError } from '../../src/errors.js'
import { withRig } from '../support/daemon.js'
import type { Rig } from '../support/daemon.js'
import { LOCAL_SPACE, dockerId } from '../support/docker.js'
import { errorOf } from '../support/expect-error.js'

const NET = dockerId(1)

function create({ call }: Rig, id: string, Pool: string): Promise<unknown> {
  return call('NetworkDriver.CreateNetwork', {
    NetworkID: id,
    IPv4Data: [{ AddressSpace: LOCAL_SPACE, Pool }]
  })
}

describe('net-routed.mtu', () => {
  it('must be one with which there is IPv6, where a network has it', () =>
    withRig({}, async (rig) => {
      const request = (Pool6: string, mtu: string): object => ({
        NetworkID: NET,
        IPv4Data: [{ AddressSpace: LOCAL_SPACE, Pool: '10.1.0.0/24' }],
        IPv6Data: Pool6 === '' ? [] : [{ AddressSpace: LOCAL_SPACE, Pool: Pool6 }],
        Options: { 'com.docker.network.generic': { 'net-routed.mtu': mtu } }
      })
      const error = await errorOf(rig.call('NetworkDriver.CreateNetwork', request('fd00::/64', '1279')))
      expect(error.message).to.contain('net-routed.mtu: 1279 is too small for IPv6: give at least 1280')
      await rig.call('NetworkDriver.CreateNetwork', request('', '1000'))
      const one = { NetworkID: NET, EndpointID: dockerId(11), Interface: { Address: '10.1.0.1/32' } }
      const refused = await errorOf(
        rig.call('NetworkDriver.CreateEndpoint', { ...one, Options: { 'net-routed.addresses': 'fd00::5' } })
      )
      expect(refused.message).to.contain('net-routed.mtu: 1000 is too small for IPv6')
      await rig.call('NetworkDriver.CreateEndpoint', one)
      expect(rig.daemon.records.get('endpoint', dockerId(11))?.mtu).to.equal(1000)
    }))

  it('is large enough for IPv6 where nobody said one, and the way out is not', () =>
    withRig({ config: { mtu: 1200 } }, async (rig) => {
      await create(rig, NET, '10.1.0.0/24')
      const ends = [
        [dockerId(11), '10.1.0.1/32', {}],
        [dockerId(12), '10.1.0.2/32', { 'net-routed.addresses': 'fd00::5' }]
      ] as const
      for (const [EndpointID, Address, Options] of ends) {
        const request = { NetworkID: NET, EndpointID, Interface: { Address }, Options }
        await rig.call('NetworkDriver.CreateEndpoint', request)
      }
      const mtus = ends.map(([id]) => rig.daemon.records.get('endpoint', id)?.mtu)
      expect(mtus).to.deep.equal([1200, 1280])
    }))
})

describe('net-routed.addresses', () => {
  it('are not those of the host itself', () =>
    withRig({}, async (rig) => {
      rig.host.hostFacts = { ...rig.host.hostFacts, addresses: ['192.0.2.1', '2001:db8::1'] }
      await create(rig, NET, '10.1.0.0/24')
      for (const own of ['192.0.2.1', '2001:db8::1']) {
        const error = await errorOf(
          rig.call('NetworkDriver.CreateEndpoint', {
            NetworkID: NET,
            EndpointID: dockerId(11),
            Interface: { Address: '10.1.0.1/32' },
            Options: { 'net-routed.addresses': `10.1.0.7 ${own}` }
          })
        )
        expect(error).to.be.instanceOf(ConflictError)
        expect(error.message).to.contain(`net-routed.addresses: ${own} is in use: this host itself has it`)
      }
      expect(rig.daemon.records.all('endpoint')).to.deep.equal([])
    }))

  it('are none that the subnet keeps, as with --ip', () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      const options = { 'net-routed.addresses': '10.1.0.9 10.1.0.255' }
      const error = await errorOf(rig.docker.run({ id: dockerId(11), network: NET, options }))
      expect(error).to.be.instanceOf(InvalidError)
      expect(error.message).to.contain(
        'net-routed.addresses: 10.1.0.255 is the broadcast address of 10.1.0.0/24'
      )
      expect(rig.daemon.records.get('lease', 'local/10.1.0.9')).to.equal(undefined)
    }))
})

describe('options that this host cannot have', () => {
  const withOption = (option: object): object => ({
    NetworkID: NET,
    IPv4Data: [{ AddressSpace: LOCAL_SPACE, Pool: '10.1.0.0/24' }],
    Options: { 'com.docker.network.generic': option }
  })

  it('are refused with the network: a setting of the kernel, or of a link that is not there', () =>
    withRig({}, async (rig) => {
      const setting = 'net-routed.sysctl.net.ipv4.conf.IFNAME.no_such'
      const error = await errorOf(rig.call('NetworkDriver.CreateNetwork', withOption({ [setting]: '1' })))
      expect(error).to.be.instanceOf(InvalidError)
      expect(error.message).to.contain(`${setting}: this kernel has no such setting`)

      rig.host.refuse = ({ object }) => (object.kind === 'sysctl' ? 'ENOENT' : undefined)
      const links = withOption({ 'net-routed.ndp-proxy': 'eth7' })
      const refused = await errorOf(rig.call('NetworkDriver.CreateNetwork', links))
      expect(refused).to.be.instanceOf(InvalidError)
      expect(refused.message).to.contain('net-routed.ndp-proxy: eth7: not all are links of this host')
      expect(rig.daemon.records.all('network')).to.deep.equal([])
      expect(rig.daemon.records.all('setting')).to.deep.equal([])
    }))
})
