import { expect } from 'chai'
import { ConflictError, ExhaustedError, InvalidError, NotFoundError } from '../../src/errors.js'
import { checkRange } from '../../src/ipam/subnets.js'
import type { DefaultPool } from '../../src/ipam/subnets.js'
import { parseIp, parsePrefix } from '../../src/model/ip.js'
import { withRig } from '../support/daemon.js'
import type { Call, Rig } from '../support/daemon.js'
import { LOCAL_SPACE, dockerId } from '../support/docker.js'
import { errorOf } from '../support/expect-error.js'
import { textAt } from '../support/json.js'

const POOL = 'local/10.1.0.0/29'
const NET = dockerId(1)
const MINUTE_MS = 60_000

async function requestPool(call: Call, Pool: string, more: object = {}): Promise<string> {
  const answer = await call('IpamDriver.RequestPool', {
    AddressSpace: LOCAL_SPACE,
    Pool,
    SubPool: '',
    Options: {},
    V6: Pool.includes(':'),
    ...more
  })
  return textAt(answer, 'Pool')
}

async function requestAddress(
  call: Call,
  Address = '',
  PoolID = POOL,
  Options: object | null = null
): Promise<string> {
  return textAt(await call('IpamDriver.RequestAddress', { PoolID, Address, Options }), 'Address')
}

function releaseAddress(call: Call, Address: string, PoolID = POOL): Promise<unknown> {
  return call('IpamDriver.ReleaseAddress', { PoolID, Address })
}

const GATEWAY = { RequestAddressType: 'com.docker.network.gateway' }

function withNetwork(test: (rig: Rig) => Promise<void>): () => Promise<void> {
  return () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/29' })
      await test(rig)
    })
}

function withPools(
  defaultAddressPool: readonly DefaultPool[],
  test: (rig: Rig) => Promise<void>
): () => Promise<void> {
  return () => withRig({ config: { defaultAddressPool } }, test)
}

