import { FakeHost } from '../../src/host/fake-host.js'
import { endsContract } from './ends-contract.js'

endsContract('FakeHost', () => {
  const host = new FakeHost()
  let number = 0
  return {
    host,
    ends: host,
    move: ({ name, veth }, path, address) => {
      const mac = veth?.mac ?? ''
      host.moveEnd(name, path, { name: 'eth0', mac, ipv6: false, addresses: [address], routes: [] })
    },
    sandbox: () => {
      const path = `/run/netns/sandbox-${String(++number)}`
      host.sandboxes.set(path, new Map())
      return path
    },
    endSandbox: (path) => {
      host.endSandbox(path)
    },
    close: () => undefined
  }
})
