import { expect } from 'chai'
import { Committer } from '../../src/core/commit.js'
import { ConflictError, KernelError, StoreError } from '../../src/errors.js'
import { FakeHost } from '../../src/host/fake-host.js'
import { describeOp } from '../../src/host/describe.js'
import { Reconciler } from '../../src/host/reconciler.js'
import { silentLog } from '../../src/log.js'
import { hostLinkName } from '../../src/model/endpoint.js'
import type { Endpoint } from '../../src/model/endpoint.js'
import { macOf, parseIp, parsePrefix } from '../../src/model/ip.js'
import type { AnyRecord, RecordKind } from '../../src/model/record.js'
import { MemoryStore } from '../../src/store/memory-store.js'
import { Records } from '../../src/store/records.js'
import type { Stored } from '../../src/store/records.js'
import { sorted } from '../support/daemon.js'
import { errorOf } from '../support/expect-error.js'

function endpoint(id: string, address = '10.1.0.2'): Endpoint {
  return {
    id,
    networkId: 'n1',
    addresses: [parsePrefix(`${address}/32`)],
    mac: macOf(parseIp(address)),
    since: '2026-01-01T00:00:00.000Z'
  }
}

function joined(id: string, address?: string): Endpoint {
  return {
    ...endpoint(id, address),
    sandbox: { path: `/${id}`, runtime: 'docker', gateway: parseIp('169.254.1.1') }
  }
}

function put(record: Endpoint): Stored {
  return { kind: 'endpoint', record }
}

/** Tells what was done in which order, kernel and store together. */
class TellingStore extends MemoryStore {
  readonly #tell: (event: string) => void

  constructor(tell: (event: string) => void) {
    super()
    this.#tell = tell
  }

  override put(kind: RecordKind, record: AnyRecord): Promise<void> {
    this.#tell(`put ${kind} ${record.id}`)
    return super.put(kind, record)
  }

  override delete(kind: RecordKind, id: string): Promise<void> {
    this.#tell(`delete ${kind} ${id}`)
    return super.delete(kind, id)
  }
}

interface Subject {
  readonly host: FakeHost
  readonly store: MemoryStore
  readonly records: Records
  readonly reconciler: Reconciler
  readonly committer: Committer
  readonly events: string[]
}

async function started(): Promise<Subject> {
  const events: string[] = []
  const host = new FakeHost()
  const store = new TellingStore((event) => events.push(event))
  host.refuse = (op) => {
    events.push(describeOp(op))
    return undefined
  }
  const records = await Records.load(store)
  const reconciler = new Reconciler(host, silentLog)
  const committer = new Committer({ store, records, reconciler, log: silentLog })
  await reconciler.resync()
  // As if there were a network: sources need it.
  host.objects.set('guard', { kind: 'guard', intact: true })
  return { host, store, records, reconciler, committer, events }
}

function state({ host, store, records }: Subject): object {
  return {
    objects: sorted(host.objects.values()),
    documents: sorted(store.documents.values()),
    records: sorted(records.all('endpoint'))
  }
}

const LINK = `link ${hostLinkName('e1')}`

