import { expect } from 'chai'
import { desiredOfRates } from '../../src/desired/rates.js'
import { desiredOfEndpoint } from '../../src/desired/routed.js'
import type { Shaper } from '../../src/host/objects.js'
import { hostLinkName } from '../../src/model/endpoint.js'
import type { Endpoint } from '../../src/model/endpoint.js'
import { parseMac, parsePrefix } from '../../src/model/ip.js'

const OF = hostLinkName('e1')
const ENDPOINT: Endpoint = {
  id: 'e1',
  networkId: 'n1',
  addresses: [parsePrefix('10.1.0.2/32')],
  mac: parseMac('02:42:0a:01:00:02'),
  sandbox: { path: '/proc/1/ns/net', runtime: 'docker' },
  since: '2026-01-01T00:00:00.000Z'
}

function shaperOf(options: Partial<Endpoint>): Shaper {
  const [found] = desiredOfRates({ ...ENDPOINT, ...options })
  if (found?.kind !== 'shaper') throw new Error('no shaper')
  return found
}

describe('desiredOfRates', () => {
  it('is nothing where nothing was said', () => {
    expect(desiredOfRates(ENDPOINT)).to.deep.equal([])
  })

  it('is a bucket for each direction, and a mark', () => {
    const found = desiredOfRates({ ...ENDPOINT, rateIn: 11_584_000, rateOut: 11_584_000, dscp: 0 })
    const bucket = { kind: 'shaper', link: OF, rate: 1_514_000, limit: 92_084, settled: true, of: OF }
    // 16 KiB at 1514 bytes in a millisecond.
    const burst = Math.ceil((16_384 * 1e9) / 1_514_000 / 64)
    expect(found).to.deep.equal([
      { ...bucket, direction: 'in', burst },
      { ...bucket, direction: 'out', burst },
      { kind: 'mark', link: OF, dscp: 0, settled: true, of: OF }
    ])
    expect(desiredOfEndpoint({ ...ENDPOINT, dscp: 8 }).map(({ kind }) => kind)).to.include('mark')
    const { sandbox: _sandbox, ...waiting } = ENDPOINT
    expect(desiredOfEndpoint({ ...waiting, dscp: 8 }).map(({ kind }) => kind)).to.deep.equal(['link'])
  })

  it('is of what TCP carries in frames of the size that the link has', () => {
    expect(shaperOf({ rateIn: 8_948 * 8, mtu: 9_000 }).rate).to.equal(9_014)
    expect(shaperOf({ rateIn: 34_000_000_000 }).rate).to.equal(4_294_967_295)
  })

  it('lets at least one packet pass, whatever the burst', () => {
    const { rate, burst } = shaperOf({ rateIn: 8_000_000, burstIn: 1_600, mtu: 9_000 })
    const bytes = Math.floor((burst * 64 * rate) / 1e9)
    expect(shaperOf({ rateIn: 8_000, mtu: 68 }).rate).to.be.below(1_200)
    expect(bytes).to.be.within(9_014, 9_015)
    expect(shaperOf({ rateIn: 8_000, burstIn: 1 << 30 }).burst).to.equal(0xffff_ffff)
  })
})