describe('Ipam.requestPool', () => {
  it(
    'gives the subnet that was asked for, under an id that is stable',
    withPools([], async ({ call }) => {
      const answer = await call('IpamDriver.RequestPool', { AddressSpace: LOCAL_SPACE, Pool: '10.1.0.0/16' })
      expect(answer).to.deep.equal({ PoolID: 'local/10.1.0.0/16', Pool: '10.1.0.0/16', Data: {} })
    })
  )

  it(
    'refuses a subnet that overlaps with a network, and names it',
    withNetwork(async ({ call }) => {
      const error = await errorOf(requestPool(call, '10.1.0.0/24'))
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message)
        .to.contain('subnet 10.1.0.0/24 overlaps with 10.1.0.0/29 of network')
        .and.contain(NET)
        .and.contain('net-routed forget')
    })
  )

  it(
    'refuses a subnet that overlaps with one whose network is being created',
    withPools([], async ({ call }) => {
      await requestPool(call, '10.1.0.0/16')
      const error = await errorOf(requestPool(call, '10.1.2.0/24'))
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message).to.contain('overlaps with 10.1.0.0/16').and.contain('give another --subnet')
    })
  )

  it(
    'keeps the two address spaces apart',
    withPools([], async ({ call }) => {
      await requestPool(call, '10.1.0.0/16')
      expect(await requestPool(call, '10.1.0.0/16', { AddressSpace: 'net-routed-global' })).to.equal(
        '10.1.0.0/16'
      )
    })
  )

  it(
    'takes over a pool whose creation failed long ago',
    withPools([], async ({ call, clock }) => {
      await requestPool(call, '10.1.0.0/16')
      clock.advance(2 * MINUTE_MS)
      expect(await requestPool(call, '10.1.0.0/24')).to.equal('10.1.0.0/24')
    })
  )

  it(
    'does not take over the old pool of a network of another driver',
    withPools([], async ({ call, clock }) => {
      await requestPool(call, '10.1.0.0/16')
      await requestAddress(call, '', 'local/10.1.0.0/16', GATEWAY)
      clock.advance(2 * MINUTE_MS)
      expect(await errorOf(requestPool(call, '10.1.0.0/24'))).to.be.instanceOf(ConflictError)
    })
  )

  it(
    'says how to configure a list where there is none',
    withPools([], async ({ call }) => {
      const error = await errorOf(requestPool(call, ''))
      expect(error).to.be.instanceOf(InvalidError)
      expect(error.message)
        .to.contain('no default address pool for IPv4')
        .and.contain('--subnet')
        .and.contain('--default-address-pool base=10.46.0.0/16,size=24')
    })
  )

  it(
    'says how to extend a list that is used up',
    withPools([{ base: parsePrefix('10.46.0.0/24'), size: 25 }], async ({ call }) => {
      expect(await requestPool(call, '')).to.equal('10.46.0.0/25')
      expect(await requestPool(call, '')).to.equal('10.46.0.128/25')
      const error = await errorOf(requestPool(call, ''))
      expect(error).to.be.instanceOf(ExhaustedError)
      expect(error.message).to.contain('10.46.0.0/24 (size 25)').and.contain('--default-address-pool')
    })
  )

  it(
    'never offers a subnet twice while it is leased',
    withPools([{ base: parsePrefix('10.46.0.0/16'), size: 24 }], async ({ call }) => {
      const offers = [await requestPool(call, ''), await requestPool(call, ''), await requestPool(call, '')]
      expect(new Set(offers).size).to.equal(3)
    })
  )

  it(
    'chooses by family',
    withPools(
      [
        { base: parsePrefix('10.46.0.0/16'), size: 24 },
        { base: parsePrefix('fd00:46::/48'), size: 64 }
      ],
      async ({ call }) => {
        expect(await requestPool(call, '', { V6: true })).to.equal('fd00:46::/64')
        expect(await requestPool(call, '')).to.equal('10.46.0.0/24')
      }
    )
  )

  it(
    'chooses at once from a list with a million subnets',
    withPools([{ base: parsePrefix('fd00::/44'), size: 64 }], async ({ call }) => {
      expect(await requestPool(call, '', { V6: true })).to.equal('fd00::/64')
    })
  ).timeout(1_500)

  it(
    'refuses a range without a subnet, and one outside of it',
    withPools([], async ({ call }) => {
      const without = await errorOf(requestPool(call, '', { SubPool: '10.1.0.0/24' }))
      expect(without.message).to.contain('ip-range 10.1.0.0/24').and.contain('--subnet')
      const outside = await errorOf(requestPool(call, '10.2.0.0/16', { SubPool: '10.1.0.0/24' }))
      expect(outside.message).to.equal('ip-range 10.1.0.0/24 does not lie in the subnet 10.2.0.0/16')
    })
  )

  it(
    'refuses an unknown address space',
    withPools([], async ({ call }) => {
      const error = await errorOf(requestPool(call, '10.1.0.0/16', { AddressSpace: 'LocalDefault' }))
      expect(error).to.be.instanceOf(InvalidError)
      expect(error.message).to.contain('"LocalDefault" is not known')
    })
  )
})

