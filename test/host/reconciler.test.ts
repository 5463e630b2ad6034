import { expect } from 'chai'
import { KernelError } from '../../src/errors.js'
import { FakeHost } from '../../src/host/fake-host.js'
import type { Host, HostChange, HostFacts } from '../../src/host/host.js'
import { describeOp, keyOf } from '../../src/host/objects.js'
import type { HostObject, Kind, Link, Op, Route } from '../../src/host/objects.js'
import { Reconciler } from '../../src/host/reconciler.js'
import { silentLog } from '../../src/log.js'
import type { Log } from '../../src/log.js'

const LINK: Link = {
  kind: 'link',
  name: 'nr-1',
  alias: 'net-routed endpoint 1',
  ipv6: false,
  proxyArp: false,
  settled: true,
  veth: { name: 'nrc1', mac: '02:42:0a:01:00:02' }
}
const { veth: _veth, ...ADOPTED } = LINK
const ROUTE: Route = { kind: 'route', dst: '10.1.0.2/32', link: 'nr-1', metric: 0 }
const FORWARDING: HostObject = { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' }
const FIREWALL: HostObject = { kind: 'firewall', family: 4, intact: true }

describe('Reconciler.settle', () => {
  it('makes what is wanted, links before routes', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [ROUTE, LINK])
    await reconciler.settle()
    expect(host.log.map(describeOp)).to.deep.equal([
      'add link nr-1',
      'add route 10.1.0.2/32 dev nr-1 metric 0'
    ])
    expect(reconciler.faults.size).to.equal(0)
  })

  it('does nothing the second time', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [LINK, ROUTE])
    await reconciler.settle()
    const before = host.log.length
    reconciler.want([], [LINK, ROUTE])
    await reconciler.settle()
    expect(host.log.length).to.equal(before)
  })

  it('removes what is no longer wanted, routes before links', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [LINK, ROUTE])
    await reconciler.settle()
    host.log.length = 0
    reconciler.want([LINK, ROUTE], [])
    await reconciler.settle()
    expect(host.log.map(describeOp)).to.deep.equal([
      'delete route 10.1.0.2/32 dev nr-1 metric 0',
      'delete link nr-1'
    ])
  })

  it('shares the next pass among callers who arrive during one', async () => {
    const { host, reconciler } = await started()
    const before = reconciler.counters.passes
    const links = Array.from({ length: 50 }, (_, index) => ({ ...LINK, name: `nr-${String(index)}` }))
    await Promise.all(
      links.map((link) => {
        reconciler.want([], [link])
        return reconciler.settle()
      })
    )
    expect(host.objects.size).to.equal(52)
    expect(reconciler.counters.passes - before).to.be.below(3)
  })

  it('resolves after a pass that began after the call', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [LINK])
    const first = reconciler.settle()
    await Promise.resolve()
    reconciler.want([], [ROUTE])
    await reconciler.settle()
    expect(host.objects.has(keyOf(ROUTE))).to.equal(true)
    await first
  })

  it('touches only what changed, however much else is there', async () => {
    const { host, reconciler } = await started()
    const links = Array.from({ length: 100 }, (_, index) => ({ ...LINK, name: `nr-${String(index)}` }))
    reconciler.want([], links)
    await reconciler.settle()
    host.log.length = 0
    reconciler.want([], [ROUTE])
    await reconciler.settle()
    expect(host.log.map(describeOp)).to.deep.equal(['add route 10.1.0.2/32 dev nr-1 metric 0'])
  })

  it('keeps the reason why a key failed, and goes on with the others', async () => {
    const { host, reconciler } = await started()
    host.foreign.add(keyOf(ROUTE))
    reconciler.want([], [LINK, ROUTE])
    await reconciler.settle()
    expect([...reconciler.faults.keys()]).to.deep.equal([keyOf(ROUTE)])
    expect(reconciler.faults.get(keyOf(ROUTE))?.errno).to.equal('EEXIST')
    expect(host.objects.has(keyOf(LINK))).to.equal(true)
  })

  it('tries a failure that passes again, within the same pass', async () => {
    const { host, reconciler } = await started()
    let failures = 1
    host.refuse = () => (failures-- > 0 ? 'ENOBUFS' : undefined)
    reconciler.want([], [LINK])
    await reconciler.settle()
    expect(reconciler.faults.size).to.equal(0)
    expect(host.objects.has(keyOf(LINK))).to.equal(true)
  })

  it('gives up after three rounds', async () => {
    const { host, reconciler } = await started()
    host.refuse = () => 'EIO'
    reconciler.want([], [LINK])
    await reconciler.settle()
    expect(host.log.length).to.equal(3)
  })

  it('clears a fault when what failed is no longer wanted', async () => {
    const { host, reconciler } = await started()
    host.refuse = () => 'EIO'
    reconciler.want([], [LINK])
    await reconciler.settle()
    host.refuse = () => undefined
    reconciler.want([LINK], [])
    await reconciler.settle()
    expect(reconciler.faults.size).to.equal(0)
  })

  it('goes on after a host that could not be read once', async () => {
    const fake = new FakeHost()
    const host = new UnreadableHost(fake)
    const reconciler = new Reconciler(host, silentLog)
    await reconciler.resync()
    host.isUnreadable = true
    expect(await reconciler.resync()).to.equal(false)
    host.isUnreadable = false
    reconciler.want([], [LINK])
    await reconciler.settle()
    expect(fake.objects.has(keyOf(LINK))).to.equal(true)
  })
})

