/** One method each, with what comes before it and what Docker calls after it: for tests of failures at every step. */
import { LOCAL_SPACE, dockerId, sandboxOf } from './docker.js'
import type { Docker } from './docker.js'
import type { Call } from './daemon.js'

export interface Scene {
  readonly method: string
  /** For the test's name, where it is not the method. */
  readonly name?: string
  /** True = what must be undone is undone by a later pass, not by the failing call. */
  readonly removes: boolean
  readonly prepare: (docker: Docker) => Promise<void>
  readonly act: (call: Call) => Promise<unknown>
  /** What Docker calls when the answer is an error, down to nothing being left. */
  readonly followUp: (call: Call) => Promise<void>
  /** The same for an answer that never comes, where that differs. */
  readonly afterStop?: (call: Call) => Promise<void>
}

export const NETWORK = dockerId(1)
export const ENDPOINT = dockerId(2)
const SUBNET = '10.1.0.0/24'
const SUBNET6 = 'fd00:1::/64'
const POOL = `local/${SUBNET}`
const POOL6 = `local/${SUBNET6}`
const REF = { NetworkID: NETWORK, EndpointID: ENDPOINT }
const CREATE_NETWORK = {
  NetworkID: NETWORK,
  IPv4Data: [{ AddressSpace: LOCAL_SPACE, Pool: SUBNET }],
  IPv6Data: [{ AddressSpace: LOCAL_SPACE, Pool: SUBNET6 }],
  Options: { 'com.docker.network.generic': { 'net-routed.ingress': `${SUBNET}, ${SUBNET6}:tcp/80` } }
}
const CREATE_ENDPOINT = {
  ...REF,
  Interface: { Address: '10.1.0.5/32', AddressIPv6: 'fd00:1::5/128', MacAddress: '' },
  Options: {}
}
const JOIN = { ...REF, SandboxKey: sandboxOf(ENDPOINT), Options: {} }

export const SCENES: readonly Scene[] = [
  {
    method: 'IpamDriver.RequestPool',
    removes: false,
    prepare: () => Promise.resolve(),
    act: (call) =>
      call('IpamDriver.RequestPool', { AddressSpace: LOCAL_SPACE, Pool: SUBNET, SubPool: '', V6: false }),
    followUp: (call) => releasePool(call)
  },
  {
    method: 'IpamDriver.RequestAddress',
    removes: false,
    prepare: network,
    act: (call) => requestAddress(call, POOL, '10.1.0.5'),
    followUp: async (call) => {
      await releaseAddresses(call)
      await removeNetwork(call)
    }
  },
  {
    method: 'NetworkDriver.CreateNetwork',
    removes: false,
    prepare: pools,
    act: (call) => call('NetworkDriver.CreateNetwork', CREATE_NETWORK),
    followUp: async (call) => {
      await releasePool(call)
      await createdAgain(call)
    }
  },
  {
    method: 'NetworkDriver.CreateEndpoint',
    removes: false,
    prepare: addresses,
    act: (call) => call('NetworkDriver.CreateEndpoint', CREATE_ENDPOINT),
    followUp: async (call) => {
      await releaseAddresses(call)
      await removeNetwork(call)
    }
  },
  {
    method: 'NetworkDriver.Join',
    removes: false,
    prepare: endpoint,
    act: (call) => call('NetworkDriver.Join', JOIN),
    followUp: async (call) => {
      await call('NetworkDriver.DeleteEndpoint', REF)
      await releaseAddresses(call)
      await removeNetwork(call)
    }
  },
  {
    method: 'NetworkDriver.Leave',
    removes: true,
    prepare: joined,
    act: (call) => call('NetworkDriver.Leave', REF),
    followUp: async (call) => {
      await call('NetworkDriver.DeleteEndpoint', REF)
      await releaseAddresses(call)
      await removeNetwork(call)
    }
  },
  {
    method: 'NetworkDriver.DeleteEndpoint',
    removes: true,
    prepare: left,
    act: (call) => call('NetworkDriver.DeleteEndpoint', REF),
    followUp: async (call) => {
      await releaseAddresses(call)
      await removeNetwork(call)
    }
  },
  {
    method: 'IpamDriver.ReleaseAddress',
    removes: true,
    prepare: joinedWithOneAddress,
    act: (call) => call('IpamDriver.ReleaseAddress', { PoolID: POOL, Address: '10.1.0.5' }),
    followUp: removeNetwork
  },
  {
    method: 'IpamDriver.ReleasePool',
    removes: true,
    prepare: pools,
    act: (call) => call('IpamDriver.ReleasePool', { PoolID: POOL }),
    followUp: (call) => releasePool(call)
  },
  {
    method: 'NetworkDriver.DeleteNetwork',
    removes: true,
    prepare: async (docker) => {
      await network(docker)
      await releasePool(docker.call)
    },
    act: (call) => call('NetworkDriver.DeleteNetwork', { NetworkID: NETWORK }),
    followUp: () => Promise.resolve(),
    afterStop: createdAgain
  },
  {
    method: 'NetworkDriver.Join',
    name: 'a second NetworkDriver.Join',
    removes: false,
    prepare: left,
    act: (call) => call('NetworkDriver.Join', JOIN),
    followUp: async (call) => {
      await call('NetworkDriver.DeleteEndpoint', REF)
      await releaseAddresses(call)
      await removeNetwork(call)
    }
  }
]

