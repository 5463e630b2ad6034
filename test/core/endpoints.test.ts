import { expect } from 'chai'
import { ConflictError, KernelError, NotFoundError, StoreError } from '../../src/errors.js'
import { hostLinkName } from '../../src/model/endpoint.js'
import { parseIp } from '../../src/model/ip.js'
import { withRig } from '../support/daemon.js'
import type { Rig } from '../support/daemon.js'
import { dockerId, sandboxOf } from '../support/docker.js'
import { errorOf } from '../support/expect-error.js'
import { at, textAt } from '../support/json.js'

const NET = dockerId(1)
const OTHER_NET = dockerId(2)
const ONE = dockerId(11)
const TWO = dockerId(12)
const LINK = `link ${hostLinkName(ONE)}`
const ROUTE = 'route 10.1.0.1/32 0'

function withNetwork(test: (rig: Rig) => Promise<void>, gateway?: string): () => Promise<void> {
  const config = gateway === undefined ? {} : { gateway: parseIp(gateway) }
  return () =>
    withRig({ config }, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      await test(rig)
    })
}

describe('Endpoints.create', () => {
  it(
    'makes the pair of links and no route',
    withNetwork(async ({ docker, host }) => {
      await docker.createEndpoint({ id: ONE, network: NET })
      expect(host.objects.has(LINK)).to.equal(true)
      expect(host.objects.has(ROUTE)).to.equal(false)
    })
  )

  it(
    'may be called twice with the same request, and refuses another one',
    withNetwork(async ({ docker, call }) => {
      const [Address] = await docker.createEndpoint({ id: ONE, network: NET })
      const request = {
        NetworkID: NET,
        EndpointID: ONE,
        Interface: { Address, AddressIPv6: '', MacAddress: '' }
      }
      await call('NetworkDriver.CreateEndpoint', request)
      const other = { ...request, Interface: { Address: '10.1.0.77/32', AddressIPv6: '', MacAddress: '' } }
      expect(await errorOf(call('NetworkDriver.CreateEndpoint', other))).to.be.instanceOf(ConflictError)
    })
  )

  it(
    'keeps an address that a dead endpoint, which the store would not forget, has after a restart, too',
    withNetwork(async (rig) => {
      await rig.docker.run({ id: ONE, network: NET })
      rig.host.vanish(LINK)
      rig.store.refuse = (kind) => (kind === 'endpoint' ? 'no space left on device' : undefined)
      await rig.docker.releaseAddresses(ONE).catch(() => undefined)
      rig.store.refuse = () => undefined
      rig.clock.advance(1_000)
      await rig.docker.run({ id: TWO, network: NET, ip: '10.1.0.1' })
      const { daemon, host, call } = await rig.restart()
      expect(daemon.records.all('endpoint').map(({ id }) => id)).to.have.members([ONE, TWO])
      await call('NetworkDriver.DeleteEndpoint', { NetworkID: NET, EndpointID: ONE })
      expect(daemon.records.all('endpoint').map(({ id }) => id)).to.deep.equal([TWO])
      expect(host.objects.get(ROUTE)).to.include({ link: hostLinkName(TWO) })
    })
  )

  it(
    'takes over an address from an endpoint whose end was never reported',
    withNetwork(async ({ docker, call, host, daemon }) => {
      const [Address] = await docker.run({ id: ONE, network: NET })
      const Interface = { Address, AddressIPv6: '', MacAddress: '' }
      await call('NetworkDriver.CreateEndpoint', { NetworkID: NET, EndpointID: TWO, Interface })
      expect(daemon.records.all('endpoint').map(({ id }) => id)).to.deep.equal([TWO])
      expect(host.objects.has(LINK)).to.equal(false)
    })
  )

  it('says what to do about an unknown network', () =>
    withRig({}, async ({ docker }) => {
      const error = await errorOf(docker.createEndpoint({ id: ONE, network: NET }))
      expect(error).to.be.instanceOf(NotFoundError)
      expect(error.message).to.contain('docker network rm')
    }))
})

