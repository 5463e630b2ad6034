/**
 * The first half of the twenty rules of Docker's plugin protocol that matter most: calls and what they mean. The daemon
 * runs on fakes and is called through a real socket. The second half is in rules-transport.test.ts.
 */
import { expect } from 'chai'
import { parseIp } from '../src/model/ip.js'
import { errorFaultsOf } from './docker-rules.js'
import { snapshot, withRig } from './support/daemon.js'
import type { Rig } from './support/daemon.js'
import { dockerId, sandboxOf } from './support/docker.js'
import { at, listAt, textAt } from './support/json.js'
import { NET, POOL, expectAccepted, served } from './support/served.js'

const ONE = dockerId(11)
const TWO = dockerId(12)
const REF = { NetworkID: NET, EndpointID: ONE }
const UNKNOWN = { NetworkID: dockerId(98), EndpointID: dockerId(99) }
const JOIN = { ...REF, SandboxKey: sandboxOf(ONE), Options: {} }
const TEARDOWNS: readonly (readonly [method: string, known: object, unknown: object])[] = [
  ['NetworkDriver.RevokeExternalConnectivity', REF, UNKNOWN],
  ['NetworkDriver.Leave', REF, UNKNOWN],
  ['NetworkDriver.DeleteEndpoint', REF, UNKNOWN],
  [
    'IpamDriver.ReleaseAddress',
    { PoolID: POOL, Address: '10.1.0.1' },
    { PoolID: 'local/10.9.0.0/24', Address: '10.9.0.9' }
  ],
  ['IpamDriver.ReleasePool', { PoolID: POOL }, { PoolID: 'local/10.9.0.0/24' }],
  ['NetworkDriver.DeleteNetwork', { NetworkID: NET }, { NetworkID: dockerId(98) }]
]

describe('rule 1: every answer is 200 with a JSON object', () => {
  it(
    'also of calls without result',
    served(async ({ plugin, rig }) => {
      await rig.docker.run({ id: ONE, network: NET })
      const empty = ['Plugin.Activate', 'NetworkDriver.GetCapabilities', 'IpamDriver.GetCapabilities']
      for (const method of [...empty, 'IpamDriver.GetDefaultAddressSpaces'])
        expectAccepted(method, undefined, await plugin.post(`/${method}`))
      const without = ['EndpointOperInfo', 'ProgramExternalConnectivity', 'RevokeExternalConnectivity']
      for (const name of [
        ...without,
        'DiscoverNew',
        'DiscoverDelete',
        'FreeNetwork',
        'Leave',
        'DeleteEndpoint'
      ])
        expectAccepted(`NetworkDriver.${name}`, REF, await plugin.post(`/NetworkDriver.${name}`, REF))
    })
  )
})

describe('rule 2: errors have status 500 and one line of text under Err and Error', () => {
  it(
    'of both drivers',
    served(async ({ plugin }) => {
      const calls: readonly (readonly [string, object])[] = [
        ['NetworkDriver.Join', JOIN],
        ['NetworkDriver.CreateEndpoint', { NetworkID: 'x\ny', EndpointID: 'e' }],
        ['IpamDriver.RequestAddress', { PoolID: 'none', Address: '' }],
        ['IpamDriver.RequestPool', { AddressSpace: 'a\nb' }]
      ]
      for (const [method, request] of calls) {
        const { status, body } = await plugin.post(`/${method}`, request)
        expect(status, method).to.equal(500)
        expect(errorFaultsOf({ method, request, status, body })).to.deep.equal([])
      }
    })
  )
})

describe('rule 3: CreateEndpoint answers only what was empty in the request', () => {
  for (const MacAddress of ['', '02:42:0a:01:00:77']) {
    it(
      MacAddress === '' ? 'a MAC address where there was none' : 'nothing where all was given',
      served(async ({ plugin }) => {
        const request = { ...REF, Interface: { Address: '10.1.0.9/32', AddressIPv6: '', MacAddress } }
        const reply = await plugin.post('/NetworkDriver.CreateEndpoint', request)
        expectAccepted('NetworkDriver.CreateEndpoint', request, reply)
        const expected = MacAddress === '' ? { MacAddress: '02:42:0a:01:00:09' } : {}
        expect(at(reply.body, 'Interface')).to.deep.equal(expected)
      })
    )
  }
})

describe('rule 4: the default route is answered as Gateway with a connected route to it', () => {
  for (const internal of [false, true]) {
    it(`on ${internal ? 'an internal' : 'a normal'} network`, () =>
      withRig({}, async ({ docker }) => {
        await docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', internal })
        await docker.createEndpoint({ id: ONE, network: NET })
        const body = await docker.join({ id: ONE, network: NET })
        expect(textAt(body, 'Gateway')).to.equal('169.254.1.1')
        expect(listAt(body, 'StaticRoutes')).to.deep.include({ Destination: '169.254.1.1/32', RouteType: 1 })
        const destinations = listAt(body, 'StaticRoutes').map((route) => textAt(route, 'Destination'))
        expect(destinations).to.not.include('0.0.0.0/0')
      }))
  }
})

