import { expect } from 'chai'
import { ConflictError, InvalidError } from '../../src/errors.js'
import { hostLinkName } from '../../src/model/endpoint.js'
import { withRig } from '../support/daemon.js'
import type { Rig } from '../support/daemon.js'
import { dockerId, sandboxOf } from '../support/docker.js'
import { eventually } from '../support/eventually.js'
import { errorOf } from '../support/expect-error.js'
import { at } from '../support/json.js'

const NET = dockerId(1)
const ONE = dockerId(11)
const TWO = dockerId(12)
const WANTED = { 'net-routed.addresses': '10.1.0.50 10.1.0.60' }
const LINK = hostLinkName(ONE)

function withNetwork(test: (rig: Rig) => Promise<void>, subnet6?: string): () => Promise<void> {
  return () =>
    withRig({}, async (rig) => {
      const network = { id: NET, subnet: '10.1.0.0/24' }
      await rig.docker.createNetwork(subnet6 === undefined ? network : { ...network, subnet6 })
      await test(rig)
    })
}

/** Where it is, whatever Docker calls it. */
function pathOf(id: string): string {
  return sandboxOf(id).replace('/var/run/', '/run/')
}

/** What the engine does after the answer to Join. */
function move({ host, daemon }: Rig, id: string, addresses: readonly string[]): void {
  const netns = pathOf(id)
  const mac = daemon.records.get('endpoint', id)?.mac ?? ''
  if (!host.sandboxes.has(netns)) host.sandboxes.set(netns, new Map())
  host.moveEnd(hostLinkName(id), netns, { name: 'eth0', mac, mtu: 1500, ipv6: false, addresses, routes: [] })
}

async function inside({ host }: Rig, id: string): Promise<readonly string[]> {
  return (await host.find(pathOf(id), 'eth0'))?.addresses ?? []
}

function leaseState({ daemon }: Rig, address: string): string | undefined {
  return daemon.records.get('lease', `local/${address}`)?.state
}

describe('several addresses', () => {
  it(
    'are routed with the first, may be sent from, and are put into the container as soon as it has its end',
    withNetwork(async (rig) => {
      const [first = ''] = await rig.docker.run({ id: ONE, network: NET, options: WANTED })
      for (const address of ['10.1.0.50', '10.1.0.60']) {
        expect(rig.host.objects.has(`route ${address}/32 0`)).to.equal(true)
        expect(rig.host.objects.has(`source ${address} ${LINK}`)).to.equal(true)
        expect(rig.host.objects.has(`neighbour ${address} ${LINK}`)).to.equal(true)
      }
      move(rig, ONE, [first])
      await eventually('three addresses', async () => (await inside(rig, ONE)).length === 3)
      expect(await inside(rig, ONE)).to.deep.equal([first, '10.1.0.50/32', '10.1.0.60/32'])
    })
  )

  it(
    'are there before the container starts where the engine asks once more, as from 28 on',
    withNetwork(async (rig) => {
      const [first = ''] = await rig.docker.run({ id: ONE, network: NET, options: WANTED })
      move(rig, ONE, [first])
      await rig.call('NetworkDriver.EndpointOperInfo', { NetworkID: NET, EndpointID: ONE })
      expect(await inside(rig, ONE)).to.have.length(3)
    })
  )

  it(
    'are held in the pool as long as the endpoint is there, and refused to others',
    withNetwork(async (rig) => {
      await rig.docker.run({ id: ONE, network: NET, options: WANTED })
      expect(leaseState(rig, '10.1.0.50')).to.equal('held')
      const same = rig.docker.createEndpoint({ id: TWO, network: NET, options: WANTED })
      const error = await errorOf(same)
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message).to.contain('10.1.0.50').and.to.contain(ONE)
      const taken = await errorOf(rig.docker.createEndpoint({ id: TWO, network: NET, ip: '10.1.0.60' }))
      expect(taken).to.be.instanceOf(ConflictError)
      await rig.docker.stop(ONE)
      expect(leaseState(rig, '10.1.0.50')).to.equal('released')
      expect(rig.host.objects.has('route 10.1.0.50/32 0')).to.equal(false)
      await rig.docker.run({ id: TWO, network: NET, options: WANTED })
    })
  )

  it(
    'are refused where a container that is just starting has one of them',
    withNetwork(async (rig) => {
      const [pool = ''] = rig.docker.pools(NET)
      await rig.call('IpamDriver.RequestAddress', { PoolID: pool, Address: '10.1.0.60', Options: null })
      const before = [...rig.host.objects.keys()]
      const error = await errorOf(rig.docker.createEndpoint({ id: ONE, network: NET, options: WANTED }))
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message).to.contain('10.1.0.60 is in use')
      expect([...rig.host.objects.keys()]).to.deep.equal(before)
      expect(leaseState(rig, '10.1.0.50')).to.equal(undefined)
    })
  )

  it(
    'go with an endpoint whose engine has crashed: it gives back only its own address',
    withNetwork(async (rig) => {
      await rig.docker.run({ id: ONE, network: NET, options: WANTED })
      await rig.docker.releaseAddresses(ONE)
      expect(rig.daemon.records.get('endpoint', ONE)).to.equal(undefined)
      expect(leaseState(rig, '10.1.0.60')).to.equal('released')
    })
  )

  it(
    'are taken from an endpoint whose container is gone',
    withNetwork(async (rig) => {
      await rig.docker.run({ id: ONE, network: NET, options: WANTED })
      rig.host.vanish(`link ${LINK}`)
      await rig.docker.run({ id: TWO, network: NET, options: WANTED })
      expect(rig.daemon.records.get('endpoint', ONE)).to.equal(undefined)
      expect(rig.host.objects.get('route 10.1.0.50/32 0')).to.include({ link: hostLinkName(TWO) })
    })
  )

  it(
    'are added again by a daemon that was not there when the container started',
    withNetwork(async (rig) => {
      const [first = ''] = await rig.docker.run({ id: ONE, network: NET, options: WANTED })
      await rig.daemon.stop()
      move(rig, ONE, [first])
      const again = await rig.restart()
      expect(await inside(again, ONE)).to.have.length(3)
    })
  )

  it(
    'of a family that the engine does not know bring the way out, and IPv6 is switched on',
    withNetwork(async (rig) => {
      const options = { 'net-routed.addresses': 'fd00::5' }
      const [first = ''] = await rig.docker.createEndpoint({ id: ONE, network: NET, options })
      const answer = await rig.docker.join({ id: ONE, network: NET })
      expect(answer).not.to.have.property('GatewayIPv6')
      expect(at(answer, 'Gateway')).to.match(/^169\.254/)
      expect(rig.host.objects.has(`address fe80::1/64 ${LINK}`)).to.equal(true)
      expect(rig.host.objects.get('sysctl net.ipv6.conf.all.forwarding')).to.include({ value: '1' })
      expect(rig.daemon.records.get('setting', 'net.ipv6.conf.all.forwarding')).to.include({ before: '0' })
      move(rig, ONE, [first])
      await rig.call('NetworkDriver.EndpointOperInfo', { NetworkID: NET, EndpointID: ONE })
      expect(await rig.host.find(pathOf(ONE), 'eth0')).to.deep.include({
        ipv6: true,
        addresses: [first, 'fd00::5/128'],
        routes: [{ dst: 'fe80::1/128' }, { dst: '::/0', via: 'fe80::1' }]
      })
    })
  )

  it(
    'are refused before anything is made where the daemon may not enter containers',
    withNetwork(async (rig) => {
      rig.host.mayEnter = false
      const error = await errorOf(rig.docker.createEndpoint({ id: ONE, network: NET, options: WANTED }))
      expect(error).to.be.instanceOf(InvalidError)
      expect(error.message).to.contain('SYS_ADMIN')
      expect(rig.daemon.records.get('endpoint', ONE)).to.equal(undefined)
      await rig.docker.run({ id: TWO, network: NET })
    })
  )
})

