import { expect } from 'chai'
import { FakeHost } from '../../src/host/fake-host.js'
import type { HostChange } from '../../src/host/host.js'
import { keyOf } from '../../src/host/objects.js'
import { Reconciler } from '../../src/host/reconciler.js'
import { silentLog } from '../../src/log.js'
import { FIREWALL, FORWARDING, LINK } from '../support/reconciling.js'

describe('Reconciler.concerns', () => {
  it('takes the end of a wanted object for news', () => {
    const reconciler = new Reconciler(new FakeHost(), silentLog)
    reconciler.want([], [LINK])
    expect(reconciler.concerns({ kind: 'link', key: 'link nr-1', gone: true })).to.equal(true)
    expect(reconciler.concerns({ kind: 'link', key: 'link nr-2', gone: true })).to.equal(false)
    expect(reconciler.concerns({ kind: 'link', key: 'link nr-1', gone: false })).to.equal(false)
  })

  it('takes a value for news that differs from the wanted one', () => {
    const reconciler = new Reconciler(new FakeHost(), silentLog)
    reconciler.want([], [FORWARDING])
    const change = { kind: 'sysctl', key: keyOf(FORWARDING), gone: false } as const
    expect(reconciler.concerns({ ...change, object: { ...FORWARDING, value: '0' } })).to.equal(true)
    expect(reconciler.concerns({ ...change, object: FORWARDING })).to.equal(false)
    reconciler.want([FORWARDING], [])
    expect(reconciler.concerns({ ...change, object: { ...FORWARDING, value: '0' } })).to.equal(false)
  })

  it('takes changes of the firewall for news as long as it is wanted', () => {
    const reconciler = new Reconciler(new FakeHost(), silentLog)
    const change: HostChange = { kind: 'firewall', gone: false }
    expect(reconciler.concerns(change)).to.equal(false)
    reconciler.want([], [FIREWALL])
    expect(reconciler.concerns(change)).to.equal(true)
  })
})
