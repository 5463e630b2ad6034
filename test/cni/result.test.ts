import { expect } from 'chai'
import { formatResult, mergeResults, parseResult } from '../../src/cni/result.js'
import type { Result } from '../../src/cni/result.js'
import { VERSIONS } from '../../src/cni/version.js'
import type { Version } from '../../src/cni/version.js'

const RESULT: Result = {
  interfaces: [
    { name: 'nr-0a1b', mac: '0a:00:00:00:00:01', mtu: 1400 },
    { name: 'eth0', mac: '02:42:0a:01:00:02', mtu: 1400, sandbox: '/run/netns/c1' }
  ],
  ips: [
    { interface: 1, address: '10.1.0.2/32', gateway: '169.254.1.1' },
    { interface: 1, address: 'fd00::2/128', gateway: 'fe80::1' }
  ],
  routes: [
    { dst: '0.0.0.0/0', gw: '169.254.1.1', priority: 5 },
    { dst: '::/0', gw: 'fe80::1' }
  ],
  dns: { nameservers: ['10.1.0.53'] }
}
const PLAIN_INTERFACES = [
  { name: 'nr-0a1b', mac: '0a:00:00:00:00:01' },
  { name: 'eth0', mac: '02:42:0a:01:00:02', sandbox: '/run/netns/c1' }
]
const PLAIN_ROUTES = [
  { dst: '0.0.0.0/0', gw: '169.254.1.1' },
  { dst: '::/0', gw: 'fe80::1' }
]
const OLD = {
  ip4: { ip: '10.1.0.2/32', gateway: '169.254.1.1', routes: [PLAIN_ROUTES[0]] },
  ip6: { ip: 'fd00::2/128', gateway: 'fe80::1', routes: [PLAIN_ROUTES[1]] },
  dns: RESULT.dns
}
const WITH_FAMILY = {
  interfaces: PLAIN_INTERFACES,
  ips: RESULT.ips.map((ip, index) => ({ version: index === 0 ? '4' : '6', ...ip })),
  routes: PLAIN_ROUTES,
  dns: RESULT.dns
}
const FORMATS: Readonly<Record<Version, object>> = {
  '0.1.0': OLD,
  '0.2.0': OLD,
  '0.3.0': WITH_FAMILY,
  '0.3.1': WITH_FAMILY,
  '0.4.0': WITH_FAMILY,
  '1.0.0': { ...WITH_FAMILY, ips: RESULT.ips },
  '1.1.0': RESULT
}

describe('formatResult', () => {
  for (const version of VERSIONS) {
    it(`says in ${version} what that can say`, () => {
      expect(formatResult(RESULT, version)).to.deep.equal({ cniVersion: version, ...FORMATS[version] })
    })
  }

  it('says nothing of a family without address', () => {
    const ips = RESULT.ips.slice(0, 1)
    expect(formatResult({ ...RESULT, ips }, '0.2.0')).to.not.have.property('ip6')
  })
})

describe('parseResult', () => {
  for (const version of VERSIONS) {
    it(`reads back what ${version} can say`, () => {
      const { interfaces, ips, routes, dns } = parseResult(formatResult(RESULT, version), 'prevResult')
      const isOld = version < '0.3.0'
      const isNewest = version === '1.1.0'
      expect(dns).to.deep.equal(RESULT.dns)
      expect(routes).to.deep.equal(isNewest ? RESULT.routes : PLAIN_ROUTES)
      expect(ips).to.deep.equal(isOld ? RESULT.ips.map(({ interface: _index, ...ip }) => ip) : RESULT.ips)
      if (isOld) expect(interfaces).to.deep.equal([])
      else expect(interfaces).to.deep.equal(isNewest ? RESULT.interfaces : PLAIN_INTERFACES)
    })
  }

  it('takes lists that are null for empty ones, as Go writes them', () => {
    const nothing = { interfaces: [], ips: [], routes: [], dns: {} }
    expect(parseResult({ ips: null, interfaces: null, routes: null, dns: null }, 'it')).to.deep.equal(nothing)
    expect(parseResult({ ip4: null }, 'it')).to.deep.equal(nothing)
  })

  for (const [what, value] of Object.entries({
    'no object': 'text',
    'an address that is none': { ips: [{ gateway: '10.0.0.1' }] },
    'an interface without name': { interfaces: [{ mac: '' }] },
    'an index below zero': { ips: [{ address: '10.0.0.1/8', interface: -1 }] }
  })) {
    it(`refuses ${what} and says where`, () => {
      expect(() => parseResult(value, 'the answer of bridge')).to.throw(
        /^the answer of bridge is not a result: /
      )
    })
  }
})

describe('mergeResults', () => {
  it('puts what is new last, and moves its indexes', () => {
    const before: Result = {
      interfaces: [{ name: 'lo' }],
      ips: [{ address: '127.0.0.1/8', interface: 0 }],
      routes: [],
      dns: {}
    }
    const merged = mergeResults(before, RESULT)
    expect(merged.interfaces.map(({ name }) => name)).to.deep.equal(['lo', 'nr-0a1b', 'eth0'])
    expect(merged.ips.map((ip) => ip.interface)).to.deep.equal([0, 2, 2])
    expect(merged.dns).to.deep.equal(RESULT.dns)
  })

  it('keeps the name servers of before where there are no new ones', () => {
    expect(mergeResults(RESULT, { ...RESULT, dns: {} }).dns).to.deep.equal(RESULT.dns)
  })
})
