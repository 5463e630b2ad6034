import { FakeHost } from '../../src/host/fake-host.js'
import { keyOf } from '../../src/host/objects.js'
import { hostContract } from './host-contract.js'

hostContract('FakeHost', () => {
  const host = new FakeHost()
  return {
    host,
    addForeign: (object) => {
      host.foreign.add(keyOf(object))
    },
    hasForeign: (object) => host.foreign.has(keyOf(object)),
    start: ({ name }) => {
      host.start(name)
    },
    close: () => undefined
  }
})
