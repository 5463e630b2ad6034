import { expect } from 'chai'
import { ANYCAST_TAG } from '../../../src/desired/routing-filters.js'
import { mapOf, readMap } from '../../../src/core/routing/map.js'
import { ospfLinks } from '../../../src/host/router-reach.js'
import { dotText, mapText } from '../../../src/map-command.js'
import { UnavailableError } from '../../../src/errors.js'
import { errorOf } from '../../support/expect-error.js'
import { FakeVty } from '../../support/fake-vty.js'

const [ONE, TWO, THREE] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'] as const

/** As FRR 8.4.4 and 10.7.1 show it. */
function routerLsas(): unknown {
  const lsa = (advertisingRouter: string, ...links: readonly object[]): object => {
    return {
      lsaAge: 1,
      advertisingRouter,
      routerLinks: Object.fromEntries(links.map((link, at) => [`link${String(at)}`, link]))
    }
  }
  const pair = (neighborRouterId: string): object => {
    return {
      linkType: 'another Router (point-to-point)',
      neighborRouterId,
      routerInterfaceAddress: ONE,
      tos0Metric: 10
    }
  }
  const transit = { linkType: 'a Transit Network', designatedRouterAddress: '198.51.100.2', tos0Metric: 5 }
  const stub = {
    linkType: 'Stub Network',
    networkAddress: '192.0.2.0',
    networkMask: '255.255.255.0',
    tos0Metric: 10
  }
  const gone = { ...lsa('192.0.2.9', pair(ONE)), lsaAge: 3600 }
  const lsas = [lsa(ONE, pair(TWO), stub), lsa(TWO, pair(ONE), transit), lsa(THREE, transit), gone]
  return { routerId: ONE, routerLinkStates: { areas: { '0.0.0.0': lsas } } }
}

const EXTERNALS = [
  { dst: '10.1.0.1/32', router: ONE },
  { dst: '10.1.0.5/32', router: ONE },
  { dst: '10.1.0.5/32', router: THREE },
  { dst: '10.99.0.0/16', router: TWO },
  { dst: '10.1.0.6/32', router: ONE, tag: ANYCAST_TAG },
  { dst: '10.1.0.6/32', router: TWO, tag: ANYCAST_TAG },
  { dst: '10.1.0.8/32', router: ONE, tag: ANYCAST_TAG },
  { dst: '10.1.0.8/32', router: THREE, tag: 1 },
  { dst: 'fd00:6::1/128', router: ONE },
  { dst: 'fd00:6::2/128', router: ONE },
  { dst: 'fd00:6::2/128', router: TWO },
  { dst: 'fd00:6::2/128', router: ONE, tag: ANYCAST_TAG },
  { dst: 'fd00:6::2/128', router: TWO, tag: ANYCAST_TAG }
]

describe('mapOf', () => {
  const map = mapOf(new Set([ONE]), EXTERNALS, {
    4: { links: ospfLinks(routerLsas()), reachable: [TWO, THREE] },
    6: { links: [], reachable: [TWO] }
  })
  it('has every router, with single addresses, and those that several have', () => {
    expect(map.routers).to.deep.equal([
      {
        id: ONE,
        isSelf: true,
        isReachable: true,
        addresses: ['10.1.0.1', '10.1.0.5', '10.1.0.6', '10.1.0.8', 'fd00:6::1', 'fd00:6::2'],
        prefixes: []
      },
      {
        id: TWO,
        isSelf: false,
        isReachable: true,
        addresses: ['10.1.0.6', 'fd00:6::2'],
        prefixes: ['10.99.0.0/16']
      },
      { id: THREE, isSelf: false, isReachable: true, addresses: ['10.1.0.5', '10.1.0.8'], prefixes: [] }
    ])
  })
  it('tells anycast, which all its routers say, from what is there twice', () => {
    expect(map.several).to.deep.equal([
      { address: '10.1.0.5', routers: [ONE, THREE], anycast: false },
      { address: '10.1.0.6', routers: [ONE, TWO], anycast: true },
      { address: '10.1.0.8', routers: [ONE, THREE], anycast: false },
      { address: 'fd00:6::2', routers: [ONE, TWO], anycast: true }
    ])
  })
  it('is text', () => {
    expect(mapText(map).split('\n')).to.deep.equal([
      '192.0.2.1, this host: to 192.0.2.2 (10)',
      '  10.1.0.1',
      '  10.1.0.5',
      '  10.1.0.6',
      '  10.1.0.8',
      '  fd00:6::1',
      '  fd00:6::2',
      '192.0.2.2: to 192.0.2.1 (10), segment of 198.51.100.2 (5)',
      '  10.99.0.0/16',
      '  10.1.0.6',
      '  fd00:6::2',
      '192.0.2.3: to segment of 198.51.100.2 (5)',
      '  10.1.0.5',
      '  10.1.0.8',
      'twice: 10.1.0.5: 192.0.2.1, 192.0.2.3',
      'anycast: 10.1.0.6: 192.0.2.1, 192.0.2.2',
      'twice: 10.1.0.8: 192.0.2.1, 192.0.2.3',
      'anycast: fd00:6::2: 192.0.2.1, 192.0.2.2',
      '3 routers, 6 addresses, 2 of them anycast, 2 twice'
    ])
  })
  it('is a graph', () => {
    const lines = dotText(map).split('\n')
    expect(lines.filter((line) => line.includes(' -- '))).to.deep.equal([
      '  "192.0.2.1" -- "192.0.2.2" [label="10"]',
      '  "192.0.2.2" -- "segment 198.51.100.2" [label="5"]',
      '  "192.0.2.3" -- "segment 198.51.100.2" [label="5"]'
    ])
    expect(lines).to.include('  "segment 198.51.100.2" [shape=point]')
  })
})

describe('mapOf with a router that is gone', () => {
  const map = mapOf(new Set([ONE]), [...EXTERNALS, { dst: '10.2.0.0/26', router: '192.0.2.4' }], {
    4: { links: ospfLinks(routerLsas()), reachable: [TWO] },
    6: { links: [], reachable: [] }
  })
  it('does not count what it still announces', () => {
    expect(map.several).to.deep.equal([{ address: '10.1.0.6', routers: [ONE, TWO], anycast: true }])
  })
  it('says that no way leads there, and none from there', () => {
    expect(mapText(map).split('\n').slice(11)).to.deep.equal([
      '192.0.2.3, unreachable',
      '  10.1.0.5',
      '  10.1.0.8',
      '192.0.2.4, unreachable',
      '  10.2.0.0/26',
      'anycast: 10.1.0.6: 192.0.2.1, 192.0.2.2',
      '4 routers, 6 addresses, 1 of them anycast, 0 twice'
    ])
    expect(dotText(map)).to.include(
      '"192.0.2.4" [shape=box, label="192.0.2.4\\nunreachable\\n10.2.0.0/26", style=dashed]'
    )
  })
})

describe('readMap', () => {
  it('says why there is none', async () => {
    const error = await errorOf(readMap(new FakeVty('zebra', 'ospfd').open))
    expect(error).to.be.instanceOf(UnavailableError)
    expect(error.message).to.contain('ospfd has no OSPF configured; ospf6d does not run')
  })
})
