import { expect } from 'chai'
import type { Verification } from '../src/core/routing/verify.js'
import { verificationLines } from '../src/verify-command.js'

const CLEAN: Verification = {
  addresses: [
    { endpoint: 'one', address: '10.1.0.1', kernel: true, zebra: true, announced: { ospfd: true } },
    { endpoint: 'two', address: '10.1.0.2', kernel: true, announced: {} }
  ],
  stale: [],
  foreign: [],
  duplicates: [],
  neighbours: [
    { protocol: 'ospfd', name: '192.0.2.2', state: 'Full/DR', isUp: true, acknowledged: true },
    { protocol: 'ospfd', name: '192.0.2.3', state: '2-Way/DROther', isUp: false, acknowledged: true },
    { protocol: 'ospf6d', name: '192.0.2.3', state: 'Twoway/DROther', isUp: false },
    { protocol: 'bgpd', name: '192.0.2.4', state: 'Established', isUp: true }
  ],
  faults: [],
  lonely: [],
  mute: [],
  absent: {},
  repaired: 0
}

describe('verificationLines', () => {
  it('are none where all is well', () => {
    expect(verificationLines(CLEAN)).to.deep.equal([])
  })
  it('name what is missing, and where to look', () => {
    const held = {
      endpoint: 'one',
      address: '10.1.0.1',
      kernel: true,
      zebra: true,
      announced: { ospfd: false }
    }
    const missed = { ...held, address: '10.1.0.2', zebra: false }
    expect(verificationLines({ ...CLEAN, addresses: [held, missed] })).to.deep.equal([
      'missing: 10.1.0.1: not in ospfd; zebra has it, so look for what holds it back there',
      'missing: 10.1.0.2: not in zebra, ospfd'
    ])
  })
  it('name a route of somebody else, and how it is removed', () => {
    const foreign = [
      { address: '10.1.0.1', link: 'eth0', metric: 5, hides: true, announced: ['ospfd'] },
      { address: '10.1.0.7', metric: 0, hides: false, announced: ['ospfd', 'bgpd to eth0'] }
    ]
    expect(verificationLines({ ...CLEAN, foreign })).to.deep.equal([
      "foreign: 10.1.0.1: a kernel route that is not ours is taken in place of the container's own; to remove it: ip route del 10.1.0.1 dev eth0 metric 5",
      'foreign: 10.1.0.7: a kernel route that is not ours is announced by ospfd, bgpd to eth0, and no container has the address; to remove it: ip route del 10.1.0.7 metric 0'
    ])
  })
  it('name a daemon whose routes zebra had lost', () => {
    expect(verificationLines({ ...CLEAN, mute: ['ospfd'] })).to.deep.equal([
      'lost: ospfd: zebra had none of the routes to others that it has learnt, and gets them again'
    ])
  })
  it('name a neighbour that is told nothing, and a line that is not taken', () => {
    const neighbours = [
      { protocol: 'ospfd', name: '192.0.2.2', state: 'ExStart/-', isUp: false, acknowledged: true },
      { protocol: 'bgpd', name: '192.0.2.4', state: 'Active', isUp: false }
    ]
    const faults = [{ key: 'routing ospfd: router ospf', error: 'not taken, without a word' }]
    expect(verificationLines({ ...CLEAN, neighbours, faults, lonely: ['ospf6d'] })).to.deep.equal([
      'neighbour: 192.0.2.2: is ExStart/- for ospfd, and is told nothing',
      'neighbour: 192.0.2.4: is Active for bgpd, and is told nothing',
      'neighbour: none: ospf6d has no neighbour, so nobody is told of anything',
      'fault: routing ospfd: router ospf: not taken, without a word'
    ])
  })
})
