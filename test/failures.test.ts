/**
 * What happens when a step fails: every kernel operation and every write of each method in turn. And when the process
 * stops between two steps: a new one on the same state and host, and what Docker calls next.
 */
import { expect } from 'chai'
import { KernelError, messageOf } from '../src/errors.js'
import { FakeHost } from '../src/host/fake-host.js'
import { describeOp } from '../src/host/describe.js'
import { keyOf } from '../src/host/objects.js'
import type { Op } from '../src/host/objects.js'
import { MemoryStore } from '../src/store/memory-store.js'
import { dockerId, dockerOf } from './support/docker.js'
import { callOf, snapshot, sorted, startOn, withRig } from './support/daemon.js'
import type { Rig } from './support/daemon.js'
import { Life, MortalHost, MortalStore } from './support/mortal.js'
import { SCENES } from './support/scenes.js'
import type { Scene } from './support/scenes.js'

/** More than any method needs; a test that counts to it would never end. */
const MOST_EFFECTS = 60

describe('a kernel operation that fails', () => {
  for (const scene of SCENES) {
    it(`in ${scene.name ?? scene.method} leaves everything as before, or is done later`, async () => {
      for (const op of await operationsOf(scene)) await failAt(scene, op)
    })
  }
})

describe('a write to the store that fails', () => {
  for (const scene of SCENES) {
    it(`in ${scene.name ?? scene.method} leaves everything as before, or is done later`, async () => {
      for (let index = 0; await failWrite(scene, index); index++) expect(index).to.be.below(MOST_EFFECTS)
    })
  }
})

describe('a process that stops half-way', () => {
  for (const scene of SCENES) {
    it(`in ${scene.name ?? scene.method} leaves nothing that the next one and Docker do not clean up`, async () => {
      for (let effects = 0; await stopAfter(scene, effects); effects++)
        expect(effects).to.be.below(MOST_EFFECTS)
    })
  }
})

describe('a removal that failed', () => {
  const container = { id: dockerId(2), network: dockerId(1), ip: '10.1.0.5' }
  const refuseDelete = ({ verb, object }: Op): string | undefined =>
    verb === 'delete' && object.kind === 'link' ? 'EBUSY' : undefined

  it('is done by the next pass', () =>
    withRig({}, async (rig) => {
      const { docker, host, daemon } = rig
      await docker.createNetwork({ id: dockerId(1), subnet: '10.1.0.0/24' })
      await docker.run(container)
      host.refuse = refuseDelete
      await thrownBy(docker.stop(container.id))
      host.refuse = () => undefined
      await rig.daemon.upkeep()
      expect(daemon.records.all('endpoint')).to.deep.equal([])
      expect([...host.objects.keys()].filter((key) => key.startsWith('link'))).to.deep.equal([])
    }))

  it('stays marked as long as it fails', () =>
    withRig({}, async (rig) => {
      const { docker, host, daemon } = rig
      await docker.createNetwork({ id: dockerId(1), subnet: '10.1.0.0/24' })
      await docker.run(container)
      host.refuse = refuseDelete
      await thrownBy(docker.stop(container.id))
      await rig.daemon.upkeep()
      expect(daemon.records.all('endpoint').map(({ deleted }) => deleted)).to.deep.equal([true])
    }))

  it('does not keep the address from another container', () =>
    withRig({}, async (rig) => {
      const { docker, host, daemon } = rig
      await docker.createNetwork({ id: dockerId(1), subnet: '10.1.0.0/24' })
      await docker.run(container)
      host.refuse = refuseDelete
      await thrownBy(
        docker.call('NetworkDriver.DeleteEndpoint', { NetworkID: dockerId(1), EndpointID: container.id })
      )
      await docker.releaseAddresses(container.id)
      host.refuse = () => undefined
      await rig.daemon.upkeep()
      await docker.run({ ...container, id: dockerId(3) })
      expect(daemon.records.all('endpoint').map(({ id }) => id)).to.deep.equal([dockerId(3)])
      expect([...host.objects.keys()]).to.contain('route 10.1.0.5/32 0')
    }))

  it('does not keep the address from another container that comes before the next pass', () =>
    withRig({}, async ({ docker, host, daemon }) => {
      await docker.createNetwork({ id: dockerId(1), subnet: '10.1.0.0/24' })
      await docker.run(container)
      host.refuse = refuseDelete
      await thrownBy(
        docker.call('NetworkDriver.DeleteEndpoint', { NetworkID: dockerId(1), EndpointID: container.id })
      )
      await docker.releaseAddresses(container.id)
      host.refuse = () => undefined
      await docker.run({ ...container, id: dockerId(3) })
      await daemon.reconciler.resync()
      expect([...host.objects.keys()].filter((key) => key.startsWith('link'))).to.have.length(1)
    }))
})

