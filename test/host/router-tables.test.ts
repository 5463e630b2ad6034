import { expect } from 'chai'
import {
  bgpAdvertised,
  bgpNeighbours,
  kernelPaths,
  ospf3Externals,
  ospf3KeepsExternals,
  ospf3Tagged,
  ospfDatabase,
  ospfKeepsExternals,
  ospfNeighbours
} from '../../src/host/router-tables.js'

// Words of FRR 8.4.4.
describe('kernelPaths', () => {
  it('reads links, metrics and blackholes, and what zebra does not believe', () => {
    const text = `Codes: K - kernel route, C - connected, S - static
       > - selected route, * - FIB route, q - queued, r - rejected, b - backup

K>* 10.1.0.1/32 [0/0] is directly connected, nr-992d52b10d55, 00:00:08
K   10.1.0.50/32 [0/0] is directly connected, unknown inactive, 00:00:17
K>* 10.1.0.9/32 [0/4096] unreachable (blackhole), 00:00:02
K * fd00:6::1/128 [0/1024] is directly connected, nr-992d52b10d55, 00:00:02
K>* 10.9.0.0/16 [0/0] via 192.0.2.9, eth0, 00:00:02
`
    expect(kernelPaths(text)).to.deep.equal([
      { dst: '10.1.0.1/32', metric: 0, isActive: true, link: 'nr-992d52b10d55' },
      { dst: '10.1.0.50/32', metric: 0, isActive: false, link: 'unknown' },
      { dst: '10.1.0.9/32', metric: 4096, isActive: true },
      { dst: 'fd00:6::1/128', metric: 1024, isActive: true, link: 'nr-992d52b10d55' },
      { dst: '10.9.0.0/16', metric: 0, isActive: true, link: 'eth0' }
    ])
  })
})

describe('ospfDatabase', () => {
  const lsa = (route: string, lsaAge = 8): object => ({
    route,
    lsaAge,
    advertisedRouter: '192.0.2.1',
    sequenceNumber: '80000003'
  })
  it('has what is announced in ordinary and in not-so-stubby areas, and not what is withdrawn', () => {
    const answer = {
      routerId: '192.0.2.1',
      areas: { '0.0.0.5': { nssaExternalLinkStates: [lsa('10.1.0.2/32')] } },
      asExternalLinkStates: [lsa('10.1.0.1/32'), lsa('10.1.0.3/32', 3600)]
    }
    expect(ospfDatabase(answer)).to.deep.equal({
      own: '192.0.2.1',
      externals: [
        { dst: '10.1.0.1/32', router: '192.0.2.1', age: 8, sequence: 0x80000003 },
        { dst: '10.1.0.2/32', router: '192.0.2.1', age: 8, sequence: 0x80000003, isOfArea: true }
      ]
    })
  })
  it('has what is announced both ways once, as those in the area have it', () => {
    const answer = {
      routerId: '192.0.2.1',
      areas: { '0.0.0.5': { nssaExternalLinkStates: [lsa('10.1.0.2/32', 5)] } },
      asExternalLinkStates: [lsa('10.1.0.2/32')]
    }
    expect(ospfDatabase(answer)?.externals.map(({ age, isOfArea }) => [age, isOfArea])).to.deep.equal([
      [5, true]
    ])
  })
  it('is undefined where OSPF is not configured', () => {
    expect(ospfDatabase({})).to.equal(undefined)
    expect(ospfDatabase(undefined)).to.equal(undefined)
  })
})

describe('ospfKeepsExternals', () => {
  // As FRR 8.4.4 says it.
  const areas = (...names: readonly string[]): string =>
    [' OSPF Routing Process, Router ID: 192.0.2.1', ...names.map((name) => ` Area ID: ${name}`)].join('\n')
  it('is so where no area carries what is announced everywhere', () => {
    expect(ospfKeepsExternals(areas('0.0.0.5 (NSSA)'))).to.equal(true)
    expect(ospfKeepsExternals(areas('0.0.0.5 (Stub, no summary)', '0.0.0.6 (NSSA)'))).to.equal(true)
    expect(ospfKeepsExternals(areas('0.0.0.5 (NSSA)', '0.0.0.0 (Backbone)'))).to.equal(false)
    expect(ospfKeepsExternals(areas('0.0.0.7'))).to.equal(false)
    expect(ospfKeepsExternals('')).to.equal(false)
  })
})