describe('Ipam.requestAddress', () => {
  it(
    'hands out addresses that were never used, then the one released longest ago',
    withNetwork(async ({ call }) => {
      const all: string[] = []
      for (let index = 0; index < 6; index++) all.push(await requestAddress(call))
      expect(all).to.deep.equal(['1', '2', '3', '4', '5', '6'].map((host) => `10.1.0.${host}/32`))
      await releaseAddress(call, '10.1.0.4')
      await releaseAddress(call, '10.1.0.2')
      expect(await requestAddress(call)).to.equal('10.1.0.4/32')
      expect(await requestAddress(call)).to.equal('10.1.0.2/32')
    })
  )

  it(
    'does not use a released address as long as there is one that was never used',
    withNetwork(async ({ call }) => {
      expect(await requestAddress(call)).to.equal('10.1.0.1/32')
      await releaseAddress(call, '10.1.0.1')
      expect(await requestAddress(call)).to.equal('10.1.0.2/32')
    })
  )

  it(
    'remembers over a restart which addresses were used',
    withNetwork(async (rig) => {
      await requestAddress(rig.call)
      await releaseAddress(rig.call, '10.1.0.1')
      const { call } = await rig.restart()
      expect(await requestAddress(call)).to.equal('10.1.0.2/32')
    })
  )

  it(
    'says when no address is left',
    withNetwork(async ({ call }) => {
      for (let index = 0; index < 6; index++) await requestAddress(call)
      const error = await errorOf(requestAddress(call))
      expect(error).to.be.instanceOf(ExhaustedError)
      expect(error.message).to.contain('no address is left in 10.1.0.0/29: all 6 are in use')
    })
  )

  const refused: readonly (readonly [what: string, address: string, text: string])[] = [
    ['outside of the subnet', '10.2.0.1', 'address 10.2.0.1 is outside of the subnet 10.1.0.0/29'],
    ['of the other family', 'fd00::1', 'address fd00::1 is outside of the subnet 10.1.0.0/29'],
    ['that is the network address', '10.1.0.0', 'address 10.1.0.0 is the network address of 10.1.0.0/29'],
    ['that is the broadcast address', '10.1.0.7', 'address 10.1.0.7 is the broadcast address of 10.1.0.0/29'],
    [
      'that is no address',
      '10.1.0.300',
      'Address: "10.1.0.300" is not an IP address such as 10.1.0.2 or fd00::2'
    ]
  ]
  for (const [what, address, text] of refused) {
    it(
      `refuses an address ${what}`,
      withNetwork(async ({ call }) => {
        const error = await errorOf(requestAddress(call, address))
        expect(error).to.be.instanceOf(InvalidError)
        expect(error.message).to.equal(text)
      })
    )
  }

  it(
    'refuses an address in use',
    withNetwork(async ({ call }) => {
      await requestAddress(call, '10.1.0.3')
      const error = await errorOf(requestAddress(call, '10.1.0.3'))
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message).to.equal('address 10.1.0.3 of subnet 10.1.0.0/29 is in use by a container')
    })
  )

  it('refuses the gateway that was given', () =>
    withRig({}, async ({ docker, call }) => {
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/29', gateway: '10.1.0.6' })
      const error = await errorOf(requestAddress(call, '10.1.0.6'))
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message).to.equal('address 10.1.0.6 of subnet 10.1.0.0/29 is the gateway')
    }))

  it('refuses an auxiliary address', () =>
    withRig({}, async ({ docker, call }) => {
      await requestPool(call, '10.1.0.0/29')
      await requestAddress(call, '10.1.0.5')
      await call('NetworkDriver.CreateNetwork', {
        NetworkID: NET,
        IPv4Data: [{ AddressSpace: LOCAL_SPACE, Pool: '10.1.0.0/29' }]
      })
      const error = await errorOf(requestAddress(docker.call, '10.1.0.5'))
      expect(error.message).to.contain('10.1.0.5').and.contain('--aux-address')
    }))

  it(
    'refuses an unknown pool',
    withNetwork(async ({ call }) => {
      expect(await errorOf(requestAddress(call, '', 'local/10.9.0.0/24'))).to.be.instanceOf(NotFoundError)
    })
  )

  it('takes automatic addresses out of the range and explicit ones from anywhere in the subnet', () =>
    withRig({}, async ({ docker, call }) => {
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', range: '10.1.0.128/30' })
      const pool = 'local/10.1.0.0/24'
      expect(await requestAddress(call, '', pool)).to.equal('10.1.0.128/32')
      expect(await requestAddress(call, '10.1.0.9', pool)).to.equal('10.1.0.9/32')
      for (let index = 0; index < 3; index++) await requestAddress(call, '', pool)
      expect((await errorOf(requestAddress(call, '', pool))).message).to.contain(
        '10.1.0.128/30: all 4 are in use'
      )
    }))

  it(
    'never gives one address to two requests at once',
    withNetwork(async ({ call }) => {
      const all = await Promise.all(Array.from({ length: 6 }, () => requestAddress(call)))
      expect(new Set(all).size).to.equal(6)
    })
  )

  it(
    'leaves nothing behind where the pool is released at the same time',
    withNetwork(async ({ call, daemon }) => {
      await Promise.allSettled([call('IpamDriver.ReleasePool', { PoolID: POOL }), requestAddress(call)])
      expect(daemon.records.all('pool')).to.deep.equal([])
      expect(daemon.records.all('lease')).to.deep.equal([])
    })
  )

  it('answers with the length of the subnet for networks of other drivers', () =>
    withRig({}, async ({ call }) => {
      await requestPool(call, '10.1.0.0/29')
      expect(await requestAddress(call, '', POOL, GATEWAY)).to.equal('10.1.0.1/29')
      expect(await requestAddress(call)).to.equal('10.1.0.2/29')
    }))

  it('keeps the address of a lease that cannot be read', () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/29' })
      rig.store.documents.set('lease local/10.1.0.1', { version: 99 })
      const { call } = await rig.restart()
      expect(await requestAddress(call)).to.equal('10.1.0.2/32')
      expect(await errorOf(requestAddress(call, '10.1.0.1'))).to.be.instanceOf(ConflictError)
    }))
})

