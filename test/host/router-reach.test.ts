import { expect } from 'chai'
import { ospf3Links, reachableRouters } from '../../src/host/router-reach.js'

describe('ospf3Links', () => {
  it('names a segment by its designated router, and leaves out what is withdrawn', () => {
    const lsa = (advertisingRouter: string, age: number, ...lsaDescription: object[]): object => {
      return { age, type: 'Router', linkStateId: '0.0.0.0', advertisingRouter, lsaDescription }
    }
    const transit = {
      type: 'Transit-Network',
      metric: 10,
      interfaceId: '0.0.0.2',
      neighborRouterId: '192.0.2.3'
    }
    const pair = { type: 'Point-To-Point', metric: 5, interfaceId: '0.0.0.4', neighborRouterId: '192.0.2.2' }
    const answer = {
      areaScopedLinkStateDb: [
        { areaId: '0.0.0.0', lsa: [lsa('192.0.2.1', 30, transit, pair), lsa('192.0.2.9', 3600, pair)] },
        { areaId: '0.0.0.1', lsa: [lsa('192.0.2.4', 1, pair), lsa('192.0.2.5', 1)] }
      ]
    }
    expect(ospf3Links(answer)).to.deep.equal([
      { from: '192.0.2.1', to: '192.0.2.3', isSegment: true, cost: 10 },
      { from: '192.0.2.1', to: '192.0.2.2', isSegment: false, cost: 5 },
      { from: '192.0.2.4', to: '192.0.2.2', isSegment: false, cost: 5 }
    ])
  })
})

describe('reachableRouters', () => {
  it('reads both of FRR’s tables', () => {
    const two = `============ OSPF router routing table =============
R    192.0.2.1             [10] area: 0.0.0.1, ASBR
                           via 192.0.2.1, eth0
R    192.0.2.7          IA [20] area: 0.0.0.0, ASBR
                           via 192.0.2.1, eth0

`
    const three = `Router-ID       Rtr-Bits Options        Path-Type  Area           
192.0.2.1       ------E- --|-|--|-|-|--|R|-|--|E|V6 Intra-Area 0.0.0.0        
`
    expect(reachableRouters(two)).to.deep.equal(['192.0.2.1', '192.0.2.7'])
    expect(reachableRouters(three)).to.deep.equal(['192.0.2.1'])
  })
})
