import { expect } from 'chai'
import { verify } from '../../../src/core/routing/verify.js'
import type { Verification } from '../../../src/core/routing/verify.js'
import { withRig } from '../../support/daemon.js'
import type { Rig } from '../../support/daemon.js'
import { dockerId } from '../../support/docker.js'
import { FakeVty } from '../../support/fake-vty.js'

const NET = dockerId(1)
const ONE = dockerId(2)

/** What zebra and ospfd say. */
interface Said {
  readonly zebra: readonly string[]
  readonly ospf: readonly string[]
}

function withContainer(
  said: Said,
  test: (rig: Rig, found: Verification) => Promise<void> | void
): Promise<void> {
  const fake = new FakeVty('zebra', 'ospfd')
  fake.shows.set(
    'show ip route kernel',
    said.zebra.map((dst) => `K>* ${dst} [0/0] is directly connected, nr-1, 00:01\n`).join('')
  )
  const lsas = said.ospf.map((route) => ({ route, advertisedRouter: '192.0.2.1' }))
  fake.shows.set(
    'show ip ospf database json',
    JSON.stringify({ routerId: '192.0.2.1', asExternalLinkStates: lsas })
  )
  return withRig({}, async (rig) => {
    await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/16' })
    await rig.docker.run({ id: ONE, network: NET, ip: '10.1.0.1' })
    const { records, reconciler } = rig.daemon
    const settle = (): Promise<void> => Promise.resolve()
    const parts = {
      records,
      reconciler,
      host: rig.host,
      open: fake.open,
      duplicates: () => [],
      faults: () => [{ key: 'routing bgpd', error: 'bgpd does not run' }],
      renew: () => Promise.resolve(),
      giveAgain: () => Promise.resolve(),
      asked: {},
      noteHidden: () => undefined,
      needed: ['zebra', 'ospfd', 'bgpd'],
      settle
    }
    await test(rig, await verify(parts))
  })
}

describe('verify', () => {
  it('finds nothing where all have the same', () =>
    withContainer({ zebra: ['10.1.0.1/32'], ospf: ['10.1.0.1/32'] }, (_rig, found) => {
      const [address] = found.addresses
      expect(address).to.deep.include({
        address: '10.1.0.1',
        kernel: true,
        zebra: true,
        announced: { ospfd: true }
      })
      expect([found.stale, found.repaired]).to.deep.equal([[], 0])
      expect([Object.keys(found.absent), found.faults, found.lonely]).to.deep.equal([['bgpd'], [], ['ospfd']])
    }))

  it('tells zebra again of what it has missed, and of ends', () =>
    withContainer({ zebra: ['10.1.0.9/32'], ospf: ['10.1.0.9/32'] }, ({ host, daemon }, found) => {
      expect(found.addresses[0]).to.deep.include({ kernel: true, zebra: false, announced: { ospfd: false } })
      expect(found.stale).to.deep.equal([{ address: '10.1.0.9', where: 'zebra' }])
      expect(found.repaired).to.equal(2)
      const routes = [...host.objects.values()].filter(({ kind }) => kind === 'route')
      expect(routes.map((route) => ('dst' in route ? route.dst : ''))).to.deep.equal(['10.1.0.1/32'])
      expect(daemon.reconciler.faults.size).to.equal(0)
    }))

  it('shows an announcement that has no route, of our subnets only', () =>
    withContainer(
      { zebra: ['10.1.0.1/32'], ospf: ['10.1.0.1/32', '10.1.0.9/32', '198.51.100.1/32'] },
      (_rig, found) => {
        expect(found.stale).to.deep.equal([{ address: '10.1.0.9', where: 'ospfd' }])
        expect(found.repaired).to.equal(0)
      }
    ))
})
