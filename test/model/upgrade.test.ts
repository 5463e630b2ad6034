import { expect } from 'chai'
import { RECORD_KINDS, parseRecord } from '../../src/model/record.js'
import { MemoryStore } from '../../src/store/memory-store.js'
import { startOn } from '../support/daemon.js'
import { FakeHost } from '../../src/host/fake-host.js'
import { goldenDocuments } from '../support/golden.js'

describe('documents of former versions', () => {
  it('are kept for every kind', () => {
    const kinds = new Set(goldenDocuments().map(({ kind }) => kind))
    expect([...kinds]).to.have.members([...RECORD_KINDS])
  })

  for (const { name, kind, document } of goldenDocuments()) {
    it(`${name} is loaded with everything in it`, () => {
      const { version: _version, ...record } = document
      expect(parseRecord(kind, document)).to.deep.include(record)
    })
  }

  it('together are a state that the daemon starts with', async () => {
    const store = new MemoryStore()
    for (const { kind, document } of goldenDocuments())
      store.documents.set(`${kind} ${String(document['id'])}`, document)
    const daemon = await startOn({ host: new FakeHost(), store })
    try {
      expect(daemon.records.broken).to.deep.equal([])
      expect(daemon.records.count('network')).to.equal(2)
      expect(daemon.records.count('endpoint')).to.equal(4)
    } finally {
      await daemon.stop()
    }
  })
})