describe('Reconciler.lost', () => {
  it('names links that are gone and cannot be made again, and leaves out what lives on them', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [ADOPTED, ROUTE])
    await reconciler.settle()
    expect([...reconciler.lost]).to.deep.equal(['nr-1'])
    expect(reconciler.faults.size).to.equal(0)
    expect(host.objects.has(keyOf(ROUTE))).to.equal(false)
  })

  it('forgets a link that is wanted no more', async () => {
    const { reconciler } = await started()
    reconciler.want([], [ADOPTED])
    await reconciler.settle()
    reconciler.want([ADOPTED], [])
    await reconciler.settle()
    expect(reconciler.lost.size).to.equal(0)
  })

  it('notices a link that vanished after it was last read', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [LINK])
    await reconciler.settle()
    host.vanish('link nr-1')
    reconciler.want([], [ADOPTED, ROUTE])
    await reconciler.settle()
    expect([...reconciler.lost]).to.deep.equal(['nr-1'])
    expect(reconciler.faults.size).to.equal(0)
  })
})

describe('Reconciler.resync', () => {
  it('repairs what somebody removed, and counts it', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [LINK, ROUTE])
    await reconciler.settle()
    host.vanish(keyOf(ROUTE))
    await reconciler.resync()
    expect(host.objects.has(keyOf(ROUTE))).to.equal(true)
    expect(reconciler.counters.repairs).to.equal(1)
  })

  it('repairs what somebody changed', async () => {
    const { host, reconciler } = await started()
    reconciler.want([], [LINK])
    await reconciler.settle()
    host.objects.set('link nr-1', { ...ADOPTED, settled: false })
    await reconciler.resync()
    expect(host.objects.get('link nr-1')).to.deep.equal(ADOPTED)
  })

  it('removes marked leftovers of a former process', async () => {
    const { host, reconciler } = await started()
    host.objects.set('link nr-9', { ...ADOPTED, name: 'nr-9' })
    await reconciler.resync()
    expect(host.objects.has('link nr-9')).to.equal(false)
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

describe('Reconciler.concerns', () => {
  it('takes the end of a wanted object for news', async () => {
    const { reconciler } = await started()
    reconciler.want([], [LINK])
    expect(reconciler.concerns({ kind: 'link', key: 'link nr-1', gone: true })).to.equal(true)
    expect(reconciler.concerns({ kind: 'link', key: 'link nr-2', gone: true })).to.equal(false)
    expect(reconciler.concerns({ kind: 'link', key: 'link nr-1', gone: false })).to.equal(false)
  })

  it('takes changes of the firewall for news as long as it is wanted', async () => {
    const { reconciler } = await started()
    const change: HostChange = { kind: 'firewall', gone: false }
    expect(reconciler.concerns(change)).to.equal(false)
    reconciler.want([], [FIREWALL])
    expect(reconciler.concerns(change)).to.equal(true)
  })
})

async function started(): Promise<{ host: FakeHost; reconciler: Reconciler }> {
  const host = new FakeHost()
  const reconciler = new Reconciler(host, silentLog)
  await reconciler.resync()
  return { host, reconciler }
}

/** A host that fails to list, as netlink does when its buffer overflows. */
class UnreadableHost implements Host {
  isUnreadable = false
  readonly #host: Host

  constructor(host: Host) {
    this.#host = host
  }

  list(kinds?: readonly Kind[]): Promise<HostObject[]> {
    if (this.isUnreadable) return Promise.reject(new KernelError('ENOBUFS', 'cannot list links: ENOBUFS'))
    return this.#host.list(kinds)
  }

  apply(ops: readonly Op[]): Promise<ReadonlyMap<string, KernelError>> {
    return this.#host.apply(ops)
  }

  facts(): Promise<HostFacts> {
    return this.#host.facts()
  }

  watch(onChange: (change: HostChange) => void): () => void {
    return this.#host.watch(onChange)
  }
}
