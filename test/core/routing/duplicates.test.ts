import { expect } from 'chai'
import { parseRouting } from '../../../src/config-routing.js'
import { withRig } from '../../support/daemon.js'
import type { Rig } from '../../support/daemon.js'
import { dockerId } from '../../support/docker.js'
import { eventually } from '../../support/eventually.js'
import { errorOf } from '../../support/expect-error.js'
import { releaseAddress, requestAddress } from '../../support/ipam.js'
import { at, listAt } from '../../support/json.js'
import { OpenNetwork, SELF } from '../../support/open-network.js'

const NET = dockerId(1)
const ONE = dockerId(11)
const ADDRESS = '10.1.0.7'
const DST = `${ADDRESS}/32`
const POOL = 'local/10.1.0.0/24'
const OTHER = '192.0.2.2'
const OLD = { router: OTHER, age: 900 }
const ANNOUNCEMENT = `announcement ${DST}`
const WORST = 16_777_214

function withNetwork(
  mode: string | undefined,
  test: (rig: Rig, network: OpenNetwork) => Promise<void>,
  options: object = {}
): () => Promise<void> {
  const network = new OpenNetwork()
  const routing = parseRouting(mode === undefined ? {} : { duplicates: mode }, 'routing')
  return () =>
    withRig({ config: { routing }, vty: () => network.open }, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', ...options })
      await test(rig, network)
    })
}

const PATIENCE_MS = 10_000

/** Long enough to be taken for gone, if one look is all that is asked for. */
function glimpse(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 300))
}

async function duplicatesIn({ daemon }: Rig): Promise<readonly unknown[]> {
  const page = await daemon.pages['/status']?.()
  return listAt(JSON.parse(page?.text ?? '{}'), 'duplicates')
}

async function stateIn({ daemon }: Rig): Promise<unknown> {
  const page = await daemon.pages['/status']?.()
  return at(listAt(JSON.parse(page?.text ?? '{}'), 'endpoints')[0], 'state')
}

/** Announced a moment later, because others have it. */
function isLetIn({ daemon }: Rig): boolean {
  return daemon.records.get('endpoint', ONE)?.sandbox !== undefined
}

function isAnnounced({ host }: Rig): boolean {
  return host.objects.has(ANNOUNCEMENT)
}

/** Another host announces all addresses of the pool but the last; waits until only that one is given out. */
async function takeAllButLast(rig: Rig, network: OpenNetwork): Promise<void> {
  for (let last = 1; last < 254; last++)
    network.announce(`10.1.0.${String(last)}/32`, { ...OLD, isLost: true })
  await eventually('others are known', async () => {
    const address = await requestAddress(rig.call, '', POOL)
    await releaseAddress(rig.call, address.slice(0, -3), POOL)
    return address === '10.1.0.254/32'
  })
}

describe('an address that another host announces', () => {
  it(
    'is not let in, and leaves nothing behind',
    withNetwork(undefined, async (rig, network) => {
      network.announce(DST, OLD)
      const error = await errorOf(rig.docker.run({ id: ONE, network: NET, ip: ADDRESS }))
      expect(error.message).to.contain(`address ${ADDRESS} is on another host already: ${OTHER}`)
      expect(isAnnounced(rig)).to.equal(false)
      expect(rig.daemon.records.count('endpoint')).to.equal(0)
    })
  ).timeout(20_000)

  it(
    'is not let in while no path leads there for a moment, before the trial and in it',
    withNetwork('refuse', async (rig, network) => {
      await takeAllButLast(rig, network)
      const running = errorOf(rig.docker.run({ id: ONE, network: NET, ip: ADDRESS }))
      await glimpse()
      expect(isAnnounced(rig)).to.equal(false)
      network.announce(DST, OLD)
      await eventually('it is announced on trial', () => isAnnounced(rig))
      network.announce(DST, { ...OLD, isLost: true })
      await glimpse()
      expect((await running).message).to.contain('is on another host already')
      expect(isAnnounced(rig)).to.equal(false)
    })
  ).timeout(20_000)

  it(
    'is let in where no path leads to the other host, which is dead',
    withNetwork('refuse', async (rig, network) => {
      network.announce(DST, { ...OLD, isLost: true })
      await rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
      expect(isLetIn(rig)).to.equal(true)
    })
  )

  it(
    'is refused only when the routing daemons have let go of the trial, so that others do not take it for an announcement',
    withNetwork('refuse', async (rig, network) => {
      network.announce(DST, OLD)
      let isRefused = false
      const running = errorOf(rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })).finally(() => {
        isRefused = true
      })
      await eventually('it is announced on trial', () => isAnnounced(rig))
      network.announce(DST, OLD, { router: SELF, metric: WORST })
      await eventually('the trial ends', () => !isAnnounced(rig), PATIENCE_MS)
      await glimpse()
      expect(isRefused).to.equal(false)
      network.announce(DST, OLD)
      expect((await running).message).to.contain('is on another host already')
    })
  ).timeout(20_000)

  it(
    'is let in when the other host gives way, which only held it',
    withNetwork('refuse', async (rig, network) => {
      network.announce(DST, OLD)
      const running = rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
      await eventually('it is announced on trial', () => isAnnounced(rig))
      network.announce(DST)
      await running
      expect(isAnnounced(rig)).to.equal(true)
    })
  )

  it(
    'is let in where the other host is leaving, where it is only told, and where it is taken over',
    withNetwork('refuse', async (rig, network) => {
      network.announce(DST, { ...OLD, metric: WORST })
      await rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
      expect(isLetIn(rig)).to.equal(true)
    })
  )
  for (const mode of ['warn', 'take-over'])
    it(
      `is let in with ${mode}`,
      withNetwork(mode, async (rig, network) => {
        network.announce(DST, OLD)
        await rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
        expect(isLetIn(rig)).to.equal(true)
      })
    )
  for (const [key, value] of [
    ['net-routed.anycast', 'true'],
    ['net-routed.duplicates', 'warn']
  ] as const)
    it(
      `is let in where the network has ${key}=${value}`,
      withNetwork(
        'refuse',
        async (rig, network) => {
          network.announce(DST, OLD)
          await rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
          expect(isLetIn(rig)).to.equal(true)
        },
        { options: { [key]: value } }
      )
    )

  it(
    'is let in where no routing daemon answers',
    withNetwork('refuse', async (rig, network) => {
      network.announce(DST, OLD)
      network.isAway = true
      await rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
      expect(isLetIn(rig)).to.equal(true)
    })
  )

  it(
    'is not given out',
    withNetwork('refuse', async (rig, network) => {
      await takeAllButLast(rig, network)
      expect(await requestAddress(rig.call, '', POOL)).to.equal('10.1.0.254/32')
    })
  )
})

