import { expect } from 'chai'
import { FakeHost } from '../../src/host/fake-host.js'
import { keyOf } from '../../src/host/objects.js'
import type { HostObject } from '../../src/host/objects.js'
import { Reconciler } from '../../src/host/reconciler.js'
import { silentLog } from '../../src/log.js'
import type { Log } from '../../src/log.js'
import { ADOPTED, FIREWALL, FORWARDING, LINK, ROUTE, started } from '../support/reconciling.js'

describe('Reconciler.resync', () => {
  it('repairs what somebody removed, and counts it', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [LINK, ROUTE])
    await reconciler.settle()
    host.vanish(keyOf(ROUTE))
    await reconciler.resync()
    expect(host.objects.has(keyOf(ROUTE))).to.equal(true)
    expect(reconciler.counters.repairs.get('route')).to.equal(1)
  })

  it('repairs what somebody changed', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [LINK])
    await reconciler.settle()
    host.objects.set('link nr-1', { ...ADOPTED, settled: false })
    await reconciler.resync()
    expect(host.objects.get('link nr-1')).to.deep.equal(ADOPTED)
  })

  it('lets passes go on while it reads, and believes them more than what it has read', async () => {
    const { host, reconciler } = await started()
    const other: HostObject = { ...ROUTE, dst: '10.1.0.3/32' }
    reconciler.want([], [LINK, other])
    await reconciler.settle()
    const { reading, release } = slowly(host)
    const sweep = reconciler.resync()
    await reading
    reconciler.want([other], [ROUTE])
    await reconciler.settle()
    await reconciler.runs('nr-1')
    expect(host.objects.has(keyOf(ROUTE))).to.equal(true)
    const before = host.log.length
    release()
    await sweep
    expect(host.log.slice(before)).to.deep.equal([])
    expect(reconciler.has(keyOf(ROUTE))).to.equal(true)
    expect(reconciler.has(keyOf(other))).to.equal(false)
    expect([...reconciler.counters.repairs.values()].every((count) => count === 0)).to.equal(true)
  })

  it('repairs what went away while passes went on', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [LINK, ROUTE])
    await reconciler.settle()
    host.vanish(keyOf(ROUTE))
    const { reading, release } = slowly(host)
    const sweep = reconciler.resync()
    await reading
    reconciler.want([], [{ ...ROUTE, dst: '10.1.0.3/32' }])
    await reconciler.settle()
    release()
    await sweep
    expect(host.objects.has(keyOf(ROUTE))).to.equal(true)
    expect(reconciler.counters.repairs.get('route')).to.equal(1)
  })

  it('removes marked leftovers of a former process', async () => {
    const { host, reconciler } = await started()
    host.objects.set('link nr-9', { ...ADOPTED, name: 'nr-9' })
    await reconciler.resync()
    expect(host.objects.has('link nr-9')).to.equal(false)
  })

  it('leaves a link in use that nobody wants alone, with all that lets it work, until it is removed', async () => {
    const { host, reconciler } = await started()
    const source: HostObject = { kind: 'source', link: 'nr-1', address: '10.1.0.2' }
    const guard: HostObject = { kind: 'guard', intact: true }
    const objects = [{ ...ADOPTED, inUse: true } as const, ROUTE, FIREWALL, guard, source]
    for (const object of objects) host.objects.set(keyOf(object), object)
    await reconciler.resync()
    expect([...reconciler.orphans]).to.deep.equal(['nr-1'])
    for (const object of objects) expect(host.objects.get(keyOf(object))).to.deep.equal(object)
    await reconciler.remove('nr-1')
    await reconciler.resync()
    expect([...host.objects.values()].filter(({ kind }) => kind !== 'sysctl')).to.deep.equal([])
  })

  it('leaves sysctls alone that nobody wants', async () => {
    const { host, reconciler } = await started()
    host.objects.set('sysctl net.ipv4.ip_forward', FORWARDING)
    await reconciler.resync()
    expect(host.objects.get('sysctl net.ipv4.ip_forward')).to.deep.equal(FORWARDING)
  })

  it('looks at the kinds that it is told to', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [LINK, FIREWALL])
    await reconciler.settle()
    host.vanish('firewall 4')
    host.vanish('link nr-1')
    await reconciler.resync(['firewall'])
    expect(host.objects.has('firewall 4')).to.equal(true)
    expect(host.objects.has('link nr-1')).to.equal(false)
  })

  it('tells what was wanted before it from what it repairs, also when nothing was settled yet', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [LINK, ROUTE])
    await reconciler.resync()
    expect(reconciler.counters.repairs.get('route')).to.equal(0)
    host.vanish(keyOf(ROUTE))
    await reconciler.resync()
    expect(reconciler.counters.repairs.get('route')).to.equal(1)
  })

  it('counts a repair that is refused once', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [LINK, ROUTE])
    await reconciler.settle()
    host.vanish(keyOf(ROUTE))
    host.foreign.add(keyOf(ROUTE))
    await reconciler.resync()
    await reconciler.resync()
    host.foreign.clear()
    await reconciler.resync()
    expect(reconciler.counters.repairs.get('route')).to.equal(1)
    expect(host.objects.has(keyOf(ROUTE))).to.equal(true)
  })

  it('logs a fault once when it appears and once when it clears', async () => {
    const messages: string[] = []
    const note = (message: string): void => {
      if (message.startsWith('fault')) messages.push(message)
    }
    const log: Log = { ...silentLog, error: note, info: note }
    const host = new FakeHost()
    const reconciler = new Reconciler(host, log)
    await reconciler.resync()
    host.refuse = () => 'EIO'
    reconciler.want([], [LINK])
    await reconciler.settle()
    await reconciler.resync()
    await reconciler.resync()
    host.refuse = () => undefined
    await reconciler.resync()
    expect(messages).to.deep.equal(['fault', 'fault cleared'])
  })
})

/** The next listing is read at once, and told only when it is released. */
function slowly(host: FakeHost): { readonly reading: Promise<void>; readonly release: () => void } {
  const list = host.list.bind(host)
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  let begun = (): void => undefined
  const reading = new Promise<void>((resolve) => (begun = resolve))
  host.list = async (kinds) => {
    host.list = list
    const listed = await list(kinds)
    begun()
    await released
    return listed
  }
  return { reading, release }
}
