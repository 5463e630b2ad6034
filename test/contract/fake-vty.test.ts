import { FakeVty } from '../support/fake-vty.js'
import { describeVtyContract } from './vty-contract.js'

describe('FakeVty', () => {
  describeVtyContract((test) => {
    const fake = new FakeVty('ospfd')
    const kill = (daemon: string): Promise<void> => {
      fake.stop(daemon)
      return Promise.resolve()
    }
    const start = (daemon: string): Promise<void> => {
      fake.start(daemon)
      return Promise.resolve()
    }
    return test({ open: fake.open, kill, start })
  })
})
