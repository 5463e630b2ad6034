import { expect } from 'chai'
import { keyOf } from '../../src/host/objects.js'
import type { HostObject, Link, Route } from '../../src/host/objects.js'
import { tellAgain, tellEnds } from '../../src/host/retell.js'

const LINK: Link = {
  kind: 'link',
  name: 'nr-1',
  alias: 'net-routed endpoint 1',
  ipv6: false,
  proxyArp: false,
  settled: true
}
const ROUTE: Route = { kind: 'route', dst: '10.1.0.1/32', link: 'nr-1', metric: 0 }

function objects(...all: readonly HostObject[]): ReadonlyMap<string, HostObject> {
  return new Map(all.map((object) => [keyOf(object), object]))
}

describe('tellAgain', () => {
  it('replaces a route by its like, and first its link, which may have been missed too', () => {
    const there = objects(LINK, ROUTE)
    expect(tellAgain([ROUTE], there, there)).to.deep.equal([
      { verb: 'replace', object: LINK },
      { verb: 'replace', object: ROUTE }
    ])
  })
  it('takes an announcement away for a moment: the same once more would be no change', () => {
    const announcement: HostObject = { kind: 'announcement', dst: '10.1.0.1/32' }
    const there = objects(announcement)
    expect(tellAgain([announcement], there, there).map(({ verb }) => verb)).to.deep.equal(['delete', 'add'])
  })
  it('leaves alone what is not there, or should not be', () => {
    expect(
      tellAgain([ROUTE], objects(ROUTE), objects(LINK)).filter(({ object }) => object.kind === 'route')
    ).to.deep.equal([])
    expect(tellAgain([ROUTE], objects(), objects(ROUTE))).to.deep.equal([])
  })
})

describe('tellEnds', () => {
  const ended = { dst: '10.1.0.9/32', metric: 0, link: 'nr-gone' }
  it('makes the announcement for a moment', () => {
    const told = tellEnds([{ dst: '10.1.0.9/32', metric: 4096 }], objects(LINK), objects(LINK))
    const object: HostObject = { kind: 'announcement', dst: '10.1.0.9/32' }
    expect(told.slice(1)).to.deep.equal([
      { verb: 'add', object },
      { verb: 'delete', object }
    ])
  })
  it('makes the route for a moment', () => {
    const told = tellEnds([ended], objects(LINK), objects(LINK)).filter(
      ({ object }) => object.kind === 'route'
    )
    expect(told).to.deep.equal([
      { verb: 'add', object: { ...ROUTE, dst: '10.1.0.9/32' } },
      { verb: 'delete', object: { ...ROUTE, dst: '10.1.0.9/32' } }
    ])
  })
  it('does nothing to what has come back meanwhile, nor without a link of ours', () => {
    const back = { ...ROUTE, dst: '10.1.0.9/32' }
    const routes = tellEnds([ended], objects(LINK, back), objects(LINK)).filter(
      ({ object }) => object.kind === 'route'
    )
    expect(routes).to.deep.equal([])
    expect(tellEnds([ended], objects(), objects())).to.deep.equal([])
  })
})
