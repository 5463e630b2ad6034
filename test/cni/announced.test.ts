import { expect } from 'chai'
import { parseRouting } from '../../src/config-routing.js'
import { CONF, withCni } from '../support/cni.js'
import { eventually } from '../support/eventually.js'
import { FakeProber } from '../support/health.js'

const ROUTING = { config: { routing: parseRouting({}, 'routing') } }

function announced(host: { readonly objects: ReadonlyMap<string, unknown> }): number {
  return [...host.objects.keys()].filter((key) => key.startsWith('announcement ')).length
}

describe('an attachment by CNI', () => {
  it(
    'is announced when ADD is answered: both ends are up by then',
    withCni(async ({ rig, cni }) => {
      expect((await cni.call('ADD', CONF)).exit).to.equal(0)
      expect(announced(rig.host)).to.equal(1)
    }, ROUTING)
  )

  const prober = new FakeProber()
  it(
    'is announced after the first success where its configuration has a check',
    withCni(
      async ({ rig, cni }) => {
        prober.error = 'not yet'
        const options = { 'net-routed.check': 'tcp:80', 'net-routed.check-interval': '50ms' }
        expect((await cni.call('ADD', { ...CONF, options })).exit).to.equal(0)
        await eventually('it is checked', () => prober.probes.length > 1)
        expect(announced(rig.host)).to.equal(0)
        prober.error = undefined
        await eventually('it is announced', () => announced(rig.host) === 1)
      },
      { ...ROUTING, prober }
    )
  )
})
