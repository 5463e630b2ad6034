import { expect } from 'chai'
import { MemoryStore } from '../../src/store/memory-store.js'
import { SETTING, describeStoreContract } from '../contract/store-contract.js'
import { errorOf } from '../support/expect-error.js'

describe('MemoryStore', () => {
  describeStoreContract((test) => {
    const store = new MemoryStore()
    const reopen = (): Promise<MemoryStore> => {
      const reopened = new MemoryStore()
      for (const [key, document] of store.documents) reopened.documents.set(key, document)
      return Promise.resolve(reopened)
    }
    return test({ store, reopen })
  })

  it('fails on demand, and is unchanged then', async () => {
    const store = new MemoryStore()
    store.refuse = () => 'no space left on device'
    const error = await errorOf(store.put('setting', SETTING))
    expect(error.message).to.equal('cannot store setting net.ipv4.ip_forward: no space left on device')
    expect(store.documents.size).to.equal(0)
  })
})
