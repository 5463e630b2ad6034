import { expect } from 'chai'
import { parseRouting } from '../../../src/config-routing.js'
import { withRig } from '../../support/daemon.js'
import type { Rig } from '../../support/daemon.js'
import { dockerId } from '../../support/docker.js'
import { errorOf } from '../../support/expect-error.js'
import { eventually } from '../../support/eventually.js'
import { OpenNetwork, SELF } from '../../support/open-network.js'

const NET = dockerId(1)
const [ONE, TWO] = [dockerId(11), dockerId(12)]
const POOL = '10.1.0.0/24'
const OTHER = '192.0.2.2'
const PATIENCE_MS = 10_000

type Test = (rig: Rig, network: OpenNetwork) => Promise<void>

/** With blocks of 64 addresses. Without a network yet. */
function withBlocks(test: Test, section: object = { blocks: { size: 26 } }): () => Promise<void> {
  const network = new OpenNetwork()
  return () =>
    withRig({ config: { routing: parseRouting(section, 'routing') }, vty: () => network.open }, (rig) =>
      test(rig, network)
    )
}

function blocksOf({ daemon }: Rig): { prefix: string; state: string }[] {
  return daemon.records.all('block').map(({ prefix, state }) => ({ prefix, state }))
}

function announcementsOf({ host }: Rig): string[] {
  return [...host.objects.values()]
    .flatMap((object) => (object.kind === 'announcement' ? [object.dst] : []))
    .sort()
}

/** Makes the network, and lets the first claim become known. Returns the block. */
async function firstBlock(rig: Rig, network: OpenNetwork): Promise<string> {
  await rig.docker.createNetwork({ id: NET, subnet: POOL })
  await eventually('a block is claimed', () => announcementsOf(rig).length === 1)
  const [block] = blocksOf(rig)
  expect(block?.state).to.equal('claimed')
  const prefix = block?.prefix ?? ''
  network.announce(prefix, { router: SELF, age: 1 })
  await eventually('the block is ours', () => blocksOf(rig)[0]?.state === 'own')
  return prefix
}

describe('Blocks', () => {
  it(
    'are claimed when the network is made, and announced in place of their addresses',
    withBlocks(async (rig, network) => {
      const block = await firstBlock(rig, network)
      expect(block).to.match(/^10\.1\.0\.\d+\/26$/)
      await rig.docker.run({ id: ONE, network: NET })
      const [address] = rig.daemon.records.get('endpoint', ONE)?.addresses ?? []
      expect(address?.split('.')[3]).to.equal(`${String(Number(block.split('.')[3]?.split('/')[0]) + 1)}/32`)
      expect(announcementsOf(rig)).to.deep.equal([block])
      expect([...rig.host.objects.keys()]).to.include(`route ${address ?? ''} 0 local`)
      await rig.docker.stop(ONE)
      expect(announcementsOf(rig), 'nothing is held').to.deep.equal([block])
      const restarted = await rig.restart()
      expect(announcementsOf(restarted)).to.deep.equal([block])
    })
  )

  it(
    'are not for addresses outside of them',
    withBlocks(async (rig, network) => {
      const block = await firstBlock(rig, network)
      const outside = block === '10.1.0.0/26' ? '10.1.0.77' : '10.1.0.7'
      await rig.docker.run({ id: ONE, network: NET, ip: outside })
      expect(announcementsOf(rig)).to.include(`${outside}/32`)
    })
  )

  it(
    'are given up to an older one; addresses in use are announced by themselves, new ones come out of another',
    withBlocks(async (rig, network) => {
      const block = await firstBlock(rig, network)
      await rig.docker.run({ id: ONE, network: NET })
      const [address = ''] = rig.daemon.records.get('endpoint', ONE)?.addresses ?? []
      network.announce(block, { router: SELF, age: 1 }, { router: OTHER, age: 500 })
      await eventually('another one is claimed', () => blocksOf(rig).some(({ prefix }) => prefix !== block))
      const [second] = blocksOf(rig)
      expect(blocksOf(rig)).to.have.length(1)
      expect(announcementsOf(rig)).to.deep.equal([address, second?.prefix ?? ''].sort())
    })
  )

  it(
    'are not used for an address that another host announces, which is announced here as well then',
    withBlocks(async (rig, network) => {
      const block = await firstBlock(rig, network)
      await rig.docker.run({ id: ONE, network: NET })
      const [address = ''] = rig.daemon.records.get('endpoint', ONE)?.addresses ?? []
      network.announce(address, { router: OTHER, age: 1 })
      await eventually('it is announced', () => announcementsOf(rig).length === 2)
      expect(announcementsOf(rig)).to.deep.equal([block, address].sort())
    })
  )

  it(
    'of other hosts give nothing to a container that names an address',
    withBlocks(async (rig, network) => {
      const block = await firstBlock(rig, network)
      const foreign = block === '10.1.0.64/26' ? '10.1.0.128/26' : '10.1.0.64/26'
      const ip = foreign.replace(/\.(\d+)\/26/, (_, last: string) => `.${String(Number(last) + 5)}`)
      network.announce(foreign, { router: OTHER, age: 1 })
      await eventually('it is known', async () => {
        const error = await errorOf(rig.docker.run({ id: TWO, network: NET, ip })).catch(() => undefined)
        await rig.docker.stop(TWO).catch(() => undefined)
        return error?.message.includes(`${ip} is in ${foreign}, a block out of which ${OTHER} gives`) === true
      })
    })
  )

  it(
    'that are all taken are said to be, until one is given up',
    withBlocks(async (rig, network) => {
      for (const last of [0, 64, 128, 192])
        network.announce(`10.1.0.${String(last)}/26`, { router: OTHER, age: 5 })
      await rig.docker.createNetwork({ id: NET, subnet: POOL })
      const error = await errorOf(rig.docker.run({ id: ONE, network: NET }))
      expect(error.message).to.contain(`no block of ${POOL} is left for this host`)
      await rig.docker.stop(ONE)
      network.withdraw('10.1.0.64/26')
      const running = rig.docker.run({ id: ONE, network: NET })
      await eventually('it is claimed', () => announcementsOf(rig).includes('10.1.0.64/26'))
      network.announce('10.1.0.64/26', { router: SELF, age: 1 })
      await running
    })
  )

  it(
    'are not kept apart from what a router sums up',
    withBlocks(async (rig, network) => {
      network.announce(POOL, { router: OTHER, age: 5 })
      network.announce('10.0.0.0/8', { router: OTHER, age: 5 })
      expect(await firstBlock(rig, network)).to.match(/\/26$/)
    })
  )

  it(
    'go with their network, and are not made of pools that are no larger',
    withBlocks(async (rig, network) => {
      await firstBlock(rig, network)
      await rig.docker.removeNetwork(NET)
      await eventually('it is gone', () => blocksOf(rig).length === 0, PATIENCE_MS)
      expect(announcementsOf(rig)).to.deep.equal([])
      await rig.docker.createNetwork({ id: NET, subnet: '10.9.0.0/26' })
      await rig.docker.run({ id: ONE, network: NET })
      expect(announcementsOf(rig)).to.deep.equal(['10.9.0.1/32'])
    })
  )
})
