import { expect } from 'chai'
import { CONF, expectDone, heldAddresses, withCni } from '../support/cni.js'
import { snapshot } from '../support/daemon.js'

describe('the network of a configuration', () => {
  it(
    'is there from the first ADD until nothing has been attached for a while, and leaves nothing',
    withCni(async ({ rig, cni }) => {
      const before = snapshot(rig)
      expectDone(await cni.call('ADD', CONF))
      for (let time = 0; time < 3; time++) await rig.daemon.upkeep()
      expect(rig.daemon.records.count('network')).to.equal(1)
      expectDone(await cni.call('DEL', CONF))
      await rig.daemon.upkeep()
      expect(rig.daemon.records.count('network')).to.equal(1)
      await rig.daemon.upkeep()
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )

  it(
    'does not go while a container comes',
    withCni(async ({ rig, cni }) => {
      const conf = { ...CONF, ipam: { type: 'slow' } }
      expectDone(await cni.call('ADD', CONF))
      expectDone(await cni.call('DEL', CONF))
      await rig.daemon.upkeep()
      const pending: Promise<void>[] = []
      const answer = await cni.call('ADD', conf, {
        delegate: () => {
          pending.push(rig.daemon.upkeep())
          return { exit: 0, output: JSON.stringify({ ips: [{ address: '10.1.0.9/24' }] }) }
        }
      })
      await Promise.all(pending)
      expectDone(answer)
      expect(rig.daemon.records.count('network')).to.equal(1)
    })
  )

  it(
    'is kept over a restart, with everything in it',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', CONF))
      const before = snapshot(rig)
      const operations = rig.host.log.length
      const again = await rig.restart()
      expect(snapshot(again)).to.deep.equal(before)
      expect(rig.host.log.length).to.equal(operations)
    })
  )

  it(
    'loses containers whose namespace is gone, and their addresses are free in the end',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', CONF))
      expectDone(await cni.call('ADD', CONF, { containerId: 'c2' }))
      rig.host.endSandbox('/run/netns/c1')
      await rig.daemon.reconciler.resync()
      expect(rig.host.objects.has('route 10.1.0.1/32 0')).to.equal(false)
      for (let time = 0; time < 2; time++) await rig.daemon.upkeep()
      expect(rig.daemon.records.all('endpoint').map(({ id }) => id)).to.deep.equal(['cni:mine:c2:eth0'])
      rig.clock.advance(600_000)
      await rig.daemon.upkeep()
      expect(heldAddresses(rig)).to.deep.equal(['10.1.0.2'])
    })
  )

  it(
    'can be forgotten by its name',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', CONF))
      expectDone(await cni.call('DEL', CONF))
      await rig.call('Admin.Forget', { Network: 'cni:mine' })
      expect(rig.daemon.records.count('pool')).to.equal(0)
    })
  )
})
