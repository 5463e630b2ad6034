import { expect } from 'chai'
import { expectError } from './cni-contract.js'
import type { Tester } from './cni-contract.js'
import { attachment, ipJson } from './runtime.js'

/** What a container does to itself behind the plugin's back. */
const BREAKS: Readonly<Record<string, readonly string[]>> = {
  'without its address': ['address', 'flush', 'dev', 'eth0', 'scope', 'global'],
  'without its interface': ['link', 'delete', 'eth0'],
  'without its routes': ['route', 'flush', 'dev', 'eth0']
}

export function checkTests({ call, added, inContainer }: Tester): void {
  describe('CHECK', () => {
    it(
      'is content with what ADD made',
      inContainer(async (netns) => {
        const prevResult = await added(netns)
        expect(await call('CHECK', { prevResult }, attachment(netns))).to.include({ exit: 0, stdout: '' })
      })
    )

    it(
      'needs the result of ADD',
      inContainer(async (netns) => {
        await added(netns)
        expectError(await call('CHECK', {}, attachment(netns)))
      })
    )

    for (const [what, words] of Object.entries(BREAKS)) {
      it(
        `fails for a container ${what}`,
        inContainer(async (netns) => {
          const prevResult = await added(netns)
          ipJson(netns, ...words)
          expectError(await call('CHECK', { prevResult }, attachment(netns)))
        })
      )
    }
  })
}
