import { expect } from 'chai'
import { ConflictError, InvalidError, NotFoundError, UnavailableError } from '../src/errors.js'
import { hostLinkName } from '../src/model/endpoint.js'
import { withRig } from './support/daemon.js'
import type { Rig } from './support/daemon.js'
import { dockerId } from './support/docker.js'
import { FakeEngine } from './support/health.js'
import { errorOf } from './support/expect-error.js'
import { snapshot } from './support/daemon.js'

const NET = `abcd${dockerId(1).slice(4)}`
const OTHER = `abce${dockerId(2).slice(4)}`

function withNetworks(test: (rig: Rig) => Promise<void>): () => Promise<void> {
  return () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', gateway: '10.1.0.1' })
      await rig.docker.createNetwork({ id: OTHER, subnet: '10.2.0.0/24' })
      await test(rig)
    })
}

describe('forget', () => {
  it(
    'drops a network with its pools and addresses, named by the beginning of its id',
    withNetworks(async ({ call, daemon }) => {
      expect(await call('Admin.Forget', { Network: 'abcd' })).to.deep.equal({ Network: NET })
      expect(daemon.records.all('network').map(({ id }) => id)).to.deep.equal([OTHER])
      expect(daemon.records.all('pool').map(({ prefix }) => prefix)).to.deep.equal(['10.2.0.0/24'])
      expect(daemon.records.count('lease')).to.equal(0)
    })
  )

  it(
    'lets the subnet be used again',
    withNetworks(async ({ call, docker }) => {
      await call('Admin.Forget', { Network: NET })
      await docker.createNetwork({ id: dockerId(3), subnet: '10.1.0.0/24' })
    })
  )

  it(
    'refuses a network that has containers',
    withNetworks(async (rig) => {
      await rig.docker.run({ id: dockerId(11), network: NET })
      const before = snapshot(rig)
      const error = await errorOf(rig.call('Admin.Forget', { Network: NET }))
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message).to.contain('1 endpoints')
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )

  it(
    'refuses what names no network, or several',
    withNetworks(async (rig) => {
      const before = snapshot(rig)
      expect(await errorOf(rig.call('Admin.Forget', { Network: 'ffff' }))).to.be.instanceOf(NotFoundError)
      const several = await errorOf(rig.call('Admin.Forget', { Network: 'abc' }))
      expect(several).to.be.instanceOf(InvalidError)
      expect(several.message).to.contain('the beginning of 2 ids')
      for (const body of [undefined, null, {}, [], { Network: '' }, { Network: 7 }])
        expect(await errorOf(rig.call('Admin.Forget', body))).to.be.instanceOf(InvalidError)
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )
})

describe('set', () => {
  const PREFIX = 'com.docker.network.container_iface_prefix'

  it(
    'changes an option of a network, for the containers to come',
    withNetworks(async (rig) => {
      await rig.docker.run({ id: dockerId(11), network: NET })
      expect(await rig.call('Admin.Set', { Network: 'abcd', Options: { [PREFIX]: 'net' } })).to.deep.equal({
        Endpoints: [dockerId(11)]
      })
      const join = await rig.docker.run({ id: dockerId(12), network: NET })
      expect(join).to.have.length(1)
      expect(rig.daemon.records.get('network', NET)?.interfacePrefix).to.equal('net')
      await (await rig.restart()).call('Admin.Set', { Network: 'abcd', Options: { [PREFIX]: '' } })
      expect(rig.store.documents.get(`network ${NET}`)).not.to.have.property('interfacePrefix')
    })
  )

  it(
    'changes rates, marks and policies of a network in its containers, but for those that chose themselves',
    withNetworks(async (rig) => {
      await rig.docker.run({ id: dockerId(11), network: NET })
      await rig.docker.run({ id: dockerId(12), network: NET })
      const kinds = (id: string): string[] =>
        [...rig.host.objects.values()]
          .filter((object) => 'link' in object && object.link === hostLinkName(id))
          .map(({ kind }) => kind)
          .filter((kind) => ['shaper', 'mark', 'policy'].includes(kind))
          .sort()
      const set = (where: object, options: object): Promise<unknown> =>
        rig.call('Admin.Set', {
          ...where,
          Options: Object.fromEntries(
            Object.entries(options).map(([key, value]) => [`net-routed.${key}`, String(value)])
          )
        })
      const options = { 'rate-in': '10mbit', 'rate-out': '1mbit', dscp: 'ef', ingress: '10.0.0.0/8' }
      await set({ Network: NET }, options)
      for (const id of [11, 12])
        expect(kinds(dockerId(id))).to.deep.equal(['mark', 'policy', 'shaper', 'shaper'])
      await set({ Endpoint: dockerId(12) }, { dscp: 8, 'rate-in': '20mbit' })
      await set({ Network: NET }, { 'rate-in': '', 'rate-out': '', dscp: '', ingress: '' })
      expect(kinds(dockerId(11))).to.deep.equal([])
      expect(kinds(dockerId(12))).to.deep.equal(['mark', 'shaper'])
      expect(rig.daemon.records.get('endpoint', dockerId(12))).to.include({ dscp: 8, rateIn: 20_000_000 })
      await rig.call('NetworkDriver.Leave', { NetworkID: NET, EndpointID: dockerId(12) })
      expect(kinds(dockerId(12))).to.deep.equal([])
    })
  )

  it(
    'refuses what names nobody, several, or nothing to change',
    withNetworks(async (rig) => {
      await rig.docker.run({ id: dockerId(11), network: NET })
      const before = snapshot(rig)
      const Options = { [PREFIX]: 'net' }
      const bodies: readonly (readonly [unknown, string])[] = [
        [undefined, 'Options: nothing'],
        [{ Network: 'abcd' }, 'Options: '],
        [{ Network: 'abcd', Options: [] }, 'Options: '],
        [{ Network: 'abcd', Options: { [PREFIX]: 7 } }, `Options.${PREFIX}: 7 is not a text`],
        [{ Network: 'abcd', Options: {} }, 'OPTION=VALUE'],
        [{ Options }, 'give --network with a name or an id'],
        [{ Network: 'abc', Options }, 'the beginning of 2 ids'],
        [{ Network: 'ffff', Options }, 'no network of net-routed is "ffff"'],
        [{ Endpoint: '10.1.0.2', Options }, 'is no option of an endpoint'],
        [{ Endpoint: '10.9.9.9', Options: { 'net-routed.mtu': '1400' } }, 'no endpoint of net-routed is']
      ]
      for (const [body, text] of bodies)
        expect((await errorOf(rig.call('Admin.Set', body))).message, text).to.contain(text)
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )
})

describe('names', () => {
  const RATE = { 'net-routed.rate-out': '1mbit' }
  const [BOTH, ONE] = [dockerId(11), dockerId(12)]
  const SECOND = `cafe${dockerId(13).slice(4)}`

  /** Containers `cafe` on one network, `twice` on two, `plain` on none of ours. */
  const withContainers = (test: (rig: Rig, engine: FakeEngine) => Promise<void>): (() => Promise<void>) => {
    return async () => {
      const engine = new FakeEngine()
      await withRig({ engine }, async (rig) => {
        await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
        await rig.docker.createNetwork({ id: OTHER, subnet: '10.2.0.0/24' })
        await rig.docker.run({ id: BOTH, network: NET })
        await rig.docker.run({ id: ONE, network: NET })
        await rig.docker.run({ id: SECOND, network: OTHER })
        engine.networks.set('mine', { id: NET, driver: 'net-routed' })
        engine.networks.set('bridge', { id: dockerId(9), driver: 'bridge' })
        engine.containers.set('cafe', { endpoints: [ONE] })
        engine.containers.set('twice', { endpoints: [BOTH, SECOND] })
        engine.containers.set('plain', { endpoints: [dockerId(8)] })
        engine.containers.set('stopped', { endpoints: [] })
        await test(rig, engine)
      })
    }
  }

  it(
    'are those of the engine, before the beginnings of ids',
    withContainers(async ({ call }) => {
      const set = (where: object): Promise<unknown> => call('Admin.Set', { ...where, Options: RATE })
      expect(await set({ Network: 'mine' })).to.deep.equal({ Endpoints: [BOTH, ONE] })
      expect(await set({ Endpoint: 'cafe' })).to.deep.equal({ Endpoints: [ONE] })
      expect(await set({ Endpoint: SECOND.slice(0, 5) })).to.deep.equal({ Endpoints: [SECOND] })
      expect(await set({ Network: NET.slice(0, 4) })).to.deep.equal({ Endpoints: [BOTH, ONE] })
    })
  )

  it(
    "that are nobody's, several, or of another driver are refused with what would be right",
    withContainers(async (rig) => {
      const before = snapshot(rig)
      const refused: readonly (readonly [object, string])[] = [
        [{ Network: 'bridge' }, 'network "bridge" is not of net-routed: its driver is bridge'],
        [{ Network: 'none' }, 'no network of net-routed is "none"'],
        [{ Endpoint: 'none' }, 'no endpoint of net-routed is "none"'],
        [{ Endpoint: 'plain' }, 'container "plain" is on no network of net-routed'],
        [{ Endpoint: 'stopped' }, 'container "stopped" is on no network of net-routed, or does not run'],
        [{ Endpoint: 'twice' }, 'container "twice" is on several networks: give one of 10.1.0.']
      ]
      for (const [where, text] of refused) {
        const error = await errorOf(rig.call('Admin.Set', { ...where, Options: RATE }))
        expect(error.message, text).to.contain(text)
      }
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )

  it(
    'are not guessed while the engine does not answer',
    withContainers(async ({ call }, engine) => {
      engine.away = '/run/docker.sock: connect ECONNREFUSED'
      const set = (where: object): Promise<unknown> => call('Admin.Set', { ...where, Options: RATE })
      for (const where of [{ Endpoint: 'cafe' }, { Network: 'mine' }]) {
        const error = await errorOf(set(where))
        expect(error).to.be.instanceOf(UnavailableError)
        expect(error.message).to.contain(`(${engine.away}): give 12 digits of the id`)
      }
      expect(await set({ Endpoint: SECOND.slice(0, 12) })).to.deep.equal({ Endpoints: [SECOND] })
      expect(await set({ Endpoint: SECOND })).to.deep.equal({ Endpoints: [SECOND] })
      expect(await set({ Endpoint: '10.2.0.1' })).to.deep.equal({ Endpoints: [SECOND] })
      expect(await set({ Network: OTHER.slice(0, 12) })).to.deep.equal({ Endpoints: [SECOND] })
    })
  )
})