describe('Committer.commit', () => {
  it('stores before it changes the kernel', async () => {
    const { committer, events } = await started()
    await committer.commit({ put: [put(endpoint('e1'))] })
    expect(events[0]).to.equal('put endpoint e1')
    expect(events).to.include(`add ${LINK}`)
  })

  it('removes from the kernel, then from the store', async () => {
    const { committer, events } = await started()
    await committer.commit({ put: [put(endpoint('e1'))] })
    events.length = 0
    await committer.commit({ remove: [{ kind: 'endpoint', id: 'e1' }] })
    expect(events).to.include(`delete ${LINK}`)
    expect(events.at(-1)).to.equal('delete endpoint e1')
  })

  it('forgets many records side by side, so that the store can share a sync', async () => {
    const { committer, store } = await started()
    const ids = ['e1', 'e2', 'e3']
    for (const [index, id] of ids.entries())
      await committer.commit({ put: [put(endpoint(id, `10.1.0.${String(index + 2)}`))] })
    const forget = store.delete.bind(store)
    let running = 0
    let most = 0
    store.delete = async (kind, id) => {
      most = Math.max(most, ++running)
      await new Promise(setImmediate)
      await forget(kind, id)
      running--
    }
    await committer.commit({ remove: ids.map((id) => ({ kind: 'endpoint', id })) })
    expect(most).to.equal(3)
    expect(store.documents.size).to.equal(0)
  })

  it('looks at no other endpoint when one with a list comes and goes, and keeps the table for the others', async () => {
    const { committer, records, host } = await started()
    const listed = (id: string, address: string): Stored => put({ ...endpoint(id, address), ingress: [] })
    await committer.commit({ put: [listed('e1', '10.1.0.2')] })
    const all = records.all.bind(records)
    records.all = (kind) => (kind === 'endpoint' ? expect.fail('all endpoints were asked for') : all(kind))
    await committer.commit({ put: [listed('e2', '10.1.0.3')] })
    await committer.commit({ remove: [{ kind: 'endpoint', id: 'e2' }] })
    expect(host.objects.has('policer')).to.equal(true)
    await committer.commit({ remove: [{ kind: 'endpoint', id: 'e1' }] })
    expect(host.objects.has('policer')).to.equal(false)
  })

  it('refuses what belongs to another record before anything is touched', async () => {
    const subject = await started()
    await subject.committer.commit({ put: [put(joined('e1'))] })
    await subject.committer.commit({ put: [put(endpoint('e2'))] })
    const before = state(subject)
    subject.events.length = 0
    const error = await errorOf(subject.committer.commit({ put: [put(joined('e2'))] }))
    expect(error).to.be.instanceOf(ConflictError)
    expect(error.message).to.contain('route 10.1.0.2/32 0 belongs to endpoint e1')
    expect(subject.events).to.deep.equal([])
    expect(state(subject)).to.deep.equal(before)
  })

  it('lets one of two at once have a route, and refuses the other', async () => {
    const subject = await started()
    for (const id of ['e1', 'e2']) await subject.committer.commit({ put: [put(endpoint(id))] })
    const results = await Promise.allSettled(
      ['e1', 'e2'].map((id) => subject.committer.commit({ put: [put(joined(id))] }))
    )
    expect(results.map(({ status }) => status)).to.have.members(['fulfilled', 'rejected'])
  })

  it('does not touch the kernel where the store refuses', async () => {
    const subject = await started()
    const before = state(subject)
    subject.store.refuse = () => 'no space left on device'
    expect(await errorOf(subject.committer.commit({ put: [put(endpoint('e1'))] }))).to.be.instanceOf(
      StoreError
    )
    expect(subject.events.filter((event) => /^add/.test(event))).to.deep.equal([])
    expect(state(subject)).to.deep.equal(before)
  })

  it('puts everything back where the kernel refuses, and says what it refused', async () => {
    const subject = await started()
    await subject.committer.commit({ put: [put(endpoint('e1'))] })
    const before = state(subject)
    subject.host.foreign.add('route 10.1.0.2/32 0')
    const error = await errorOf(subject.committer.commit({ put: [put(joined('e1'))] }))
    expect(error).to.be.instanceOf(KernelError)
    expect(error.message).to.contain('add route 10.1.0.2/32').and.contain('EEXIST')
    expect(state(subject)).to.deep.equal(before)
    expect(subject.reconciler.faults.size).to.equal(0)
  })

  it('frees what a refused change had reserved', async () => {
    const subject = await started()
    for (const id of ['e1', 'e2']) await subject.committer.commit({ put: [put(endpoint(id))] })
    subject.host.foreign.add('route 10.1.0.2/32 0')
    await errorOf(subject.committer.commit({ put: [put(joined('e1'))] }))
    subject.host.foreign.clear()
    await subject.committer.commit({ put: [put(joined('e2'))] })
    expect(subject.host.objects.get('route 10.1.0.2/32 0')).to.deep.include({ link: hostLinkName('e2') })
  })

  it('ends what the engine has ended although the store refuses, tells it, and writes it later', async () => {
    const subject = await started()
    await subject.committer.commit({ put: [put(endpoint('e1'))] })
    subject.store.refuse = () => 'read-only file system'
    const ended = subject.committer.commit({ remove: [{ kind: 'endpoint', id: 'e1' }], isEnd: true })
    expect(await errorOf(ended)).to.be.instanceOf(StoreError)
    expect(subject.records.count('endpoint')).to.equal(0)
    expect(subject.store.documents.size).to.equal(1)
    await subject.committer.retryWrites()
    subject.store.refuse = () => undefined
    await subject.committer.retryWrites()
    expect(subject.store.documents.size).to.equal(0)
  })

  it('keeps a removal that the kernel refused as a record that says so', async () => {
    const subject = await started()
    await subject.committer.commit({ put: [put(endpoint('e1'))] })
    subject.host.refuse = ({ verb }) => (verb === 'delete' ? 'EBUSY' : undefined)
    const error = await errorOf(subject.committer.commit({ remove: [{ kind: 'endpoint', id: 'e1' }] }))
    expect(error).to.be.instanceOf(KernelError)
    expect(subject.records.get('endpoint', 'e1')?.deleted).to.equal(true)
    subject.host.refuse = () => undefined
    await subject.committer.commit({ remove: [{ kind: 'endpoint', id: 'e1' }] })
    expect(subject.store.documents.size).to.equal(0)
  })
})