describe('rule 5: IPv6 items are answered only for an endpoint that has an IPv6 address', () => {
  const sysctl = { 'com.docker.network.endpoint.sysctls': 'net.ipv6.conf.IFNAME.disable_ipv6=1' }
  const cases: readonly (readonly [what: string, address: string, options: object, hasIpv6: boolean])[] = [
    ['has one', 'fd00:1::5/128', {}, true],
    ['has none', '', {}, false],
    ['has one and IPv6 switched off by a sysctl', 'fd00:1::5/128', sysctl, false]
  ]
  for (const [what, AddressIPv6, Options, hasIpv6] of cases) {
    it(`which ${what}`, () =>
      withRig({}, async ({ docker, call }) => {
        await docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', subnet6: 'fd00:1::/64' })
        const Interface = { Address: '10.1.0.5/32', AddressIPv6, MacAddress: '' }
        await call('NetworkDriver.CreateEndpoint', { ...REF, Interface, Options })
        const body = await call('NetworkDriver.Join', JOIN)
        expect(at(body, 'GatewayIPv6') !== undefined).to.equal(hasIpv6)
        const families = listAt(body, 'StaticRoutes').map((route) =>
          textAt(route, 'Destination').includes(':')
        )
        expect(families.includes(true)).to.equal(hasIpv6)
      }))
  }
})

describe('rule 6: every network has a gateway address of its own', () => {
  for (const config of [{}, { gateway: parseIp('10.100.0.1') }]) {
    it('gateway' in config ? 'for a container on two of them, with one gateway for all' : 'by default', () =>
      withRig({ config }, async ({ docker }) => {
        const gateways: string[] = []
        for (const [number, id] of [ONE, TWO, dockerId(13)].entries()) {
          const network = dockerId(100 + number)
          await docker.createNetwork({ id: network, subnet: `10.${String(number)}.0.0/24` })
          await docker.createEndpoint({ id, network })
          gateways.push(textAt(await docker.join({ id, network, sandbox: '/box' }), 'Gateway'))
        }
        expect(new Set(gateways).size).to.equal(3)
      })
    )
  }
})

describe('rule 7: what was created is known after a restart, and nothing is repeated', () => {
  it('networks, pools, addresses and endpoints', () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', gateway: '10.1.0.7' })
      await rig.docker.run({ id: ONE, network: NET })
      const before = snapshot(rig)
      const restarted = await rig.restart()
      expect(snapshot(restarted)).to.deep.equal(before)
      expect(await restarted.docker.run({ id: TWO, network: NET })).to.deep.equal(['10.1.0.2/32'])
    }))
  it(
    'and dockerd is told that it need not repeat them',
    served(async ({ plugin }) => {
      const { body } = await plugin.post('/IpamDriver.GetCapabilities')
      expect(at(body, 'RequiresRequestReplay')).to.equal(false)
    })
  )
})

describe('rule 8: an endpoint whose end is never told ends all the same', () => {
  it(
    'with ReleaseAddress, all that a crashed dockerd sends',
    served(async ({ rig }) => {
      await rig.docker.run({ id: ONE, network: NET })
      await rig.docker.releaseAddresses(ONE)
      expectNoEndpoint(rig)
    })
  )
  it(
    'with a CreateEndpoint that has its address',
    served(async ({ rig, plugin }) => {
      const [Address] = await rig.docker.run({ id: ONE, network: NET })
      const request = { ...REF, EndpointID: TWO, Interface: { Address, AddressIPv6: '', MacAddress: '' } }
      expectAccepted(
        'NetworkDriver.CreateEndpoint',
        request,
        await plugin.post('/NetworkDriver.CreateEndpoint', request)
      )
      expect(rig.daemon.records.all('endpoint').map(({ id }) => id)).to.deep.equal([TWO])
    })
  )
  it(
    'when its link stays away',
    served(async ({ rig }) => {
      await rig.docker.run({ id: ONE, network: NET })
      for (const key of [...rig.host.objects.keys()]) if (key.startsWith('link ')) rig.host.vanish(key)
      await rig.daemon.upkeep()
      await rig.daemon.upkeep()
      expectNoEndpoint(rig)
    })
  )
})

describe('rule 9: every end succeeds for what is unknown, twice, and after a failed Join', () => {
  it(
    'of all six methods',
    served(async ({ plugin, rig }) => {
      await rig.docker.createEndpoint({ id: ONE, network: NET })
      rig.host.refuse = () => 'EIO'
      expect((await plugin.post('/NetworkDriver.Join', JOIN)).status).to.equal(500)
      rig.host.refuse = () => undefined
      for (const [method, known, unknown] of TEARDOWNS)
        for (const request of [unknown, known, known])
          expectAccepted(method, request, await plugin.post(`/${method}`, request))
      expect(rig.store.documents.size).to.equal(0)
    })
  )
})

describe('rule 10: Join and ProgramExternalConnectivity may be called again', () => {
  it(
    'with the same answer and nothing added',
    served(async ({ plugin, rig }) => {
      await rig.docker.createEndpoint({ id: ONE, network: NET })
      const first = await plugin.post('/NetworkDriver.Join', JOIN)
      const before = snapshot(rig)
      for (const method of ['Join', 'ProgramExternalConnectivity', 'ProgramExternalConnectivity', 'Join'])
        expectAccepted(method, JOIN, await plugin.post(`/NetworkDriver.${method}`, JOIN))
      expect(snapshot(rig)).to.deep.equal(before)
      await plugin.post('/NetworkDriver.Leave', REF)
      expect((await plugin.post('/NetworkDriver.Join', JOIN)).body).to.deep.equal(first.body)
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )
})

function expectNoEndpoint({ daemon, host }: Rig): void {
  expect(daemon.records.all('endpoint')).to.deep.equal([])
  expect([...host.objects.keys()].filter((key) => /^(link|route) /.test(key))).to.deep.equal([])
}
