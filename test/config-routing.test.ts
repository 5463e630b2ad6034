import { expect } from 'chai'
import { checkRouting } from '../src/config-file.js'
import { InvalidError } from '../src/errors.js'

const OSPF = { area: 0, interfaces: ['eth0'] }
const NEIGHBOR = { address: '192.0.2.1', as: 65001 }

function ospf(more: object): object {
  return { ospf: { ...OSPF, ...more } }
}
function neighbor(more: object): object {
  return { bgp: { as: 65000, neighbors: [{ ...NEIGHBOR, ...more }] } }
}

describe('the section routing', () => {
  it('at its shortest', () => {
    expect(checkRouting({ ospf: OSPF }, 'routing')).to.deep.equal({
      vty: '/run/frr',
      grace: 10,
      duplicates: 'refuse',
      ospf: { area: '0.0.0.0', areaType: 'normal', interfaces: ['eth0'] }
    })
  })
  it('empty: filters only', () => {
    expect(checkRouting({}, 'routing')).to.deep.equal({ vty: '/run/frr', grace: 10, duplicates: 'refuse' })
    expect(checkRouting(null, 'routing')).to.deep.equal({ vty: '/run/frr', grace: 10, duplicates: 'refuse' })
  })
  it('with an area in either form', () => {
    const areaOf = (area: unknown): unknown => checkRouting(ospf({ area }), 'routing').ospf?.area
    expect([0, '0', '0.0.0.0', 256, 4294967295].map(areaOf)).to.deep.equal([
      '0.0.0.0',
      '0.0.0.0',
      '0.0.0.0',
      '0.0.1.0',
      '255.255.255.255'
    ])
  })
  it('with neighbours by address and by link, and another directory', () => {
    const section = {
      vty: '/run/quagga',
      grace: 2.5,
      bgp: { as: 65000, neighbors: [NEIGHBOR, { interface: 'eth0', as: 'external', bfd: true, hold: 30 }] }
    }
    expect(checkRouting(section, 'routing')).to.deep.equal({
      vty: '/run/quagga',
      grace: 2.5,
      duplicates: 'refuse',
      bgp: {
        as: 65000,
        transit: false,
        neighbors: [
          { peer: { address: '192.0.2.1' }, as: 65001, hold: 9 },
          { peer: { interface: 'eth0' }, as: 'external', bfd: {}, hold: 30 }
        ]
      }
    })
  })

  const refused: readonly (readonly [section: object, ...parts: readonly string[]])[] = [
    [{ vty: 'run/frr' }, 'routing.vty: "run/frr" is not an absolute path such as /run/frr'],
    [{ opsf: OSPF }, '"opsf" is not an option'],
    [ospf({ interface: 'eth0' }), 'ospf: "interface" is not known here'],
    [{ ospf: { area: 0 } }, "ospf: an object must have required property 'interfaces'"],
    [ospf({ area: 'backbone' }), 'routing.ospf.area: "backbone" is not an area such as 0.0.0.0 or 0'],
    [ospf({ area: '4294967296' }), 'routing.ospf.area: "4294967296" is not an area'],
    [ospf({ area: '1.2.3.400' }), 'routing.ospf.area'],
    [ospf({ interfaces: [] }), 'ospf.interfaces: a list must NOT have fewer than 1 items'],
    [ospf({ interfaces: ['eth 0'] }), 'routing.ospf.interfaces: "eth 0" is not the name of a link'],
    [ospf({ interfaces: ['nr-0123456789ab'] }), '"nr-0123456789ab" is not the name of a link of the host'],
    [ospf({ 'router-id': '0.0.0.0' }), 'routing.ospf.router-id: "0.0.0.0" is not of the form'],
    [ospf({ 'router-id': 'fd00::1' }), 'routing.ospf.router-id: "fd00::1" is not of the form'],
    [{ duplicates: 'ignore' }, 'routing.duplicates: "ignore" is none of refuse, warn, take-over'],
    [ospf({ hello: 4, dead: 4 }), 'routing.ospf.dead: 4 is not more than hello, which is 4'],
    [ospf({ hello: 0 }), 'ospf.hello: 0 must be >= 1'],
    [ospf({ 'area-type': 'stub', area: 1 }), 'routing.ospf.area-type: "stub"', 'make it nssa'],
    [ospf({ 'area-type': 'nssa' }), 'routing.ospf.area-type: "nssa" is not possible for the backbone'],
    [ospf({ authentication: { key: 'seventeen-letters' } }), 'routing.ospf.authentication.key: not 1 to 16'],
    [
      ospf({ authentication: { type: 'text', key: 'nine-long' } }),
      'routing.ospf.authentication.key: not 1 to 8'
    ],
    [
      ospf({ authentication: { type: 'sha', key: 'x' } }),
      'authentication.type: "sha" is neither md5 nor text'
    ],
    [
      { ospf3: { ...OSPF, authentication: { type: 'text', key: 'x' } } },
      '"text" is not one of md5, hmac-sha-1'
    ],
    [ospf({ bfd: { interval: 1 } }), 'ospf.bfd.interval: 1 must be >= 10'],
    [neighbor({ as: 'both' }), 'routing.bgp.neighbors.0.as: "both" is neither a number'],
    [neighbor({ as: 0 }), 'routing.bgp.neighbors.0.as: 0 is neither a number'],
    [neighbor({ interface: 'eth0' }), 'routing.bgp.neighbors.0: give either address'],
    [neighbor({ address: '192.0.2.999' }), 'routing.bgp.neighbors.0.address'],
    [neighbor({ address: 'fe80::1' }), '"fe80::1" is there on every link: give interface instead'],
    [neighbor({ hold: 2 }), 'bgp.neighbors.0.hold: 2 must be >= 3'],
    [
      { bgp: { as: 1, neighbors: [NEIGHBOR, NEIGHBOR] } },
      'routing.bgp.neighbors: "192.0.2.1" is given twice'
    ],
    [
      { ...ospf({ bfd: { interval: 100 } }), ...neighbor({ bfd: { interval: 200 } }) },
      'routing: two different sets of BFD times'
    ]
  ]
  for (const [section, ...parts] of refused)
    it(`refuses ${JSON.stringify(section)}`, () => {
      const error = refusal(section)
      for (const part of parts) expect(error.message).to.contain(part)
    })

  it('shows no secret in what it refuses, nor lets one hold a command', () => {
    const SECRETS = [
      's3cr3t and blank',
      's3cr3t|include',
      's3cr3t\nexit',
      's3cr3t?',
      `s3cr3t${'x'.repeat(100)}`,
      ''
    ]
    const sections = SECRETS.flatMap((key) => [
      ospf({ authentication: { key } }),
      { ospf3: { ...OSPF, authentication: { key } } },
      neighbor({ password: key })
    ])
    const wrongTypes = [ospf({ authentication: 's3cr3t' }), ospf({ authentication: { key: ['s3cr3t'] } })]
    for (const section of [...sections, ...wrongTypes]) {
      expect(refusal(section).message).to.not.contain('s3cr3t')
    }
  })
})

function refusal(section: object): Error {
  try {
    checkRouting(section, 'routing')
  } catch (error) {
    expect(error).to.be.instanceOf(InvalidError)
    if (error instanceof Error) return error
  }
  throw new Error(`accepted: ${JSON.stringify(section)}`)
}
