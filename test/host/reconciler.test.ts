import { expect } from 'chai'
import { KernelError } from '../../src/errors.js'
import { FakeHost } from '../../src/host/fake-host.js'
import type { Host, HostChange, HostFacts, Listener } from '../../src/host/host.js'
import { describeOp } from '../../src/host/describe.js'
import { keyOf } from '../../src/host/objects.js'
import type { HostObject, Kind, Op } from '../../src/host/objects.js'
import type { PolicyCounts } from '../../src/host/policies.js'
import { Reconciler } from '../../src/host/reconciler.js'
import { silentLog } from '../../src/log.js'
import { ADOPTED, LINK, ROUTE, started } from '../support/reconciling.js'

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

  listeners(): Promise<readonly Listener[]> {
    return this.#host.listeners()
  }

  dropped(): Promise<ReadonlyMap<string, number>> {
    return this.#host.dropped()
  }

  policed(): Promise<ReadonlyMap<string, PolicyCounts>> {
    return this.#host.policed()
  }

  watch(onChange: (change: HostChange) => void): () => void {
    return this.#host.watch(onChange)
  }
}
