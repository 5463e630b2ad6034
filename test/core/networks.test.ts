import { expect } from 'chai'
import { ConflictError, NotFoundError } from '../../src/errors.js'
import { keyOf } from '../../src/host/objects.js'
import { withRig } from '../support/daemon.js'
import type { Rig } from '../support/daemon.js'
import { LOCAL_SPACE, dockerId } from '../support/docker.js'
import { errorOf } from '../support/expect-error.js'

const NET = dockerId(1)
const OTHER = dockerId(2)
const FORWARD = 'sysctl net.ipv4.ip_forward'
const FORWARD6 = 'sysctl net.ipv6.conf.all.forwarding'

function numbers({ daemon }: Rig): readonly number[] {
  return daemon.records.all('network').map(({ number }) => number)
}

function valueOf({ host }: Rig, key: string): unknown {
  const object = host.objects.get(key)
  return object?.kind === 'sysctl' ? object.value : undefined
}

function create({ call }: Rig, id: string, Pool: string): Promise<unknown> {
  return call('NetworkDriver.CreateNetwork', {
    NetworkID: id,
    IPv4Data: [{ AddressSpace: LOCAL_SPACE, Pool }]
  })
}

describe('Networks.create', () => {
  it('gives every network the lowest number that is free, also after a restart', () =>
    withRig({}, async (rig) => {
      for (const [index, id] of [NET, OTHER, dockerId(3)].entries())
        await create(rig, id, `10.${String(index)}.0.0/24`)
      await rig.call('NetworkDriver.DeleteNetwork', { NetworkID: OTHER })
      const restarted = await rig.restart()
      await create(restarted, dockerId(4), '10.9.0.0/24')
      expect(numbers(restarted).toSorted()).to.deep.equal([1, 2, 3])
    }))

  it('leaves out a number whose gateway is an address of the host', () =>
    withRig({}, async (rig) => {
      rig.host.hostFacts = { ...rig.host.hostFacts, addresses: ['169.254.1.1'] }
      await create(rig, NET, '10.1.0.0/24')
      expect(numbers(rig)).to.deep.equal([2])
    }))

  it('gives networks that are created at once different numbers', () =>
    withRig({}, async (rig) => {
      const ids = Array.from({ length: 20 }, (_, index) => dockerId(index + 1))
      await Promise.all(ids.map((id, index) => create(rig, id, `10.${String(index)}.0.0/24`)))
      expect(new Set(numbers(rig)).size).to.equal(20)
    }))

  it('does nothing the second time', () =>
    withRig({}, async (rig) => {
      await create(rig, NET, '10.1.0.0/24')
      const before = rig.host.log.length
      await create(rig, NET, '10.1.0.0/24')
      expect(rig.host.log.length).to.equal(before)
      expect(numbers(rig)).to.deep.equal([1])
    }))

  it('knows a gateway that a router outside of this host has', () =>
    withRig({}, async (rig) => {
      for (const [index, gateway] of ['192.0.2.254', '192.0.2.1', '10.100.0.1'].entries())
        await rig.docker
          .createNetwork({ id: dockerId(index + 1), subnet: `10.${String(index)}.0.0/24` })
          .then(() =>
            rig.call('NetworkDriver.CreateNetwork', {
              NetworkID: dockerId(index + 51),
              IPv4Data: [
                { AddressSpace: 'other', Pool: `10.${String(index + 50)}.0.0/24`, Gateway: `${gateway}/32` }
              ]
            })
          )
      const foreign = rig.daemon.records.all('network').filter(({ gatewayIsForeign }) => gatewayIsForeign)
      expect(foreign.map(({ gateway }) => gateway)).to.deep.equal(['192.0.2.254'])
    }))

  it('replaces an empty network with an overlapping subnet, whose end was never told, and refuses one with containers', () =>
    withRig({}, async (rig) => {
      await create(rig, NET, '10.1.0.0/24')
      await create(rig, OTHER, '10.1.0.0/16')
      expect(rig.daemon.records.all('network').map(({ id }) => id)).to.deep.equal([OTHER])
      const Interface = { Address: '10.1.0.5/32', AddressIPv6: '', MacAddress: '' }
      await rig.call('NetworkDriver.CreateEndpoint', {
        NetworkID: OTHER,
        EndpointID: dockerId(11),
        Interface
      })
      const error = await errorOf(create(rig, NET, '10.1.0.0/24'))
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message).to.contain(OTHER).and.contain('--subnet')
    }))

  it('lets networks without subnet stand side by side', () =>
    withRig({}, async (rig) => {
      await create(rig, NET, '0.0.0.0/0')
      await create(rig, OTHER, '0.0.0.0/0')
      expect(numbers(rig)).to.deep.equal([1, 2])
    }))
})

