import { expect } from 'chai'
import { drainedPrefixes } from '../../../src/core/routing/drained.js'
import type { Endpoint } from '../../../src/model/endpoint.js'
import { parseMac, parsePrefix } from '../../../src/model/ip.js'
import { networkOf } from '../../support/routing.js'

const NETWORKS = [networkOf(1, ['10.1.0.0/16', 'fd00::/64']), networkOf(2, ['10.2.0.0/16'])]

describe('drainedPrefixes', () => {
  it('are a subnet, where all of it is drained', () => {
    const endpoints = [joined('10.1.0.1', 'worse'), joined('10.1.0.2', 'worse'), joined('10.2.0.1')]
    expect(drainedPrefixes(endpoints, NETWORKS)).to.deep.equal(['10.1.0.0/16'])
    const withdrawn = [...endpoints, joined('10.1.0.3', 'withdrawn')]
    expect(drainedPrefixes(withdrawn, NETWORKS)).to.deep.equal(['10.1.0.0/16'])
  })

  it('are addresses, where something else in the subnet is not drained', () => {
    const endpoints = [joined('10.1.0.1', 'worse'), joined('10.1.0.2', 'worse'), joined('10.1.0.3')]
    expect(drainedPrefixes(endpoints, NETWORKS)).to.deep.equal(['10.1.0.1/32', '10.1.0.2/32'])
  })

  it('are a single address, and those in no subnet', () => {
    const endpoints = [joined('10.1.0.1', 'worse'), joined('172.16.0.1', 'worse'), joined('fd00::1', 'worse')]
    expect(drainedPrefixes(endpoints, NETWORKS)).to.deep.equal([
      '10.1.0.1/32',
      '172.16.0.1/32',
      'fd00::1/128'
    ])
  })

  it('are still those that are withdrawn', () => {
    const endpoints = [joined('10.1.0.1', 'withdrawn'), joined('10.1.0.2')]
    expect(drainedPrefixes(endpoints, NETWORKS)).to.deep.equal(['10.1.0.1/32'])
  })

  it('are none without a container that is drained', () => {
    const { sandbox: _sandbox, ...alone } = joined('10.1.0.1', 'worse')
    expect(drainedPrefixes([alone, joined('10.1.0.2')], NETWORKS)).to.deep.equal([])
  })
})

function joined(address: string, drain?: Endpoint['drain']): Endpoint {
  return {
    id: address,
    networkId: 'n',
    addresses: [parsePrefix(address.includes(':') ? `${address}/128` : `${address}/32`)],
    mac: parseMac('02:42:0a:01:00:01'),
    sandbox: { path: `/run/netns/${address}`, runtime: 'docker' },
    ...(drain ? { drain } : {}),
    since: '2026-01-01T00:00:00.000Z'
  }
}
