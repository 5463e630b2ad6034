// What dockerd says to the plugin when containers come and go, in its order and with its fields. It does not do what
// dockerd does in between: make the sandbox, and move the container's end of the link there and back.
import { randomBytes } from 'node:crypto'
import { pathIn } from './lab.mjs'
import { request } from './request.mjs'

const OPTIONS = { 'com.docker.network.endpoint.exposedports': [], 'com.docker.network.portmap': [] }
const SPACE = 'net-routed-local'
const id = () => randomBytes(32).toString('hex')

/** An engine on a host of the lab, with one network. */
export async function engineOn(host, subnet) {
  const socket = pathIn(host, '/run/docker/plugins/net-routed.sock')
  const ask = (method, body) => request(socket, method, body)
  const spaces = await ask('IpamDriver.GetDefaultAddressSpaces')
  const space = spaces.LocalDefaultAddressSpace ?? SPACE
  const pool = await ask('IpamDriver.RequestPool', {
    AddressSpace: space,
    Pool: subnet,
    SubPool: '',
    Options: {},
    V6: false
  })
  const gateway = await ask('IpamDriver.RequestAddress', {
    PoolID: pool.PoolID,
    Address: '',
    Options: { RequestAddressType: 'com.docker.network.gateway' }
  })
  const networkId = id()
  await ask('NetworkDriver.CreateNetwork', {
    NetworkID: networkId,
    Options: {
      'com.docker.network.enable_ipv6': false,
      'com.docker.network.generic': {},
      'com.docker.network.internal': true
    },
    IPv4Data: [{ AddressSpace: space, Pool: pool.Pool, Gateway: gateway.Address, AuxAddresses: {} }],
    IPv6Data: []
  })
  return { ask, networkId, poolId: pool.PoolID }
}

/** An endpoint that does not exist yet, with an address from the plugin's IPAM. */
export async function reserve({ ask, networkId, poolId }) {
  const { Address } = await ask('IpamDriver.RequestAddress', { PoolID: poolId, Address: '', Options: null })
  return { NetworkID: networkId, EndpointID: id(), address: Address }
}

/** CreateEndpoint; `options` as with `--driver-opt`. */
export const create = ({ ask }, { address, ...names }, options = {}) =>
  ask('NetworkDriver.CreateEndpoint', {
    ...names,
    Interface: { Address: address, AddressIPv6: '', MacAddress: '' },
    Options: { ...OPTIONS, ...options }
  })

/** Join; the answer names the container's end of the link. */
export const join = ({ ask }, { NetworkID, EndpointID }) =>
  ask('NetworkDriver.Join', {
    NetworkID,
    EndpointID,
    SandboxKey: `/var/run/docker/netns/${EndpointID.slice(0, 12)}`,
    Options: OPTIONS
  })

export const leave = ({ ask }, { NetworkID, EndpointID }) =>
  ask('NetworkDriver.Leave', { NetworkID, EndpointID })

export const remove = ({ ask }, { NetworkID, EndpointID }) =>
  ask('NetworkDriver.DeleteEndpoint', { NetworkID, EndpointID })

export const release = ({ ask, poolId }, { address }) =>
  ask('IpamDriver.ReleaseAddress', { PoolID: poolId, Address: address.split('/')[0] })

/** What `net-routed set --endpoint` asks for; `name` is an id or an address. */
export const setOptions = ({ ask }, name, options) => ask('Admin.Set', { Endpoint: name, Options: options })

/** A request that has nothing to do. */
export const activate = ({ ask }) => ask('Plugin.Activate')
