import { expect } from 'chai'
import { InvalidError } from '../../src/errors.js'
import { silentLog } from '../../src/log.js'
import { parseIp } from '../../src/model/ip.js'
import { faultsOf } from '../docker-rules.js'
import { snapshot, withRig } from '../support/daemon.js'
import { LOCAL_SPACE, dockerId, sandboxOf } from '../support/docker.js'
import { errorOf } from '../support/expect-error.js'
import { at, listAt, textAt } from '../support/json.js'

const NET = dockerId(1)
const ONE = dockerId(11)
const GENERIC = 'com.docker.network.generic'

describe('NetworkDriver.CreateNetwork', () => {
  it("takes Docker's options and passes over those of other drivers, with a warning", async () => {
    const warnings: string[] = []
    const log = { ...silentLog, warn: (message: string) => warnings.push(message) }
    await withRig({ log }, async ({ docker, daemon }) => {
      const options = { 'com.docker.network.driver.mtu': '1400', parent: 'eth0' }
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', options, internal: true })
      expect(daemon.records.get('network', NET)).to.deep.include({ mtu: 1400, internal: true })
      expect(warnings).to.deep.equal(['options without meaning for net-routed are ignored'])
    })
  })

  it('changes nothing where an option is wrong, also of what the gateway was reserved for', () =>
    withRig({}, async (rig) => {
      const pool = { AddressSpace: LOCAL_SPACE, Pool: '10.1.0.0/24' }
      await rig.call('IpamDriver.RequestPool', pool)
      const Gateway = textAt(
        await rig.call('IpamDriver.RequestAddress', {
          PoolID: 'local/10.1.0.0/24',
          Address: '',
          Options: { RequestAddressType: 'com.docker.network.gateway' }
        }),
        'Address'
      )
      const before = snapshot(rig)
      for (const given of [Gateway, '10.1.0.9/24']) {
        const request = {
          NetworkID: NET,
          IPv4Data: [{ ...pool, Gateway: given }],
          Options: { [GENERIC]: { 'net-routed.mtu': 'x' } }
        }
        expect(await errorOf(rig.call('NetworkDriver.CreateNetwork', request))).to.be.instanceOf(InvalidError)
        expect(snapshot(rig), given).to.deep.equal(before)
      }
    }))

  it('keeps a gateway that was asked for from containers', () =>
    withRig({}, async ({ docker, call, daemon }) => {
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', gateway: '10.1.0.9' })
      expect(daemon.records.get('network', NET)?.gateway).to.equal('10.1.0.9')
      const taken = call('IpamDriver.RequestAddress', {
        PoolID: 'local/10.1.0.0/24',
        Address: '10.1.0.9',
        Options: null
      })
      expect((await errorOf(taken)).message).to.contain('is the gateway')
    }))
})

describe('NetworkDriver.CreateEndpoint', () => {
  const wrong: readonly (readonly [field: string, value: string])[] = [
    ['Address', '10.1.0.5'],
    ['Address', '10.1.0.300/32'],
    ['AddressIPv6', 'fd00::5/129'],
    ['MacAddress', '01:00:5e:00:00:01']
  ]
  for (const [field, value] of wrong)
    it(`refuses ${field} ${value}`, () =>
      withRig({}, async (rig) => {
        await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
        const before = snapshot(rig)
        const request = { NetworkID: NET, EndpointID: ONE, Interface: { [field]: value } }
        const error = await errorOf(rig.call('NetworkDriver.CreateEndpoint', request))
        expect(error).to.be.instanceOf(InvalidError)
        expect(error.message).to.contain(`Interface.${field}: "${value}"`)
        expect(snapshot(rig)).to.deep.equal(before)
      }))

  it('without any address, as with the null IPAM, answers a MAC made from the id', () =>
    withRig({}, async ({ call }) => {
      await call('NetworkDriver.CreateNetwork', {
        NetworkID: NET,
        IPv4Data: [{ AddressSpace: 'null', Pool: '0.0.0.0/0' }]
      })
      const request = {
        NetworkID: NET,
        EndpointID: ONE,
        Interface: { Address: '', AddressIPv6: '', MacAddress: '' }
      }
      const body = await call('NetworkDriver.CreateEndpoint', request)
      expect(textAt(body, 'Interface', 'MacAddress')).to.match(/^02:42:/)
      expect(faultsOf({ method: 'NetworkDriver.CreateEndpoint', request, status: 200, body })).to.deep.equal(
        []
      )
    }))
})

