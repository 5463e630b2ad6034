/** What came with CNI 1.1. */
import { expect } from 'chai'
import { pathOf } from '../netns/scratch.js'
import { expectError } from './cni-contract.js'
import type { Tester } from './cni-contract.js'
import { addressesOf, attachment } from './runtime.js'

const OLD = [
  ['CHECK', '0.3.1'],
  ['GC', '1.0.0'],
  ['STATUS', '1.0.0']
] as const

export function gcTests({ plugin, call, added, deleted, inContainer }: Tester): void {
  describe('GC', () => {
    it('keeps what is alive, and removes what is not in the list, with or without namespace', async () => {
      const [live = '', dead = '', vanished = ''] = Array.from({ length: 3 }, () => plugin().scratch.netns())
      for (const netns of [live, dead, vanished]) await added(netns)
      plugin().scratch.end(pathOf(vanished))
      expect(await call('GC', keeping(live), {})).to.include({ exit: 0, stdout: '' })
      expect(addressesOf(live, 'eth0')).to.have.length.greaterThan(0)
      expect(addressesOf(dead, 'eth0')).to.equal(undefined)
      expect(await call('GC', keeping(), {})).to.include({ exit: 0, stdout: '' })
      expect(addressesOf(live, 'eth0')).to.equal(undefined)
      for (const netns of [live, dead, vanished]) await deleted(attachment(netns))
    })

    it(
      'does not take a missing list for an empty one',
      inContainer(async (netns) => {
        await added(netns)
        expectError(await call('GC', {}, {}))
        expect(addressesOf(netns, 'eth0')).to.have.length.greaterThan(0)
      })
    )
  })

  describe('STATUS', () => {
    it('is well', async () => {
      expect(await call('STATUS', {}, {})).to.include({ exit: 0, stdout: '' })
    })
  })

  describe('a command that is newer than the version of the configuration', () => {
    for (const [command, cniVersion] of OLD) {
      it(
        `is refused: ${command} in ${cniVersion}`,
        inContainer(async (netns) => {
          expectError(await call(command, { cniVersion }, attachment(netns)), 1)
        })
      )
    }
  })
}

function keeping(...containers: readonly string[]): object {
  return { 'cni.dev/valid-attachments': containers.map((containerID) => ({ containerID, ifname: 'eth0' })) }
}