describe('Endpoints.join', () => {
  it(
    'routes the address to the container',
    withNetwork(async ({ docker, host }) => {
      await docker.run({ id: ONE, network: NET })
      expect([...host.objects.keys()]).to.include.members([
        LINK,
        ROUTE,
        `address 169.254.1.1/32 ${hostLinkName(ONE)}`,
        `neighbour 10.1.0.1 ${hostLinkName(ONE)}`
      ])
    })
  )

  it(
    'gives the same answer again',
    withNetwork(async ({ docker }) => {
      await docker.createEndpoint({ id: ONE, network: NET })
      const first = await docker.join({ id: ONE, network: NET })
      expect(await docker.join({ id: ONE, network: NET })).to.deep.equal(first)
    })
  )

  it(
    'is not answered from memory where the store has something else',
    withNetwork(async ({ docker, host, store }) => {
      await docker.run({ id: ONE, network: NET })
      // The store takes that it has left, the kernel refuses, and the store does not take that back.
      let writes = 0
      store.refuse = (kind) => (kind === 'endpoint' && writes++ > 0 ? 'no space left on device' : undefined)
      host.refuse = () => 'EIO'
      const ref = { NetworkID: NET, EndpointID: ONE }
      await errorOf(docker.call('NetworkDriver.Leave', ref))
      expect(await errorOf(docker.join({ id: ONE, network: NET }))).to.be.instanceOf(StoreError)
      store.refuse = () => undefined
      await docker.join({ id: ONE, network: NET })
      expect(at(store.documents.get(`endpoint ${ONE}`), 'sandbox', 'path')).to.equal(sandboxOf(ONE))
    })
  )

  it(
    'refuses a second sandbox',
    withNetwork(async ({ docker }) => {
      await docker.run({ id: ONE, network: NET })
      const error = await errorOf(docker.join({ id: ONE, network: NET, sandbox: '/other' }))
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message).to.contain(sandboxOf(ONE)).and.contain('/other')
    })
  )

  it(
    'refuses an unknown endpoint',
    withNetwork(async ({ docker }) => {
      expect(await errorOf(docker.join({ id: ONE, network: NET }))).to.be.instanceOf(NotFoundError)
    })
  )

  it(
    'says that the container end is gone',
    withNetwork(async ({ docker, host, daemon }) => {
      await docker.createEndpoint({ id: ONE, network: NET })
      host.vanish(LINK)
      const error = await errorOf(docker.join({ id: ONE, network: NET }))
      expect(error).to.be.instanceOf(KernelError)
      expect(error.message).to.contain('is gone')
      expect(daemon.reconciler.faults.size).to.equal(0)
    })
  )

  it(
    'joins again after a leave, as Docker does when a legacy link goes',
    withNetwork(async ({ docker, call, host }) => {
      await docker.run({ id: ONE, network: NET })
      await call('NetworkDriver.Leave', { NetworkID: NET, EndpointID: ONE })
      expect(host.objects.has(ROUTE)).to.equal(false)
      await docker.join({ id: ONE, network: NET })
      expect(host.objects.has(ROUTE)).to.equal(true)
    })
  )

  it(
    'gives a container on two networks with one gateway a second one, which the host answers for',
    withNetwork(async ({ docker, host }) => {
      await docker.createNetwork({ id: OTHER_NET, subnet: '10.2.0.0/24' })
      await docker.createEndpoint({ id: ONE, network: NET })
      await docker.createEndpoint({ id: TWO, network: OTHER_NET })
      const first = await docker.join({ id: ONE, network: NET, sandbox: '/box' })
      const second = await docker.join({ id: TWO, network: OTHER_NET, sandbox: '/box' })
      expect(textAt(first, 'Gateway')).to.equal('10.100.0.1')
      expect(textAt(second, 'Gateway')).to.match(/^169\.254\./)
      expect([...host.objects.keys()]).to.contain(
        `address ${textAt(second, 'Gateway')}/32 ${hostLinkName(TWO)}`
      )
    }, '10.100.0.1')
  )

  it(
    'answers for that second gateway itself, also where a router outside has the first',
    withNetwork(async ({ docker, host }) => {
      await docker.createNetwork({ id: OTHER_NET, subnet: '10.2.0.0/24' })
      await docker.createEndpoint({ id: ONE, network: NET })
      await docker.createEndpoint({ id: TWO, network: OTHER_NET })
      await docker.join({ id: ONE, network: NET, sandbox: '/box' })
      const second = await docker.join({ id: TWO, network: OTHER_NET, sandbox: '/box' })
      expect([...host.objects.keys()]).to.contain(
        `address ${textAt(second, 'Gateway')}/32 ${hostLinkName(TWO)}`
      )
    }, '192.0.2.254')
  )
})

