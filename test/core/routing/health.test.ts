import { expect } from 'chai'
import { parseRouting } from '../../../src/config-routing.js'
import type { ContainerHealth } from '../../../src/host/engine.js'
import { withRig } from '../../support/daemon.js'
import type { Rig } from '../../support/daemon.js'
import { dockerId } from '../../support/docker.js'
import { eventually } from '../../support/eventually.js'
import { FakeEngine, FakeProber } from '../../support/health.js'
import { at, listAt } from '../../support/json.js'

const NET = dockerId(1)
const ONE = dockerId(11)
const TWO = dockerId(12)
const ADDRESS = '10.1.0.7'
const ROUTE = `route ${ADDRESS}/32 0 local`
const MAIN_ROUTE = `route ${ADDRESS}/32 0`
const ANNOUNCEMENT = `announcement ${ADDRESS}/32`
const QUICK = { 'net-routed.check-interval': '50ms', 'net-routed.check-rise': 2, 'net-routed.check-fall': 2 }

interface Scene extends Rig {
  readonly prober: FakeProber
  readonly engine: FakeEngine
}

function withCheck(
  options: object,
  test: (scene: Scene) => Promise<void>,
  config: object = { routing: parseRouting({ grace: 60 }, 'routing') }
): () => Promise<void> {
  return async () => {
    const parts = { prober: new FakeProber(), engine: new FakeEngine() }
    parts.prober.error = 'connect ECONNREFUSED'
    await withRig({ config, ...parts }, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', options: { ...QUICK, ...options } })
      await rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
      await test({ ...rig, ...parts })
    })
  }
}

async function stateIn({ daemon }: Rig): Promise<string> {
  const page = await daemon.pages['/status']?.()
  const [endpoint] = listAt(JSON.parse(page?.text ?? '{}'), 'endpoints')
  return JSON.stringify([
    at(endpoint, 'state'),
    at(at(endpoint, 'health'), 'state'),
    at(at(endpoint, 'health'), 'error')
  ])
}

const TCP = { 'net-routed.check': 'tcp:80' }

