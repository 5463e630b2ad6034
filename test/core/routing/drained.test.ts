import { expect } from 'chai'
import { drainedPrefixes } from '../../../src/core/routing/drained.js'
import type { Endpoint } from '../../../src/model/endpoint.js'
import fc from 'fast-check'
import { addressOf, contains, parseMac, parsePrefix } from '../../../src/model/ip.js'
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

  it('are as few as can be, and never stand for what is not drained', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 255 })), fc.integer(), (numbers, chosen) => {
        const isDrained = (number: number): boolean => ((number * 2654435761 + chosen) & 3) !== 0
        const endpoints = numbers.map((number) =>
          joined(`10.1.0.${String(number)}`, isDrained(number) ? 'worse' : undefined)
        )
        const found = drainedPrefixes(endpoints, NETWORKS)
        for (const { addresses, drain } of endpoints) {
          const address = addressOf(addresses[0] ?? parsePrefix('0.0.0.0/0'))
          const standing = found.filter((prefix) => contains(prefix, address))
          expect(standing).to.have.length(drain ? 1 : 0)
        }
        const others = numbers.filter((number) => !isDrained(number)).length
        expect(found.length).to.be.at.most((others + 1) * 16)
      })
    )
  })

  it('are a few lines where thousands are drained and others are not', () => {
    const thousands = Array.from({ length: 5000 }, (_, at) =>
      joined(`10.1.${String(at >> 8)}.${String(at & 255)}`, 'withdrawn')
    )
    const found = drainedPrefixes([...thousands, joined('10.1.200.7')], NETWORKS)
    expect(found).to.deep.equal(['10.1.0.0/17'])
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