describe('Endpoints.leave and delete', () => {
  it(
    'withdraw the route at once, then the links',
    withNetwork(async ({ docker, call, host }) => {
      await docker.run({ id: ONE, network: NET })
      await call('NetworkDriver.Leave', { NetworkID: NET, EndpointID: ONE })
      expect(host.objects.has(ROUTE)).to.equal(false)
      expect(host.objects.has(LINK)).to.equal(true)
      await call('NetworkDriver.DeleteEndpoint', { NetworkID: NET, EndpointID: ONE })
      expect(host.objects.has(LINK)).to.equal(false)
    })
  )

  it(
    'succeed for what is gone, and twice',
    withNetwork(async ({ docker, call }) => {
      const ref = { NetworkID: NET, EndpointID: ONE }
      await call('NetworkDriver.Leave', ref)
      await call('NetworkDriver.DeleteEndpoint', ref)
      await docker.run({ id: ONE, network: NET })
      for (const method of ['Leave', 'Leave', 'DeleteEndpoint', 'DeleteEndpoint', 'Leave'])
        await call(`NetworkDriver.${method}`, ref)
    })
  )
})

describe('Endpoints.withdraw', () => {
  it(
    'removes an endpoint whose address the engine gives back',
    withNetwork(async ({ docker, daemon, host }) => {
      await docker.run({ id: ONE, network: NET })
      await docker.releaseAddresses(ONE)
      expect(daemon.records.all('endpoint')).to.deep.equal([])
      expect(host.objects.has(ROUTE)).to.equal(false)
    })
  )

  it('withdraws only the address that is given back, as long as there is another', () =>
    withRig({}, async ({ docker, call, daemon, host }) => {
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', subnet6: 'fd00:1::/64' })
      await docker.run({ id: ONE, network: NET })
      await call('IpamDriver.ReleaseAddress', { PoolID: 'local/fd00:1::/64', Address: 'fd00:1::1' })
      expect(daemon.records.all('endpoint').map(({ addresses }) => addresses)).to.deep.equal([
        ['10.1.0.1/32']
      ])
      expect([...host.objects.keys()].filter((key) => key.startsWith('route'))).to.deep.equal([ROUTE])
    }))
})

describe('collection of dead endpoints', () => {
  it(
    'leaves a lost endpoint alone as long as its engine may still end it',
    withNetwork(async ({ docker, daemon, host }) => {
      await docker.run({ id: ONE, network: NET })
      host.vanish(LINK)
      await daemon.upkeep()
      expect(daemon.records.count('endpoint')).to.equal(1)
      expect(host.objects.has(ROUTE)).to.equal(false)
    })
  )

  it(
    'removes it when the link is still gone at the next look',
    withNetwork(async ({ docker, daemon, host }) => {
      await docker.run({ id: ONE, network: NET })
      host.vanish(LINK)
      await daemon.upkeep()
      await daemon.upkeep()
      expect(daemon.records.count('endpoint')).to.equal(0)
    })
  )

  it(
    'is done with the network: Docker removes none that has containers',
    withNetwork(async ({ docker, call, daemon, host }) => {
      await docker.run({ id: ONE, network: NET })
      await call('NetworkDriver.DeleteNetwork', { NetworkID: NET })
      expect(daemon.records.count('endpoint')).to.equal(0)
      expect(host.objects.has(LINK)).to.equal(false)
    })
  )
})
