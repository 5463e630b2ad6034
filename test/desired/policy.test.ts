import { expect } from 'chai'
import { desiredOfPolicy, namesIn } from '../../src/desired/policy.js'
import { isPoliced } from '../../src/model/options/policy.js'
import { hostLinkName } from '../../src/model/endpoint.js'
import type { Endpoint } from '../../src/model/endpoint.js'
import { parseIp, parseMac, parsePrefix } from '../../src/model/ip.js'
import { parseOptions } from '../../src/model/options/options.js'

const ENDPOINT: Endpoint = {
  id: 'e1',
  networkId: 'n1',
  addresses: [parsePrefix('10.1.0.2/32')],
  mac: parseMac('02:42:0a:01:00:02'),
  since: '2026-01-01T00:00:00.000Z'
}

function desired(options: Readonly<Record<string, string>>): readonly object[] {
  const endpoint = { ...ENDPOINT, ...parseOptions(options, 'endpoint') }
  const found = desiredOfPolicy(endpoint, () => [parseIp('192.0.2.7')])
  expect(isPoliced(endpoint)).to.equal(found.length > 0)
  return found
}

function policy(ingress: string, egress: string): object {
  return { kind: 'policy', link: hostLinkName('e1'), ingress, egress }
}

describe('desiredOfPolicy', () => {
  it('is nothing where everything is allowed', () => {
    for (const options of [
      {},
      { 'net-routed.default': 'accept' },
      { 'net-routed.ingress': '', 'net-routed.egress': 'any', 'net-routed.default': 'deny' }
    ])
      expect(desired(options)).to.deep.equal([])
  })

  it('is a list for each direction that has one, in order', () => {
    expect(desired({ 'net-routed.ingress': 'fd00::1, 10.0.0.9, 10.0.0.1-10.0.0.3:tcp/80+81' })).to.deep.equal(
      [policy('10.0.0.1-10.0.0.3 6 80-81, 10.0.0.9-10.0.0.9 any, fd00::1-fd00::1 any', 'any')]
    )
    expect(desired({ 'net-routed.egress': 'none' })).to.deep.equal([policy('any', '')])
    expect(desired({ 'com.medallia.routed.network.ingressAllowed': '1.1.1.1' })).to.deep.equal([
      policy('1.1.1.1-1.1.1.1 any', 'any')
    ])
  })

  it('is what the default says where no list is given', () => {
    expect(desired({ 'net-routed.default': 'deny' })).to.deep.equal([policy('', '')])
    expect(desired({ 'net-routed.default': 'deny-ingress' })).to.deep.equal([policy('', 'any')])
    expect(desired({ 'net-routed.default': 'deny-egress' })).to.deep.equal([policy('any', '')])
    expect(desired({ 'net-routed.default': 'deny', 'net-routed.egress': '10.0.0.1' })).to.deep.equal([
      policy('', '10.0.0.1-10.0.0.1 any')
    ])
  })

  it('has what is known of names', () => {
    expect(desired({ 'net-routed.egress': 'a.example.com:tcp/443' })).to.deep.equal([
      policy('any', '192.0.2.7-192.0.2.7 6 443-443')
    ])
  })

  it('is nothing for a link that another plugin has made', () => {
    const delegate = { type: 'bridge', input: '{}' }
    expect(desiredOfPolicy({ ...ENDPOINT, delegate, ingress: [] }, () => [])).to.deep.equal([])
  })
})

describe('namesIn', () => {
  it('finds the names of a list', () => {
    const options = parseOptions(
      { 'net-routed.egress': '10.0.0.1, a.example.com, b.example.com:icmp' },
      'endpoint'
    )
    expect(namesIn(options)).to.deep.equal(['a.example.com', 'b.example.com'])
    expect(namesIn({ egress: 'any' })).to.deep.equal([])
    expect(namesIn({})).to.deep.equal([])
  })
})