describe('net-routed.sysctl', () => {
  const KEY = 'net-routed.sysctl.net.ipv4.conf.IFNAME.rp_filter'

  it(
    "sets the container's interface, the container's own word before that of the network",
    withNetwork(async (rig) => {
      const options = { [KEY]: '1', 'net-routed.sysctl.net.ipv4.conf.IFNAME.log_martians': '1' }
      await rig.docker.createNetwork({ id: TWO, subnet: '10.2.0.0/24', options })
      const [first = ''] = await rig.docker.run({ id: ONE, network: TWO, options: { [KEY]: '2' } })
      move(rig, ONE, [first])
      await rig.call('NetworkDriver.EndpointOperInfo', { NetworkID: TWO, EndpointID: ONE })
      expect(rig.host.sysctlsOf(pathOf(ONE), 'eth0')).to.deep.equal({
        'net.ipv4.conf.IFNAME.rp_filter': '2',
        'net.ipv4.conf.IFNAME.log_martians': '1'
      })
    })
  )

  it(
    'is refused where the kernel does not have it',
    withNetwork(async (rig) => {
      const options = { 'net-routed.sysctl.net.ipv4.conf.IFNAME.no_such': '1' }
      const error = await errorOf(rig.docker.createEndpoint({ id: ONE, network: NET, options }))
      expect(error).to.be.instanceOf(InvalidError)
      expect(error.message).to.contain('no such setting')
    })
  )
})

describe('net-routed.routes', () => {
  it(
    'lead through the gateway, each once, and not those of a family that the container does not have',
    withNetwork(async (rig) => {
      const options = { 'net-routed.routes': '10.9.0.0/16 fd00:9::/32 10.2.0.0/24' }
      await rig.docker.createNetwork({ id: TWO, subnet: '10.2.0.0/24', options })
      await rig.docker.createEndpoint({ id: ONE, network: TWO })
      const answer = await rig.docker.join({ id: ONE, network: TWO })
      const NextHop = at(answer, 'Gateway')
      expect(at(answer, 'StaticRoutes')).to.deep.equal([
        { Destination: `${String(NextHop)}/32`, RouteType: 1 },
        { Destination: '10.2.0.0/24', RouteType: 0, NextHop },
        { Destination: '10.9.0.0/16', RouteType: 0, NextHop }
      ])
    })
  )

  it(
    "are refused where they are the container's own and of no use",
    withNetwork(async (rig) => {
      const options = { 'net-routed.routes': 'fd00:9::/32' }
      const error = await errorOf(rig.docker.createEndpoint({ id: ONE, network: NET, options }))
      expect(error).to.be.instanceOf(InvalidError)
      expect(error.message).to.contain('fd00:9::/32 needs an IPv6 address')
    })
  )
})