describe('Networks.get', () => {
  it('says what to do about a network that is not known', () =>
    withRig({}, async (rig) => {
      const error = await errorOf(rig.docker.createEndpoint({ id: dockerId(11), network: NET }))
      expect(error).to.be.instanceOf(NotFoundError)
      expect(error.message).to.contain(NET).and.contain('create it again')
    }))
})

describe('the first network and the last', () => {
  it('turn forwarding on and back, by family', () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      expect([valueOf(rig, FORWARD), valueOf(rig, FORWARD6)]).to.deep.equal(['1', '0'])
      await rig.docker.createNetwork({ id: OTHER, subnet: '10.2.0.0/24', subnet6: 'fd00:2::/64' })
      expect([valueOf(rig, FORWARD), valueOf(rig, FORWARD6)]).to.deep.equal(['1', '1'])
      await rig.docker.removeNetwork(NET)
      expect([valueOf(rig, FORWARD), valueOf(rig, FORWARD6)]).to.deep.equal(['1', '1'])
      await rig.docker.removeNetwork(OTHER)
      expect([valueOf(rig, FORWARD), valueOf(rig, FORWARD6)]).to.deep.equal(['0', '0'])
      expect(rig.store.documents.size).to.equal(0)
    }))

  it('leave on what was on before', () =>
    withRig({}, async (rig) => {
      rig.host.objects.set(FORWARD, { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' })
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      expect(rig.daemon.records.count('setting')).to.equal(0)
      await rig.docker.removeNetwork(NET)
      expect(valueOf(rig, FORWARD)).to.equal('1')
    }))

  it('leave forwarding on where Docker relies on it', () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      rig.host.hostFacts = { ...rig.host.hostFacts, dockerForwards: true }
      await rig.docker.removeNetwork(NET)
      expect(valueOf(rig, FORWARD)).to.equal('1')
      expect(rig.daemon.records.count('setting')).to.equal(0)
    }))

  it('put it back over a restart and a reboot', () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      rig.host.objects.set(FORWARD, { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '0' })
      rig.host.reboot()
      const restarted = await rig.restart()
      expect(valueOf(restarted, FORWARD)).to.equal('1')
      await restarted.docker.removeNetwork(NET)
      expect(valueOf(restarted, FORWARD)).to.equal('0')
    }))

  it('put it back, and do not turn it on for an endpoint that the store would not forget with its network', () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      await rig.docker.run({ id: OTHER, network: NET })
      rig.store.refuse = (kind) => (kind === 'endpoint' ? 'no space left on device' : undefined)
      await rig.docker.removeNetwork(NET)
      expect(valueOf(rig, FORWARD)).to.equal('0')
      rig.store.refuse = () => undefined
      const restarted = await rig.restart()
      expect(valueOf(restarted, FORWARD)).to.equal('0')
      await restarted.call('NetworkDriver.DeleteEndpoint', { NetworkID: NET, EndpointID: OTHER })
      await restarted.daemon.upkeep()
      expect(valueOf(restarted, FORWARD)).to.equal('0')
      expect(rig.store.documents.size).to.equal(0)
    }))
})