describe('ospf3KeepsExternals', () => {
  it('is so where no area carries what is announced everywhere', () => {
    const [stub, nssa, normal] = [
      { areaIsStub: true },
      { areaIsNSSA: true },
      { areaIsStub: false, areaIsNSSA: false }
    ]
    expect(ospf3KeepsExternals({ areas: { '0.0.0.5': stub, '0.0.0.6': nssa } })).to.equal(true)
    expect(ospf3KeepsExternals({ areas: { '0.0.0.5': nssa, '0.0.0.0': normal } })).to.equal(false)
    expect(ospf3KeepsExternals({})).to.equal(false)
    expect(ospf3KeepsExternals(undefined)).to.equal(false)
  })
})

describe('ospf3Tagged', () => {
  it('are those that a router has put a number on', () => {
    // As FRR 8.4.4 shows it.
    const lsa = (prefix: string, more: object): object => ({
      prefix,
      advertisingRouter: '192.0.2.1',
      ...more
    })
    const plain = lsa('fd00:6::1/128', { tagPresent: false })
    const tagged = lsa('fd00:6::2/128', { tagPresent: true, tag: 28_274 })
    const answer = { asScopedLinkStateDb: [{ lsa: [plain, tagged] }] }
    expect(ospf3Tagged(answer)).to.deep.equal([{ dst: 'fd00:6::2/128', router: '192.0.2.1', tag: 28_274 }])
    expect(ospf3Tagged({})).to.deep.equal([])
  })
})

describe('ospf3Externals', () => {
  it('has external routes only, and not what is withdrawn', () => {
    const lsa = (type: string, payload: string, age = 8): object => ({
      type,
      payload,
      age,
      seqNum: 0x80000001,
      advRouter: '192.0.2.1'
    })
    const answer = {
      asScopedLinkStateDb: [{ lsa: [lsa('ASE', 'fd00:6::1/128'), lsa('ASE', 'fd00:6::2/128', 3600)] }],
      areaScopedLinkStateDb: [
        {
          areaId: '0.0.0.5',
          lsa: [lsa('INP', '2001:db8::/64'), lsa('Type7', 'fd00:6::3/128'), lsa('Type7', '::')]
        }
      ]
    }
    const rest = { router: '192.0.2.1', age: 8, sequence: 0x80000001 }
    expect(ospf3Externals(answer)).to.deep.equal([
      { dst: 'fd00:6::1/128', ...rest },
      { dst: 'fd00:6::3/128', ...rest, isOfArea: true },
      { dst: '::/0', ...rest, isOfArea: true }
    ])
  })
})

describe('neighbours', () => {
  it('of OSPF, with what they have not acknowledged', () => {
    const neighbour = { nbrState: 'Full/-', linkStateRetransmissionListCounter: 3 }
    expect(ospfNeighbours({ neighbors: { '192.0.2.2': [neighbour] } })).to.deep.equal([
      { name: '192.0.2.2', state: 'Full/-', isUp: true, acknowledged: false }
    ])
  })
  it('of OSPF, by which link', () => {
    const neighbour = { nbrState: 'Full/-', ifaceName: 'eth1:203.0.113.5' }
    expect(ospfNeighbours({ neighbors: { '192.0.2.2': [neighbour] } })[0]?.link).to.equal('eth1')
  })
  it('of OSPFv3, which does not say', () => {
    expect(ospfNeighbours({ neighbors: [{ neighborId: '192.0.2.2', state: 'Init' }] })).to.deep.equal([
      { name: '192.0.2.2', state: 'Init', isUp: false }
    ])
  })
  it('of BGP, by address family', () => {
    const summary = { ipv4Unicast: { peers: { eth0: { state: 'Established' }, eth1: { state: 'Active' } } } }
    expect(bgpNeighbours(summary, 4)).to.deep.equal([
      { name: 'eth0', state: 'Established', isUp: true },
      { name: 'eth1', state: 'Active', isUp: false }
    ])
    expect(bgpNeighbours(summary, 6)).to.deep.equal([])
    expect(bgpAdvertised({ advertisedRoutes: { '10.1.0.1/32': {} } })).to.deep.equal(['10.1.0.1/32'])
  })
})
