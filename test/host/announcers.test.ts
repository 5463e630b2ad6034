import { expect } from 'chai'
import {
  bgpAnnouncers,
  distinctAnnouncers,
  ospf3Announcers,
  ospfAnnouncers
} from '../../src/host/announcers.js'

const LSA = {
  lsaAge: 9,
  advertisingRouter: '192.0.2.1',
  lsaSeqNumber: '80000001',
  networkMask: 32,
  metric: 20
}
const OTHER = { ...LSA, advertisingRouter: '192.0.2.2', lsaSeqNumber: '80000003' }

function path(peer: object, more: object = {}): object {
  return { aspath: { segments: [] }, peer, lastUpdate: { epoch: 100 }, ...more }
}

function through(...systems: readonly number[]): object {
  return { aspath: { segments: [{ type: 'as-sequence', list: systems }] } }
}

describe('ospfAnnouncers', () => {
  it('has this host and others, with how long they have announced it', () => {
    const found = ospfAnnouncers({ routerId: '192.0.2.1', asExternalLinkStates: [LSA, OTHER] })
    expect(found.map(({ router, isOwn, age, lifetime }) => ({ router, isOwn, age, lifetime }))).to.deep.equal(
      [
        { router: '192.0.2.1', isOwn: true, age: 9, lifetime: 9 },
        { router: '192.0.2.2', isOwn: false, age: 9, lifetime: 3609 }
      ]
    )
    expect(found.map(({ rank }) => rank)).to.deep.equal([0xc0000201n, 0xc0000202n])
  })

  it('has those of not-so-stubby areas', () => {
    const answer = { routerId: '192.0.2.1', nssaExternalLinkStates: { areas: { '0.0.0.5': [OTHER] } } }
    expect(ospfAnnouncers(answer).map(({ router }) => router)).to.deep.equal(['192.0.2.2'])
  })

  it('leaves out what is withdrawn and what is no single address, and says who is leaving', () => {
    const lsas = [
      { ...LSA, lsaAge: 3600 },
      { ...LSA, networkMask: 26 },
      { ...OTHER, metric: 16_777_214 }
    ]
    const found = ospfAnnouncers({ routerId: '192.0.2.9', asExternalLinkStates: lsas })
    expect(found.map(({ router, isLeaving }) => [router, isLeaving])).to.deep.equal([['192.0.2.2', true]])
  })

  it('of anything else has nobody', () => {
    for (const answer of [
      undefined,
      '',
      {},
      { asExternalLinkStates: 'x' },
      { asExternalLinkStates: [null, {}] }
    ])
      expect(ospfAnnouncers(answer)).to.deep.equal([])
  })
})

describe('distinctAnnouncers', () => {
  it('has each router once, as it comes last', () => {
    const [one] = ospfAnnouncers({ routerId: '192.0.2.1', asExternalLinkStates: [LSA] })
    if (!one) throw new Error('none')
    const other = { ...one, router: '192.0.2.2' }
    expect(distinctAnnouncers([one, other, { ...one, age: 5 }])).to.deep.equal([{ ...one, age: 5 }, other])
  })
})

describe('ospf3Announcers', () => {
  it('has those of the destination, and who is leaving by what zebra says of all others', () => {
    const lsa = { type: 'ASE', advRouter: '192.0.2.2', age: 4, seqNum: 0x80000001, payload: 'fd00::7/128' }
    const database = {
      asScopedLinkStateDb: [{ lsa: [lsa, { ...lsa, payload: 'fd00::8/128' }] }],
      areaScopedLinkStateDb: [
        {
          lsa: [
            { ...lsa, type: 'Type7', advRouter: '192.0.2.1' },
            { ...lsa, type: 'Rtr' }
          ]
        }
      ]
    }
    const found = ospf3Announcers(database, { dst: 'fd00::7/128', own: '192.0.2.1', isLeaving: true })
    expect(found.map(({ router, isOwn, isLeaving }) => [router, isOwn, isLeaving])).to.deep.equal([
      ['192.0.2.2', false, true],
      ['192.0.2.1', true, false]
    ])
  })
})

describe('bgpAnnouncers', () => {
  it('names the host by its autonomous system, or by its router id where that is ours', () => {
    const paths = [
      path({ peerId: '0.0.0.0', routerId: '192.0.2.1' }, { sourced: true }),
      path({ peerId: '192.0.2.2', routerId: '192.0.2.2' }, through(65002)),
      path({ peerId: '192.0.2.3', routerId: '192.0.2.3' })
    ]
    const found = bgpAnnouncers({ paths }, 65001)
    expect(found.map(({ router, isOwn, isChosen }) => [router, isOwn, isChosen])).to.deep.equal([
      ['192.0.2.1', true, undefined],
      ['AS 65002', false, undefined],
      ['192.0.2.3', false, undefined]
    ])
    expect(found[0]?.rank).to.equal((65001n << 32n) + 0xc0000201n)
  })

  it('knows that others have chosen where it comes through them', () => {
    const paths = [
      path({ peerId: '192.0.2.2', routerId: '192.0.2.2' }, through(65009, 65002)),
      path({ peerId: '192.0.2.9', routerId: '192.0.2.9' }, { originatorId: '192.0.2.3' })
    ]
    const found = bgpAnnouncers({ paths }, 65001)
    expect(found.map(({ router, isChosen }) => [router, isChosen])).to.deep.equal([
      ['AS 65002', true],
      ['192.0.2.3', true]
    ])
  })

  it('knows who is leaving', () => {
    const paths = [
      path({ peerId: 'a', routerId: '192.0.2.2' }, through(65002, 65002, 65002, 65002)),
      path({ peerId: 'b', routerId: '192.0.2.3' }, { locPrf: 0 }),
      path({ peerId: 'c', routerId: '192.0.2.4' }, through(65009, 65004))
    ]
    expect(bgpAnnouncers({ paths }, 65001).map(({ isLeaving }) => isLeaving)).to.deep.equal([
      true,
      true,
      false
    ])
  })
})