describe('a host whose routes come from router advertisements', () => {
  const SIX = { id: NET, subnet: '10.1.0.0/24', subnet6: 'fd00:1::/64' }
  const ACCEPT = 'sysctl net.ipv6.conf.eth0.accept_ra'

  function withRouter(test: (rig: Rig) => Promise<void>): () => Promise<void> {
    return () =>
      withRig({}, async (rig) => {
        const key = ACCEPT.slice('sysctl '.length)
        rig.host.objects.set(ACCEPT, { kind: 'sysctl', key, value: '1' })
        rig.host.hostFacts = { ...rig.host.hostFacts, believing: ['eth0'] }
        await test(rig)
      })
  }

  it(
    'goes on taking them, which is said before IPv6 is forwarded, and is put back with the last network',
    withRouter(async (rig) => {
      await rig.docker.createNetwork(SIX)
      const set = rig.host.log.map(({ object }) => keyOf(object)).filter((key) => key.startsWith('sysctl'))
      expect(set.indexOf(ACCEPT)).to.be.within(0, set.indexOf(FORWARD6))
      expect(valueOf(rig, ACCEPT)).to.equal('2')
      await rig.docker.createNetwork({ id: OTHER, subnet: '10.2.0.0/24' })
      await rig.docker.removeNetwork(NET)
      expect([valueOf(rig, ACCEPT), valueOf(rig, FORWARD6)]).to.deep.equal(['2', '1'])
      await rig.docker.removeNetwork(OTHER)
      expect([valueOf(rig, ACCEPT), valueOf(rig, FORWARD6)]).to.deep.equal(['1', '0'])
      expect(rig.store.documents.size).to.equal(0)
    })
  )

  it(
    'takes them after a reboot, too, when none has come yet',
    withRouter(async (rig) => {
      await rig.docker.createNetwork(SIX)
      rig.host.objects.set(ACCEPT, { kind: 'sysctl', key: ACCEPT.slice('sysctl '.length), value: '1' })
      rig.host.objects.set(FORWARD6, { kind: 'sysctl', key: FORWARD6.slice('sysctl '.length), value: '0' })
      rig.host.hostFacts = { ...rig.host.hostFacts, believing: [] }
      rig.host.reboot()
      expect(valueOf(await rig.restart(), ACCEPT)).to.equal('2')
    })
  )

  it(
    'is left alone where IPv6 is not forwarded by us',
    withRouter(async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      expect(valueOf(rig, ACCEPT)).to.equal('1')
      rig.host.objects.set(FORWARD6, { kind: 'sysctl', key: FORWARD6.slice('sysctl '.length), value: '1' })
      await rig.docker.createNetwork({ id: OTHER, subnet: '10.2.0.0/24', subnet6: 'fd00:2::/64' })
      expect(valueOf(rig, ACCEPT)).to.equal('1')
    })
  )
})

describe('net-routed.ndp-proxy', () => {
  const PROXY = 'sysctl net.ipv6.conf.eth0.proxy_ndp'
  const DELAY = 'sysctl net.ipv6.neigh.eth0.proxy_delay'

  it('has the host answer for IPv6 addresses of containers on that link, as long as they are there', () =>
    withRig({}, async (rig) => {
      for (const [key, value] of [
        [PROXY, '0'],
        [DELAY, '80']
      ] as const)
        rig.host.objects.set(key, { kind: 'sysctl', key: key.slice('sysctl '.length), value })
      const options = { 'net-routed.ndp-proxy': 'eth0' }
      await rig.docker.createNetwork({ id: OTHER, subnet: '10.2.0.0/24' })
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', subnet6: 'fd00:1::/64', options })
      expect([valueOf(rig, PROXY), valueOf(rig, DELAY)]).to.deep.equal(['1', '0'])
      const endpoint = dockerId(11)
      await rig.docker.run({ id: endpoint, network: NET })
      const proxies = (): string[] => [...rig.host.objects.keys()].filter((key) => key.startsWith('proxy'))
      expect(proxies()).to.deep.equal(['proxy fd00:1::1 eth0'])
      await rig.docker.stop(endpoint)
      expect(proxies()).to.deep.equal([])
      await rig.docker.removeNetwork(NET)
      expect([valueOf(rig, PROXY), valueOf(rig, DELAY)]).to.deep.equal(['0', '80'])
      await rig.daemon.upkeep()
      expect(rig.daemon.records.all('setting').map(({ id }) => id)).to.have.members([
        'net.ipv4.ip_forward',
        'net.ipv6.conf.all.forwarding'
      ])
    }))

  it('is refused with what is no name of a link', () =>
    withRig({}, async (rig) => {
      for (const wrong of ['a/b', 'x'.repeat(16), '..', 7]) {
        const options = { 'net-routed.ndp-proxy': wrong }
        const error = await errorOf(rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', options }))
        expect(error.message).to.contain('net-routed.ndp-proxy').and.to.contain('such as eth0')
        await rig.call('IpamDriver.ReleasePool', { PoolID: 'local/10.1.0.0/24' })
      }
    }))
})