/** The operations that a method asks for when all is well. */
async function operationsOf(scene: Scene): Promise<readonly Op[]> {
  let ops: readonly Op[] = []
  await withRig({}, async ({ docker, host, call }) => {
    await scene.prepare(docker)
    const before = host.log.length
    await scene.act(call)
    ops = host.log.slice(before)
  })
  return ops
}

async function failAt(scene: Scene, failing: Op): Promise<void> {
  await withRig({}, async (rig) => {
    const { host, docker, call } = rig
    await scene.prepare(docker)
    const before = snapshot(rig)
    const step = describeOp(failing)
    host.refuse = ({ verb, object }) =>
      verb === failing.verb && keyOf(object) === keyOf(failing.object) ? 'EIO' : undefined
    const error = await thrownBy(scene.act(call))
    host.refuse = () => undefined
    // What lives on a link goes with the link: its own removal may fail.
    if (!scene.removes || error !== undefined) expectTold(error, step)
    if (scene.removes) await expectGoneLater(scene, rig, step)
    else expect(snapshot(rig), step).to.deep.equal(before)
  })
}

/** The error says which step failed, and with which errno. */
function expectTold(error: unknown, step: string): void {
  expect(error, step).to.be.instanceOf(KernelError)
  expect(messageOf(error), step).to.contain(step).and.contain('EIO')
}

async function thrownBy(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return undefined
  } catch (error) {
    return error
  }
}

/** False = the method does not write that often. */
async function failWrite(scene: Scene, failing: number): Promise<boolean> {
  let wasReached = false
  await withRig({}, async (rig) => {
    const { store, docker, call } = rig
    await scene.prepare(docker)
    const before = snapshot(rig)
    let writes = 0
    let what = ''
    store.refuse = (kind, id) => {
      if (writes++ !== failing) return undefined
      what = `${kind} ${id}`
      return 'no space left on device'
    }
    const error = await thrownBy(scene.act(call))
    wasReached = what !== ''
    if (!wasReached) return
    store.refuse = () => undefined
    expect(error, what).to.be.instanceOf(Error)
    if (scene.removes) await expectGoneLater(scene, rig, what)
    else expect(snapshot(rig), what).to.deep.equal(before)
  })
  return wasReached
}

/** Docker never repeats the end of anything: the daemon does, and a restart finds nothing that it should not. */
async function expectGoneLater(scene: Scene, rig: Rig, what: string): Promise<void> {
  await rig.daemon.upkeep()
  await scene.followUp(rig.call)
  await rig.daemon.upkeep()
  const restarted = await rig.restart()
  await restarted.daemon.upkeep()
  expectNothing(restarted, what)
}

function expectNothing({ daemon, host, store }: Pick<Rig, 'daemon' | 'host' | 'store'>, what: string): void {
  expect([...store.documents.keys()], `${what}: documents`).to.deep.equal([])
  expect(daemon.records.all('endpoint'), `${what}: endpoints`).to.deep.equal([])
  expect(daemon.records.all('lease'), `${what}: leases`).to.deep.equal([])
  expect(sorted(host.objects.values()), `${what}: objects`).to.deep.equal(
    sorted(new FakeHost().objects.values())
  )
}

/** False = the method has fewer effects. */
async function stopAfter(scene: Scene, effects: number): Promise<boolean> {
  const host = new FakeHost()
  const store = new MemoryStore()
  const life = new Life()
  const first = await startOn({ host: new MortalHost(life, host), store: new MortalStore(life, store) })
  let finished: boolean
  try {
    await scene.prepare(dockerOf(callOf(first)))
    const death = life.limit(effects)
    const acted = scene.act(callOf(first)).then(() => true)
    finished = await Promise.race([acted, death.then(() => false)])
  } finally {
    await first.stop()
  }
  if (finished) return false
  const second = await startOn({ host, store })
  try {
    await (scene.afterStop ?? scene.followUp)(callOf(second))
    await second.upkeep()
    expectNothing({ daemon: second, host, store }, `stopped after ${String(effects)} effects`)
  } finally {
    await second.stop()
  }
  return true
}
