import { expect } from 'chai'
import {
  foreignRoutes,
  hiddenBy,
  isKeptIn,
  staleAddresses,
  staleIn
} from '../../../src/core/routing/strays.js'
import type { Sight } from '../../../src/core/routing/strays.js'
import { kernelPaths } from '../../../src/host/router-tables.js'
import { parsePrefix } from '../../../src/model/ip.js'

/** A container has 10.1.0.1 and 10.1.0.2; others have made the rest. */
const ZEBRA = `
K>* 10.1.0.1/32 [0/0] via 192.0.2.2, eth0, 00:00:02
K   10.1.0.1/32 [0/4096] unreachable (blackhole), 00:00:09
K>* 10.1.0.2/32 [0/4096] unreachable (blackhole), 00:00:09
K   10.1.0.2/32 [0/5000] is directly connected, eth0, 00:00:02
K>* 10.1.0.3/32 [0/4096] unreachable (blackhole), 00:00:09
K>* 10.1.0.7/32 [0/0] is directly connected, eth0, 00:00:02
K>* 10.1.0.8/32 [0/0] unreachable (blackhole), 00:00:02
K   10.1.0.9/32 [0/0] is directly connected, eth1 inactive, 00:00:02
K>* 10.1.0.10/32 [0/0] is directly connected, eth0, 00:00:02
K>* 10.2.0.1/32 [0/0] is directly connected, eth0, 00:00:02
K>* 10.1.0.0/24 [0/0] is directly connected, eth0, 00:00:02
K>* 10.1.1.0/24 [0/0] is directly connected, eth0, 00:00:02
K>* 10.1.0.0/16 [0/0] is directly connected, eth0, 00:00:02
`
const WANTED = { routes: [], destinations: new Set(['10.1.0.1/32', '10.1.0.2/32']) }
const SIGHT: Sight = {
  paths: kernelPaths(ZEBRA),
  protocols: [
    {
      name: 'ospfd',
      announced: new Set(
        [1, 2, 3, 7, 8, 9, 11]
          .map((last) => `10.1.0.${String(last)}/32`)
          .concat('10.2.0.1/32', '10.1.1.0/24', '10.1.0.0/16')
      )
    }
  ],
  subnets: [parsePrefix('10.1.0.0/16')]
}

describe('foreignRoutes', () => {
  it('are those that zebra takes in place of a container’s, that others are told of, or to one address', () => {
    expect(foreignRoutes(WANTED, SIGHT)).to.deep.equal([
      { address: '10.1.0.1', link: 'eth0', metric: 0, hides: true, announced: ['ospfd'] },
      { address: '10.1.0.7', link: 'eth0', metric: 0, hides: false, announced: ['ospfd'] },
      { address: '10.1.0.8', metric: 0, hides: false, announced: ['ospfd'] },
      { address: '10.1.0.10', link: 'eth0', metric: 0, hides: false, announced: [] },
      { address: '10.1.1.0/24', link: 'eth0', metric: 0, hides: false, announced: ['ospfd'] }
    ])
  })
  it('are kept in, or stand before what is ours', () => {
    const foreign = foreignRoutes(WANTED, SIGHT)
    expect(foreign.filter(isKeptIn).map(({ address }) => address)).to.deep.equal(['10.1.0.10'])
    expect(hiddenBy(foreign)).to.deep.equal(['10.1.0.1/32'])
  })
})

describe('staleAddresses', () => {
  it('are ours without a container, and what is announced without any route', () => {
    expect(staleAddresses(WANTED, staleIn(SIGHT.paths, WANTED), SIGHT)).to.deep.equal([
      { address: '10.1.0.3', where: 'zebra' },
      { address: '10.1.0.11', where: 'ospfd' }
    ])
  })
})
