/** What is wrong with a call, and what the specification says that a plugin says then. */
import { expect } from 'chai'
import { expectError } from './cni-contract.js'
import type { Tester } from './cni-contract.js'
import { addressesOf, attachment } from './runtime.js'

const LARGE_BYTES = 16 << 20
const BAD_INPUT = { 'no JSON': 'this is no JSON', nothing: '', 'half of it': '{"cniVersion":' }

export function faultTests({ call, send, added, deleted, inContainer }: Tester): void {
  describe('what is wrong', () => {
    it(
      'in the environment has code 4, and every missing variable is named',
      inContainer(async (netns) => {
        const all = await call('ADD', {}, {})
        expectError(all, 4)
        for (const variable of ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME'])
          expect(all.stdout).to.include(variable)
        expectError(await call('DEL', {}, { containerId: netns }), 4)
        expectError(await call('MOVE', {}, attachment(netns)), 4)
      })
    )

    it(
      'in a name is refused',
      inContainer(async (netns) => {
        const env = attachment(netns)
        for (const containerId of ['../x', '-x', 'a b'])
          expectError(await call('ADD', {}, { ...env, containerId }))
        for (const ifName of ['a/b', 'a b', '..', 'x'.repeat(16)])
          expectError(await call('ADD', {}, { ...env, ifName }))
        for (const name of [undefined, '../../x', 'a/b']) expectError(await call('ADD', { name }, env))
        expect(addressesOf(netns, 'eth0')).to.equal(undefined)
      })
    )

    it(
      'in the version has code 1',
      inContainer(async (netns) => {
        expectError(await call('ADD', { cniVersion: '99.0.0' }, attachment(netns)), 1)
      })
    )

    for (const [what, input] of Object.entries(BAD_INPUT)) {
      it(
        `in the encoding has code 6: ${what}`,
        inContainer(async (netns) => {
          expectError(await send('ADD', { env: attachment(netns), input }), 6)
        })
      )
    }

    it('is said of a namespace that does not exist, and nothing is left', async () => {
      const env = { containerId: 'nowhere', netns: '/run/netns/nrtest-nowhere', ifName: 'eth0' }
      expectError(await call('ADD', {}, env))
      await deleted(env)
    })

    for (const type of ['../../../bin/true', '/bin/true', 'no-such-plugin']) {
      it(`with an IPAM plugin ${type} fails, and nothing is left (CVE-2021-20206, flaw 4)`, async () => {
        await inContainer(async (netns) => {
          expectError(await call('ADD', { ipam: { type } }, attachment(netns)))
          await deleted(attachment(netns))
          expect(addressesOf(netns, 'eth0')).to.equal(undefined)
        })()
      })
    }

    it(
      'with 16 MiB of input ends, and the next one is served',
      inContainer(async (netns) => {
        const result = await call('ADD', { foreign: 'x'.repeat(LARGE_BYTES) }, attachment(netns))
        if (result.exit !== 0) expectError(result)
        await deleted(attachment(netns))
        await added(netns)
      })
    )
  })
}
