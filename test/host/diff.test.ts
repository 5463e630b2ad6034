import { expect } from 'chai'
import fc from 'fast-check'
import { byKey, diff } from '../../src/host/diff.js'
import { describeOp } from '../../src/host/describe.js'
import { KINDS, keyOf, linkOf, satisfies } from '../../src/host/objects.js'
import type { HostObject, Link } from '../../src/host/objects.js'

const LINK: Link = {
  kind: 'link',
  name: 'nr-1',
  alias: 'net-routed endpoint 1',
  ipv6: false,
  proxyArp: false,
  settled: true,
  veth: { name: 'nrc1', mac: '02:42:0a:01:00:02' }
}
const { veth: _veth, ...ADOPTED } = LINK
const ALL: readonly HostObject[] = [
  { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' },
  { kind: 'firewall', family: 4, intact: true },
  { kind: 'guard', intact: true },
  { kind: 'publisher', intact: true },
  { kind: 'policer', intact: true },
  { kind: 'source', link: 'nr-1', address: '10.1.0.2' },
  { kind: 'policy', link: 'nr-1', ingress: '', egress: 'any' },
  LINK,
  { kind: 'shaper', link: 'nr-1', direction: 'in', rate: 1000, burst: 1, limit: 1, settled: true },
  { kind: 'mark', link: 'nr-1', dscp: 46, settled: true },
  { kind: 'address', link: 'nr-1', address: '169.254.1.1/32' },
  { kind: 'neighbour', link: 'nr-1', address: '10.1.0.2', mac: '02:42:0a:01:00:02' },
  { kind: 'route', dst: '10.1.0.2/32', link: 'nr-1', metric: 0 },
  { kind: 'loopback', link: 'nr-1' },
  { kind: 'announcement', dst: '10.1.0.2/32' },
  { kind: 'proxy', device: 'eth0', address: 'fd00::2' },
  { kind: 'hairpin', prefix: '10.1.0.2/32', address: '10.1.0.2' },
  { kind: 'exclusion', device: 'eth1', protocol: 'tcp', hostPort: 80 },
  { kind: 'port', protocol: 'tcp', host: '::', hostPort: 80, address: 'fd00::2', port: 80 }
]

function difference(desired: readonly HostObject[], actual: readonly HostObject[]): ReturnType<typeof diff> {
  const present = byKey(actual)
  return diff(byKey(desired), present, {
    exists: (name) => present.has(`link ${name}`),
    runs: (name) => actual.some((object) => object.kind === 'link' && object.name === name && object.runs)
  })
}

function described(desired: readonly HostObject[], actual: readonly HostObject[]): readonly string[] {
  return difference(desired, actual).ops.map(describeOp)
}

describe('diff', () => {
  it('is nothing between equals', () => {
    expect(difference(ALL, ALL)).to.deep.equal({ ops: [], lost: [], waiting: [] })
    expect(difference([], [])).to.deep.equal({ ops: [], lost: [], waiting: [] })
  })

  it('adds in the order in which things need each other, whatever the order of what is wanted', () => {
    const kinds = difference(ALL.toReversed(), []).ops.map(({ verb, object }) => `${verb} ${object.kind}`)
    expect(kinds).to.deep.equal(KINDS.map((kind) => `add ${kind}`))
  })

  it('deletes in the opposite order, and never a sysctl', () => {
    const kinds = difference([], ALL).ops.map(({ verb, object }) => `${verb} ${object.kind}`)
    expect(kinds).to.deep.equal(
      KINDS.filter((kind) => kind !== 'sysctl')
        .toReversed()
        .map((kind) => `delete ${kind}`)
    )
  })

  it('makes what is new before it removes what is old', () => {
    const old: HostObject = { kind: 'route', dst: '10.1.0.9/32', link: 'nr-1', metric: 0 }
    expect(described(ALL, [LINK, old]).at(-1)).to.equal('delete route 10.1.0.9/32 dev nr-1 metric 0')
  })

  it('replaces what has other fields under its key', () => {
    const moved: HostObject = { kind: 'route', dst: '10.1.0.2/32', link: 'nr-2', metric: 0 }
    expect(described([LINK, moved], [LINK, { ...moved, link: 'nr-1' }])).to.deep.equal([])
    const other = { ...LINK, name: 'nr-2' }
    expect(described([LINK, other, moved], [LINK, other, { ...moved, link: 'nr-1' }])).to.deep.equal([
      'replace route 10.1.0.2/32 dev nr-2 metric 0'
    ])
  })

  it('leaves out what lives on a link that cannot be made again, and names the link', () => {
    const { ops, lost } = difference([ADOPTED, ...ALL.filter(({ kind }) => kind !== 'link')], [])
    expect(lost).to.deep.equal(['nr-1'])
    expect(ops.map(({ object }) => object.kind)).to.deep.equal([
      'sysctl',
      'firewall',
      'guard',
      'publisher',
      'policer',
      'source',
      'policy',
      'mark',
      'announcement',
      'proxy',
      'hairpin',
      'exclusion',
      'port'
    ])
  })

  it('takes back the announcement that belongs to a link that is gone', () => {
    const announcement: HostObject = { kind: 'announcement', dst: '10.1.0.2/32' }
    const wanted = [ADOPTED, { ...announcement, of: 'nr-1' }]
    expect(described(wanted, [ADOPTED, announcement])).to.deep.equal([])
    expect(described(wanted, [announcement])).to.deep.equal(['delete announcement of 10.1.0.2/32'])
  })

  it('announces what belongs to a link when the link runs, and goes on if it pauses', () => {
    const announcement: HostObject = { kind: 'announcement', dst: '10.1.0.2/32' }
    const wanted = [ADOPTED, { ...announcement, of: 'nr-1' }]
    const waiting = [{ key: 'announcement 10.1.0.2/32', link: 'nr-1' }]
    expect(difference(wanted, [ADOPTED])).to.deep.equal({ ops: [], lost: [], waiting })
    expect(described(wanted, [{ ...ADOPTED, runs: true }])).to.deep.equal(['add announcement of 10.1.0.2/32'])
    expect(described(wanted, [ADOPTED, announcement])).to.deep.equal([])
    expect(described([ADOPTED, announcement], [ADOPTED])).to.deep.equal(['add announcement of 10.1.0.2/32'])
  })

  it('adopts a link that is there', () => {
    expect(difference([ADOPTED], [ADOPTED])).to.deep.equal({ ops: [], lost: [], waiting: [] })
    expect(described([{ ...ADOPTED, proxyArp: true }], [ADOPTED])).to.deep.equal(['replace link nr-1'])
  })

  it('leads from anything to anything in one step', () => {
    const some = fc.subarray([...ALL])
    fc.assert(
      fc.property(some, some, (desired, actual) => {
        const { ops } = difference(desired, actual)
        const result = new Set(actual.map(keyOf))
        for (const { verb, object } of ops) {
          if (verb === 'delete') result.delete(keyOf(object))
          else result.add(keyOf(object))
        }
        const hasLink = [...desired, ...actual].includes(LINK)
        const possible = desired.filter((object) => linkOf(object) === undefined || hasLink)
        for (const object of possible) expect([...result]).to.include(keyOf(object))
        const wanted = new Set(desired.map(keyOf))
        for (const key of result) if (!key.startsWith('sysctl')) expect([...wanted]).to.include(key)
      })
    )
  })
})

describe('satisfies', () => {
  it('compares what is wanted, and nothing else', () => {
    expect(satisfies(LINK, ADOPTED)).to.equal(true)
    expect(satisfies(LINK, { ...ADOPTED, mtu: 1400, inUse: true })).to.equal(true)
    expect(satisfies({ ...LINK, mtu: 1500 }, { ...ADOPTED, mtu: 1400 })).to.equal(false)
    expect(satisfies(LINK, { ...ADOPTED, settled: false })).to.equal(false)
  })
})