async function pools(docker: Docker): Promise<void> {
  await docker.call('IpamDriver.RequestPool', {
    AddressSpace: LOCAL_SPACE,
    Pool: SUBNET,
    SubPool: '',
    V6: false
  })
  await docker.call('IpamDriver.RequestPool', {
    AddressSpace: LOCAL_SPACE,
    Pool: SUBNET6,
    SubPool: '',
    V6: true
  })
}

async function network(docker: Docker): Promise<void> {
  await pools(docker)
  await docker.call('NetworkDriver.CreateNetwork', CREATE_NETWORK)
}

async function addresses(docker: Docker): Promise<void> {
  await network(docker)
  await requestAddress(docker.call, POOL, '10.1.0.5')
  await requestAddress(docker.call, POOL6, 'fd00:1::5')
}

async function endpoint(docker: Docker): Promise<void> {
  await addresses(docker)
  await docker.call('NetworkDriver.CreateEndpoint', CREATE_ENDPOINT)
}

async function joined(docker: Docker): Promise<void> {
  await endpoint(docker)
  await docker.call('NetworkDriver.Join', JOIN)
}

async function joinedWithOneAddress(docker: Docker): Promise<void> {
  await network(docker)
  await requestAddress(docker.call, POOL, '10.1.0.5')
  const Interface = { Address: '10.1.0.5/32', AddressIPv6: '', MacAddress: '' }
  await docker.call('NetworkDriver.CreateEndpoint', { ...CREATE_ENDPOINT, Interface })
  await docker.call('NetworkDriver.Join', JOIN)
}

async function left(docker: Docker): Promise<void> {
  await joined(docker)
  await docker.call('NetworkDriver.Leave', REF)
}

function requestAddress(call: Call, PoolID: string, Address: string): Promise<unknown> {
  return call('IpamDriver.RequestAddress', { PoolID, Address, Options: null })
}

async function releaseAddresses(call: Call): Promise<void> {
  await call('IpamDriver.ReleaseAddress', { PoolID: POOL, Address: '10.1.0.5' })
  await call('IpamDriver.ReleaseAddress', { PoolID: POOL6, Address: 'fd00:1::5' })
}

async function releasePool(call: Call): Promise<void> {
  await call('IpamDriver.ReleasePool', { PoolID: POOL })
  await call('IpamDriver.ReleasePool', { PoolID: POOL6 })
}

async function removeNetwork(call: Call): Promise<void> {
  await releasePool(call)
  await call('NetworkDriver.DeleteNetwork', { NetworkID: NETWORK })
}

/** Docker does not delete a network whose creation failed: the user tries again, under another id, and removes that one. */
async function createdAgain(call: Call): Promise<void> {
  const id = dockerId(9)
  await call('IpamDriver.RequestPool', { AddressSpace: LOCAL_SPACE, Pool: SUBNET, SubPool: '', V6: false })
  await call('IpamDriver.RequestPool', { AddressSpace: LOCAL_SPACE, Pool: SUBNET6, SubPool: '', V6: true })
  await call('NetworkDriver.CreateNetwork', { ...CREATE_NETWORK, NetworkID: id })
  await releasePool(call)
  await call('NetworkDriver.DeleteNetwork', { NetworkID: id })
}