describe('NetworkDriver.Join', () => {
  it('answers link, gateways, and the subnets of the network through them', () =>
    withRig({}, async ({ docker }) => {
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', subnet6: 'fd00:1::/64' })
      await docker.createEndpoint({ id: ONE, network: NET })
      const body = await docker.join({ id: ONE, network: NET })
      expect(at(body, 'DisableGatewayService')).to.equal(undefined)
      expect(body).to.deep.include({ Gateway: '169.254.1.1', GatewayIPv6: 'fe80::1' })
      expect(at(body, 'StaticRoutes')).to.deep.equal([
        { Destination: '169.254.1.1/32', RouteType: 1 },
        { Destination: '10.1.0.0/24', RouteType: 0, NextHop: '169.254.1.1' },
        { Destination: 'fe80::1/128', RouteType: 1 },
        { Destination: 'fd00:1::/64', RouteType: 0, NextHop: 'fe80::1' }
      ])
      expect(
        faultsOf(
          { method: 'NetworkDriver.Join', request: {}, status: 200, body },
          { v4: '10.1.0.1/32', v6: 'fd00:1::1/128' }
        )
      ).to.deep.equal([])
    }))

  it('names interfaces as the network says', () =>
    withRig({}, async ({ docker }) => {
      await docker.createNetwork({
        id: NET,
        subnet: '10.1.0.0/24',
        options: { 'com.docker.network.container_iface_prefix': 'net' }
      })
      await docker.createEndpoint({ id: ONE, network: NET })
      expect(at(await docker.join({ id: ONE, network: NET }), 'InterfaceName', 'DstPrefix')).to.equal('net')
    }))

  it('brings no route to the subnet for an address that brings it itself', () =>
    withRig({}, async ({ call }) => {
      await call('NetworkDriver.CreateNetwork', {
        NetworkID: NET,
        IPv4Data: [{ AddressSpace: 'LocalDefault', Pool: '10.1.0.0/24', Gateway: '10.1.0.1/24' }]
      })
      const ref = { NetworkID: NET, EndpointID: ONE }
      await call('NetworkDriver.CreateEndpoint', { ...ref, Interface: { Address: '10.1.0.2/24' } })
      const body = await call('NetworkDriver.Join', { ...ref, SandboxKey: sandboxOf(ONE) })
      expect(listAt(body, 'StaticRoutes')).to.deep.equal([{ Destination: '10.1.0.1/32', RouteType: 1 }])
    }))

  it('without IPv4 address answers no IPv4 gateway, and that Docker shall not add one', () =>
    withRig({}, async ({ docker, call }) => {
      await docker.createNetwork({ id: NET, subnet6: 'fd00:1::/64' })
      const ref = { NetworkID: NET, EndpointID: ONE }
      await call('NetworkDriver.CreateEndpoint', { ...ref, Interface: { AddressIPv6: 'fd00:1::5/128' } })
      const body = await call('NetworkDriver.Join', { ...ref, SandboxKey: sandboxOf(ONE) })
      expect(body).to.deep.include({ GatewayIPv6: 'fe80::1', DisableGatewayService: true })
      expect(body).to.not.have.property('Gateway')
    }))
})

describe('the other methods of NetworkDriver', () => {
  it('answer what Docker expects of them', () =>
    withRig({}, async ({ call }) => {
      const ref = { NetworkID: NET, EndpointID: ONE }
      expect(await call('NetworkDriver.GetCapabilities')).to.deep.equal({
        Scope: 'local',
        ConnectivityScope: 'global',
        GwAllocChecker: true
      })
      expect(await call('NetworkDriver.GwAllocCheck', { Options: {} })).to.deep.equal({
        SkipIPv4: true,
        SkipIPv6: true
      })
      expect(
        await call('NetworkDriver.AllocateNetwork', { NetworkID: NET, Options: { a: 'b' } })
      ).to.deep.equal({ Options: { a: 'b' } })
      expect(await call('NetworkDriver.EndpointOperInfo', ref)).to.deep.equal({ Value: {} })
    }))

  it('answer the gateway of all networks to the IPAM, so that Docker asks for none', () =>
    withRig({ config: { gateway: parseIp('10.100.0.1') } }, async ({ call }) => {
      const body = await call('IpamDriver.RequestPool', { AddressSpace: LOCAL_SPACE, Pool: '10.1.0.0/24' })
      expect(at(body, 'Data')).to.deep.equal({ 'com.docker.network.gateway': '10.100.0.1/32' })
    }))
})

describe('NetworkDriver.EndpointOperInfo', () => {
  it('tells what the status has, and nothing of what is not known', () =>
    withRig({}, async ({ docker, call }) => {
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      await docker.run({ id: ONE, network: NET, ip: '10.1.0.5' })
      const answer = await call('NetworkDriver.EndpointOperInfo', { NetworkID: NET, EndpointID: ONE })
      expect(at(answer, 'Value')).to.deep.include({
        'net-routed.state': 'routed',
        'net-routed.addresses': ['10.1.0.5/32'],
        'net-routed.routes': ['10.1.0.5/32'],
        'net-routed.mtu': 1500
      })
      const other = await call('NetworkDriver.EndpointOperInfo', { NetworkID: NET, EndpointID: NET })
      expect(other).to.deep.equal({ Value: {} })
    }))
})

describe('an interface that should have a name of its own', () => {
  it('is made, with a warning: Docker names it', () => {
    const warnings: string[] = []
    const log = { ...silentLog, warn: (message: string) => warnings.push(message) }
    return withRig({ log }, async ({ docker }) => {
      const options = { 'com.docker.network.endpoint.ifname': 'foo0' }
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      await docker.run({ id: ONE, network: NET, options })
      expect(warnings).to.deep.equal(['interface keeps the name that Docker gives it'])
    })
  })
})