describe('Ipam.releaseAddress', () => {
  it(
    'succeeds for unknown pools and addresses, and twice',
    withNetwork(async ({ call }) => {
      await releaseAddress(call, '10.1.0.3')
      await releaseAddress(call, '10.1.0.3', 'local/10.9.0.0/24')
      await releaseAddress(call, '10.1.0.3', '')
      await requestAddress(call, '10.1.0.3')
      await releaseAddress(call, '10.1.0.3')
      await releaseAddress(call, '10.1.0.3')
      expect(await requestAddress(call, '10.1.0.3')).to.equal('10.1.0.3/32')
    })
  )
})

describe('Ipam.releasePool', () => {
  it(
    'frees everything in the pool, and succeeds twice',
    withNetwork(async ({ call, daemon }) => {
      await requestAddress(call)
      await call('IpamDriver.ReleasePool', { PoolID: POOL })
      await call('IpamDriver.ReleasePool', { PoolID: POOL })
      expect(daemon.records.count('lease')).to.equal(0)
      expect(daemon.records.count('pool')).to.equal(0)
    })
  )
})

describe('Ipam.reserveGateway', () => {
  it('keeps the gateway of all networks from containers of the subnet that it lies in, whatever else is removed', () =>
    withRig({ config: { gateway: parseIp('10.1.0.1') } }, async ({ docker, call }) => {
      await docker.createNetwork({ id: dockerId(2), subnet: '10.2.0.0/24' })
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/29' })
      await docker.removeNetwork(dockerId(2))
      expect(await errorOf(requestAddress(call, '10.1.0.1'))).to.be.instanceOf(ConflictError)
      expect(await requestAddress(call)).to.equal('10.1.0.2/32')
    }))
})

describe('Ipam.dropAutomaticGateway', () => {
  it('gives the address to a container that Docker had chosen as the gateway of a network of ours', () =>
    withRig({}, async ({ docker, call }) => {
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/29', gateway: '' })
      expect(await requestAddress(call)).to.equal('10.1.0.1/32')
    }))
})

describe('checkRange', () => {
  it('accepts a range in the subnet', () => {
    checkRange(parsePrefix('10.1.0.128/25'), parsePrefix('10.1.0.0/24'))
  })

  it('refuses one that is larger than the subnet, or of the other family', () => {
    const check = (range: string) => () => {
      checkRange(parsePrefix(range), parsePrefix('10.1.0.0/24'))
    }
    expect(check('10.1.0.0/16')).to.throw(InvalidError, 'does not lie in the subnet')
    expect(check('fd00::/64')).to.throw(InvalidError, 'does not lie in the subnet')
  })
})
