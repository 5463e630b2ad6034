/**
 * A routed endpoint on its host: the host end of its pair, and once the container has joined, what it may send from, the
 * gateway's address, a permanent neighbour entry and a host route per container address.
 *
 * The gateway is an address of the host end, so that the host answers ARP and NDP for it at once; proxy ARP would answer
 * after a random delay and only where the host has a route for the gateway. Where a router outside really has the
 * gateway's address we must not take it, and proxy ARP (without the delay) it is.
 */
import type {
  Address,
  Announcement,
  HostObject,
  Link,
  Neighbour,
  Proxy,
  Route,
  Source,
  VethPeer
} from '../host/objects.js'
import { healthOf } from '../model/health.js'
import { containerLinkName, hostLinkName, hostMacOf } from '../model/endpoint.js'
import type { Endpoint, Sandbox } from '../model/endpoint.js'
import { addressOf, familyOf, hostPrefix, lengthOf, linkLocalOf, widthOf, withLength } from '../model/ip.js'
import type { Ip, Prefix } from '../model/ip.js'
import { desiredOfPolicy } from './policy.js'
import type { AddressesOf } from './policy.js'
import { desiredOfRates } from './rates.js'
import { desiredOfPorts, usesLoopback } from './portmap.js'

const METRIC = { 4: 0, 6: 1024 } as const
/** fe80::/64 must be on-link, or the host could not answer the container's link-local address. */
const LINK_LOCAL_LENGTH = 64

/**
 * What the host should have for an endpoint. Nothing for one that is being deleted. `announces`: routing daemons read an
 * announcement instead of the route, which is where they do not look (decision 11). `addressesOf`: of DNS names in lists.
 */
export function desiredOfEndpoint(
  endpoint: Endpoint,
  announces = false,
  addressesOf: AddressesOf = () => []
): HostObject[] {
  if (endpoint.deleted) return []
  if (endpoint.delegate) return desiredOfPorts(endpoint)
  const link = linkOf(endpoint)
  const policy = desiredOfPolicy(endpoint, addressesOf)
  if (!endpoint.sandbox) return [link, ...policy]
  return [
    link,
    ...policy,
    ...desiredOfRates(endpoint),
    ...sources(endpoint, endpoint.sandbox, link.name),
    ...gatewayAddresses(endpoint.sandbox, link.name),
    ...ownAddresses(endpoint).map((address): Neighbour => {
      return { kind: 'neighbour', link: link.name, address, mac: endpoint.mac }
    }),
    ...endpoint.addresses
      .map(addressOf)
      .flatMap((address) => routes(address, link.name, announces, endpoint)),
    ...proxies(endpoint, link.name),
    ...desiredOfPorts(endpoint)
  ]
}

/** True if others are not to be told of the address by itself although its container runs. */
export function isSilent(endpoint: Endpoint, address: Ip): boolean {
  const { drain, yielded, covered } = endpoint
  const isElsewhere = yielded?.includes(address) === true || covered?.includes(address) === true
  return drain === 'withdrawn' || isElsewhere || !isFit(endpoint)
}

function isFit(endpoint: Endpoint): boolean {
  return (healthOf(endpoint) ?? 'healthy') === 'healthy'
}

function routes(address: Ip, link: string, announces: boolean, endpoint: Endpoint): (Route | Announcement)[] {
  const dst = hostPrefix(address)
  const route: Route = { kind: 'route', link, dst, metric: METRIC[familyOf(address)] }
  const own: Route = { ...route, table: 'local' }
  // Also where routing daemons read routes: in that table they do not see one.
  if (!announces) return [isFit(endpoint) ? route : own]
  return isSilent(endpoint, address) ? [own] : [own, { kind: 'announcement', dst, of: link }]
}

function proxies({ ndpProxy = [], addresses }: Endpoint, of: string): Proxy[] {
  const found = addresses.map(addressOf).filter((address) => familyOf(address) === 6)
  return ndpProxy.flatMap((device) => found.map((address) => ({ kind: 'proxy', device, address, of })))
}

/** As the host sees them on the link: with IPv6 also the link-local one, which neighbour discovery uses. */
function ownAddresses({ addresses, mac }: Endpoint): Ip[] {
  const given = addresses.map(addressOf)
  return given.some((address) => familyOf(address) === 6) ? [...given, linkLocalOf(mac)] : given
}

function linkOf(endpoint: Endpoint): Link {
  const adopted = !endpoint.attaching && (endpoint.sandbox !== undefined || endpoint.left === true)
  return {
    kind: 'link',
    name: hostLinkName(endpoint.id),
    alias: `net-routed endpoint ${endpoint.id}`,
    ...(endpoint.mtu === undefined ? {} : { mtu: endpoint.mtu }),
    ipv6: endpoint.addresses.some((prefix) => familyOf(prefix) === 6),
    proxyArp: endpoint.gatewayIsForeign === true || endpoint.addresses.some(asksForNeighbours),
    ...localnetOf(endpoint),
    settled: true,
    ...(adopted ? {} : { veth: peerOf(endpoint) })
  }
}

/** In a list of CNI plugins the one for ports may need it for itself. */
function localnetOf(endpoint: Endpoint): Pick<Link, 'localnet'> {
  const localnet = usesLoopback(endpoint)
  return localnet || endpoint.sandbox?.runtime !== 'cni' ? { localnet } : {}
}

/** The runtime moves and names its end itself, or leaves all that to us. */
function peerOf({ id, mac, attaching, sandbox }: Endpoint): VethPeer {
  return attaching && sandbox?.ifName !== undefined
    ? { name: sandbox.ifName, mac, hostMac: hostMacOf(id), netns: sandbox.path }
    : { name: containerLinkName(id), mac }
}

/** With a wider prefix than /32 (Docker's own IPAM) the container takes its subnet for a link and asks by ARP. */
function asksForNeighbours(prefix: Prefix): boolean {
  return familyOf(prefix) === 4 && lengthOf(prefix) < widthOf(4)
}

/** A container sends from the addresses of all its endpoints, over any of them. */
function sources(endpoint: Endpoint, { companions = [] }: Sandbox, link: string): Source[] {
  const source = (from: string, address: Ip): Source => ({ kind: 'source', link: from, address })
  return [
    ...ownAddresses(endpoint).map((address) => source(link, address)),
    ...companions.flatMap((companion) => [
      ...companion.addresses.map((prefix) => source(link, addressOf(prefix))),
      ...endpoint.addresses.map((prefix) => source(hostLinkName(companion.endpointId), addressOf(prefix)))
    ])
  ]
}

function gatewayAddresses(sandbox: Sandbox, link: string): Address[] {
  const { gateway, gateway6 } = sandbox
  const own = (address: Ip, length: number): Address => ({
    kind: 'address',
    link,
    address: withLength(address, length)
  })
  return [
    ...(gateway === undefined || sandbox.gatewayIsForeign ? [] : [own(gateway, 32)]),
    ...(gateway6 === undefined ? [] : [own(gateway6, gateway6.startsWith('fe80:') ? LINK_LOCAL_LENGTH : 128)])
  ]
}
