/** ADD and DEL, refused or cut off at every single step: all or nothing, and whatever is left goes with the next DEL. */
import { expect } from 'chai'
import { FakeHost } from '../../src/host/fake-host.js'
import { keyOf } from '../../src/host/objects.js'
import { MemoryStore } from '../../src/store/memory-store.js'
import { CONF, cniOf, expectDone, heldAddresses, netnsOf, withCni } from '../support/cni.js'
import type { Subject } from '../support/cni.js'
import { snapshot, startOn } from '../support/daemon.js'
import { Life, MortalHost, MortalStore } from '../support/mortal.js'

const DUAL = { ...CONF, ipam: { subnets: [{ subnet: '10.1.0.0/24' }, { subnet: 'fd00::/64' }] } }
const OTHER = { containerId: 'c2' }

/** Something that happens to a subject at its n-th step. Returns whether it did. */
type Trouble = (subject: Subject, step: number) => () => boolean

const TROUBLES: Readonly<Record<string, Trouble>> = {
  'the kernel refuses something on the host': ({ rig: { host } }, step) => {
    let seen = 0
    let refused: string | undefined
    host.refuse = ({ verb, object }) => {
      if (seen++ === step) refused = `${verb} ${keyOf(object)}`
      return refused === `${verb} ${keyOf(object)}` ? 'EPERM' : undefined
    }
    return () => refused !== undefined
  },
  'the store refuses something': ({ rig: { store } }, step) => {
    let seen = 0
    store.refuse = () => (seen++ === step ? 'no space left on device' : undefined)
    return () => seen > step
  },
  'the container end cannot be set up': ({ rig: { host } }, step) => {
    let seen = 0
    host.refuseEnd = () => (seen++ === step ? 'EPERM' : undefined)
    return () => seen > step
  }
}

function calm({ rig: { host, store } }: Subject): void {
  host.refuse = () => undefined
  host.refuseEnd = () => undefined
  store.refuse = () => undefined
}

describe('ADD', () => {
  for (const [what, trouble] of Object.entries(TROUBLES)) {
    it(`leaves nothing behind when ${what}, whenever that is`, async () => {
      let hits = 0
      let wasHit = (): boolean => true
      for (let step = 0; wasHit(); step++) {
        await withCni(async (subject) => {
          const { rig, cni } = subject
          expectDone(await cni.call('ADD', DUAL, OTHER))
          wasHit = trouble(subject, step)
          const { exit } = await cni.call('ADD', DUAL)
          calm(subject)
          if (exit === 0) return
          hits++
          await rig.daemon.upkeep()
          expect(rig.daemon.records.all('endpoint').map(({ id }) => id)).to.deep.equal(['cni:mine:c2:eth0'])
          expect(heldAddresses(rig)).to.deep.equal(['10.1.0.1', 'fd00::1'])
          expect(rig.host.sandboxes.get(netnsOf('c1'))?.size).to.equal(0)
          expectDone(await cni.call('ADD', DUAL))
        })()
      }
      expect(hits).to.be.greaterThan(0)
    })
  }

  it('is undone by DEL, wherever the daemon was killed in it', async () => {
    await cutOff('ADD', async ({ cni }) => {
      expectDone(await cni.call('DEL', DUAL))
      expectDone(await cni.call('DEL', DUAL, { ...OTHER, netns: '' }))
    })
  })

  it('is undone by GC, wherever the daemon was killed in it', async () => {
    await cutOff('ADD', async ({ cni }) => {
      expectDone(await cni.call('GC', { ...DUAL, 'cni.dev/valid-attachments': [] }))
    })
  })
})

describe('DEL', () => {
  for (const [what, trouble] of Object.entries(TROUBLES).slice(0, 2)) {
    it(`is done by the time it is repeated when ${what}, whenever that is`, async () => {
      let wasHit = (): boolean => true
      for (let step = 0; wasHit(); step++) {
        await withCni(async (subject) => {
          const { rig, cni } = subject
          expectDone(await cni.call('ADD', DUAL, OTHER))
          const before = snapshot(rig) as { readonly objects: unknown }
          expectDone(await cni.call('ADD', DUAL))
          wasHit = trouble(subject, step)
          await cni.call('DEL', DUAL)
          calm(subject)
          expectDone(await cni.call('DEL', DUAL))
          expect((snapshot(rig) as { readonly objects: unknown }).objects).to.deep.equal(before.objects)
          expect(heldAddresses(rig)).to.deep.equal(['10.1.0.1', 'fd00::1'])
        })()
      }
    })
  }

  it('is finished by the next DEL, wherever the daemon was killed in it', async () => {
    await cutOff('DEL', async ({ cni }) => {
      expectDone(await cni.call('DEL', DUAL))
      expectDone(await cni.call('GC', { ...DUAL, 'cni.dev/valid-attachments': [] }))
    })
  })
})

/** The daemon is killed after every number of effects; another one starts, `then` happens, and nothing may be left. */
async function cutOff(
  command: 'ADD' | 'DEL',
  then: (subject: Pick<Subject, 'cni'>) => Promise<void>
): Promise<void> {
  for (let effects = 0, died = true; died; effects++) {
    const host = new FakeHost()
    const store = new MemoryStore()
    const life = new Life()
    const first = await startOn({
      host: new MortalHost(life, host),
      ends: host,
      store: new MortalStore(life, store)
    })
    const cni = cniOf({ daemon: first, host })
    cni.sandbox('c1')
    cni.sandbox('c2')
    try {
      expectDone(await cni.call('ADD', DUAL, OTHER))
      if (command === 'DEL') expectDone(await cni.call('ADD', DUAL))
      const death = life.limit(effects)
      died = await Promise.race([cni.call(command, DUAL).then(() => false), death.then(() => true)])
    } finally {
      await first.stop()
    }
    const second = await startOn({ host, ends: host, store })
    try {
      await then({ cni: cniOf({ daemon: second, host }) })
      for (let time = 0; time < 3; time++) await second.upkeep()
      expect(second.records.all('endpoint'), `after ${String(effects)} effects`).to.deep.equal([])
      expect([...store.documents.keys()], `after ${String(effects)} effects`).to.deep.equal([])
      expect([...host.objects.keys()]).to.deep.equal([...new FakeHost().objects.keys()])
    } finally {
      await second.stop()
    }
  }
}