describe('HealthChecks', () => {
  it(
    'announce an address after the first success, withdraw it after failures, and announce it again',
    withCheck(TCP, async (scene) => {
      const { host, prober } = scene
      await eventually('it is checked', () => prober.probes.length > 3)
      expect(host.objects.has(ROUTE)).to.equal(true)
      expect(host.objects.has(ANNOUNCEMENT)).to.equal(false)
      expect(await stateIn(scene)).to.equal('["starting","starting","connect ECONNREFUSED"]')
      prober.error = undefined
      await eventually('it is announced', () => host.objects.has(ANNOUNCEMENT))
      expect(prober.probes.at(-1)).to.deep.equal({ type: 'tcp', port: 80, address: ADDRESS })
      expect(await stateIn(scene)).to.equal('["routed","healthy",null]')
      prober.error = 'too late'
      await eventually('it is withdrawn, and not held', () => !host.objects.has(ANNOUNCEMENT))
      expect(host.objects.has(ROUTE)).to.equal(true)
      expect(await stateIn(scene)).to.equal('["unhealthy","unhealthy","too late"]')
      prober.error = undefined
      await eventually('it is announced again', () => host.objects.has(ANNOUNCEMENT))
    })
  )

  it(
    'withdraw nothing when the daemon restarts, and go on then',
    withCheck(TCP, async ({ host, prober, restart }) => {
      prober.error = undefined
      await eventually('it is announced', () => host.objects.has(ANNOUNCEMENT))
      const before = host.log.length
      await restart()
      expect(host.log.slice(before).filter(({ object }) => object.kind === 'announcement')).to.deep.equal([])
      prober.error = 'gone'
      await eventually('it is withdrawn', () => !host.objects.has(ANNOUNCEMENT))
      await restart()
      expect(host.objects.has(ANNOUNCEMENT)).to.equal(false)
      prober.error = undefined
      await eventually('it is announced again', () => host.objects.has(ANNOUNCEMENT))
    })
  )

  it(
    'leave announced what a container leaves behind for the next one, which has to be fit by the end of the grace period',
    withCheck(TCP, async (scene) => {
      const { host, prober, docker } = scene
      prober.error = undefined
      await eventually('it is announced', () => host.objects.has(ANNOUNCEMENT))
      prober.error = 'not yet'
      const before = host.log.length
      await docker.stop(ONE)
      await docker.run({ id: TWO, network: NET, ip: ADDRESS })
      const count = prober.probes.length
      await eventually('it is checked', () => prober.probes.length > count + 3)
      expect(host.objects.has(ANNOUNCEMENT)).to.equal(true)
      prober.error = undefined
      await eventually('it is fit', async () => (await stateIn(scene)).includes('"healthy"'))
      expect(host.log.slice(before).filter(({ object }) => object.kind === 'announcement')).to.deep.equal([])
    })
  )

  it(
    'move a route to where routing daemons do not look, where they read routes',
    withCheck(
      TCP,
      async ({ host, prober }) => {
        expect(host.objects.has(ROUTE)).to.equal(true)
        expect(host.objects.has(MAIN_ROUTE)).to.equal(false)
        prober.error = undefined
        await eventually(
          'it is in the main table',
          () => host.objects.has(MAIN_ROUTE) && !host.objects.has(ROUTE)
        )
        prober.error = 'gone'
        await eventually('it is not', () => !host.objects.has(MAIN_ROUTE) && host.objects.has(ROUTE))
      },
      {}
    )
  )

  it(
    'run programs with the addresses in their environment',
    withCheck({ 'net-routed.check': 'exec:dns' }, async ({ prober }) => {
      await eventually('it is checked', () => prober.probes.length > 0)
      expect(prober.probes[0]).to.deep.equal({
        type: 'exec',
        name: 'dns',
        environment: { NET_ROUTED_ADDRESSES: ADDRESS, NET_ROUTED_ENDPOINT: ONE, NET_ROUTED_NETWORK: NET }
      })
    })
  )

  it(
    'hold nothing of an anycast address: other hosts have it',
    withCheck({ 'net-routed.anycast': 'true' }, async ({ host, docker }) => {
      await eventually('it is announced', () => host.objects.has(ANNOUNCEMENT))
      await docker.stop(ONE)
      expect(host.objects.has(ANNOUNCEMENT)).to.equal(false)
    })
  )
})

describe('HealthChecks with the health that the engine knows', () => {
  const told = (state: ContainerHealth['state'], output = ''): ContainerHealth => {
    return { endpoints: ['other', ONE], state, output }
  }

  it(
    'follow it, and survive its silence',
    withCheck({ 'net-routed.check': 'docker' }, async (scene) => {
      const { host, engine, prober } = scene
      await eventually('the engine is asked', () => engine.isAsked)
      expect([engine.concerns(NET), engine.concerns(dockerId(2))]).to.deep.equal([true, false])
      engine.tell(told('starting'))
      engine.tell(told('unhealthy', 'still booting'))
      expect(await stateIn(scene)).to.equal('["starting","starting","still booting"]')
      engine.tell(told('healthy'))
      await eventually('it is announced', () => host.objects.has(ANNOUNCEMENT))
      engine.answer('connect ENOENT')
      expect(await stateIn(scene)).to.equal('["routed","healthy","connect ENOENT"]')
      expect(host.objects.has(ANNOUNCEMENT)).to.equal(true)
      engine.answer(undefined)
      engine.tell(told('unhealthy', 'no route to database'))
      await eventually('it is withdrawn', () => !host.objects.has(ANNOUNCEMENT))
      expect(await stateIn(scene)).to.equal('["unhealthy","unhealthy","no route to database"]')
      expect(prober.probes).to.deep.equal([])
    })
  )

  it(
    'say so where the container has none',
    withCheck({ 'net-routed.check': 'docker' }, async (scene) => {
      await eventually('the engine is asked', () => scene.engine.isAsked)
      scene.engine.tell(told('none'))
      expect(await stateIn(scene)).to.contain('has no HEALTHCHECK')
    })
  )
})