describe('Duplicates', () => {
  it(
    'gives an address up that the other host has had for longer, and announces it again when that ends',
    withNetwork('refuse', async (rig, network) => {
      await rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
      network.announce(DST, { router: SELF, age: 3 }, OLD)
      await eventually('it is told', async () => (await duplicatesIn(rig)).length === 1)
      expect(await duplicatesIn(rig)).to.deep.equal([
        { endpoint: ONE, address: ADDRESS, by: [OTHER], isAnnounced: false }
      ])
      expect(isAnnounced(rig)).to.equal(false)
      expect(await stateIn(rig)).to.equal('yielded')
      network.announce(DST)
      await eventually('it is announced again', () => isAnnounced(rig), PATIENCE_MS)
      expect(await stateIn(rig)).to.equal('routed')
      expect(await duplicatesIn(rig)).to.deep.equal([])
    })
  ).timeout(20_000)

  it(
    'keeps one that it has had for longer, and tells',
    withNetwork('refuse', async (rig, network) => {
      await rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
      network.announce(DST, { router: SELF, age: 900 }, { router: OTHER, age: 3 })
      await eventually('it is told', async () => (await duplicatesIn(rig)).length === 1)
      expect(isAnnounced(rig)).to.equal(true)
    })
  )

  it(
    'gives an address up at once after a failure, though its former announcement makes it look older',
    withNetwork('refuse', async (rig, network) => {
      await rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
      network.announce(DST, { router: SELF, age: 3, renewals: 480 }, { router: OTHER, age: 60 })
      await eventually('it gives way', () => !isAnnounced(rig))
    })
  )

  it(
    'lets the other host give way first where that one may have come back after a failure, though not for long',
    withNetwork('refuse', async (rig, network) => {
      await rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
      network.announce(DST, { router: SELF, age: 60 }, { router: OTHER, age: 3, renewals: 480 })
      await eventually('it is told', async () => (await duplicatesIn(rig)).length === 1)
      expect(isAnnounced(rig)).to.equal(true)
      network.announce(DST, { router: SELF, age: 60 })
      await eventually('that one has given way', async () => (await duplicatesIn(rig)).length === 0)
      expect(isAnnounced(rig)).to.equal(true)
      network.announce(DST, { router: SELF, age: 60 }, { router: OTHER, age: 3, renewals: 480 })
      await eventually('it is told', async () => (await duplicatesIn(rig)).length === 1)
      rig.clock.advance(20_000)
      await eventually('this one gives way', () => !isAnnounced(rig))
    })
  )

  it(
    'keeps what has given way after a restart',
    withNetwork('refuse', async (rig, network) => {
      await rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
      network.announce(DST, { router: SELF, age: 3 }, OLD)
      await eventually('it gives way', () => !isAnnounced(rig))
      network.announce(DST, OLD)
      const restarted = await rig.restart()
      expect(isAnnounced(restarted)).to.equal(false)
      expect(await stateIn(restarted)).to.equal('yielded')
      await restarted.call('NetworkDriver.Leave', { NetworkID: NET, EndpointID: ONE })
      expect(restarted.daemon.records.get('endpoint', ONE)).not.to.have.property('yielded')
    })
  )

  it(
    'leaves anycast alone',
    withNetwork(
      'refuse',
      async (rig, network) => {
        await rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
        await rig.docker.createNetwork({ id: dockerId(2), subnet: '10.2.0.0/24' })
        await rig.docker.run({ id: dockerId(12), network: dockerId(2), ip: '10.2.0.9' })
        network.announce(DST, { router: SELF, age: 3 }, OLD)
        network.announce('10.2.0.9/32', { router: SELF, age: 3 }, OLD)
        await eventually('the other one is told', async () => (await duplicatesIn(rig)).length > 0)
        expect(
          listAt({ all: await duplicatesIn(rig) }, 'all').map((one) => at(one, 'address'))
        ).to.deep.equal(['10.2.0.9'])
        expect(isAnnounced(rig)).to.equal(true)
      },
      { options: { 'net-routed.anycast': 'true' } }
    )
  )
})
