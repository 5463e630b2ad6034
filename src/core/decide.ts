/** What an endpoint gets that nobody said: MAC address, MTU, next hops, routes. Pure. */
import { InvalidError } from '../errors.js'
import { shortHash } from '../model/endpoint.js'
import type {
  ContainerServices,
  DelegatedPlugin,
  Endpoint,
  PortMap,
  Sandbox,
  SandboxRoute
} from '../model/endpoint.js'
import { addressOf, familyOf, hostPrefix, macOf, parsePrefix } from '../model/ip.js'
import type { Family, Ip, Mac, Prefix } from '../model/ip.js'
import { linkLocalGateway, linkLocalGateway6 } from '../model/network.js'
import type { Network } from '../model/network.js'
import { IPV6_MTU, isNarrow, tooNarrow } from '../model/options/link.js'
import type { EndpointOptions } from '../model/options/option.js'
import { defaultsOf } from '../model/options/options.js'

export interface EndpointRequest {
  readonly id: string
  readonly networkId: string
  readonly addresses: readonly Prefix[]
  readonly mac?: Mac
  /** Before those of the network. */
  readonly options?: EndpointOptions
  readonly ports?: readonly PortMap[]
}

/** An endpoint whose both ends we make, in a namespace that exists already. */
export interface AttachRequest extends EndpointRequest {
  readonly netns: string
  readonly ifName: string
  /** Next hops that another IPAM wants; absent = the network's. */
  readonly gateway?: Ip
  readonly gateway6?: Ip
  readonly ipam?: DelegatedPlugin
  /** What the container reaches through its next hops; absent = everything. */
  readonly destinations?: readonly Prefix[]
  /** What it reaches on the link itself, from its first address; present = nothing else through it. */
  readonly direct?: readonly Prefix[]
  /** What it reaches through them also where another link has the default route. */
  readonly subnets: readonly Prefix[]
}

/** An endpoint whose links another plugin has made. */
export interface WrapRequest extends EndpointRequest {
  readonly netns: string
  readonly ifName: string
  readonly delegate: DelegatedPlugin
  readonly services?: ContainerServices
}

const EVERYTHING: Readonly<Record<Family, Prefix>> = { 4: parsePrefix('0.0.0.0/0'), 6: parsePrefix('::/0') }

/** The record of a new endpoint, without sandbox. `defaultMtu`: for networks without one of their own. */
export function newEndpoint(
  request: EndpointRequest,
  network: Network,
  { defaultMtu, now }: { defaultMtu: number | undefined; now: Date }
): Endpoint {
  const given = { ...defaultsOf(network), ...request.options }
  const { mtu: _mtu, extraAddresses = [], sysctls, staticRoutes, ...options } = given
  const chosen = Object.keys(request.options ?? {})
  const granted = new Set(request.addresses.map(addressOf))
  const extra = extraAddresses.filter((prefix) => !granted.has(addressOf(prefix)))
  const addresses = [...request.addresses, ...extra]
  const mtu = mtuFor(addresses, given.mtu, defaultMtu)
  const routes = routesFor(addresses, staticRoutes, request.options?.staticRoutes)
  return {
    id: request.id,
    networkId: request.networkId,
    addresses,
    ...(extra.length > 0 ? { extraAddresses: extra } : {}),
    mac: request.mac ?? macFor(request),
    ...(chosen.length > 0 ? { chosen } : {}),
    ...options,
    ...(sysctls ? { sysctls: { ...network.sysctls, ...sysctls } } : {}),
    ...(routes.length > 0 ? { staticRoutes: routes } : {}),
    ...(mtu === undefined || mtu === 0 ? {} : { mtu }),
    ...(network.gatewayIsForeign ? { gatewayIsForeign: true } : {}),
    ...(request.ports && request.ports.length > 0 ? { ports: request.ports } : {}),
    since: now.toISOString()
  }
}

/** The kernel has no IPv6 on a link with less than it promises. */
function mtuFor(
  addresses: readonly Prefix[],
  given: number | undefined,
  byDefault: number | undefined
): number | undefined {
  if (addresses.every((prefix) => familyOf(prefix) === 4)) return given ?? byDefault
  if (given !== undefined && isNarrow(given)) throw tooNarrow(given)
  return given ?? (byDefault !== undefined && isNarrow(byDefault) ? IPV6_MTU : byDefault)
}

/** Of what the network has for all, that for which the container has an address; what is its own must be of use. */
function routesFor(
  addresses: readonly Prefix[],
  wanted: readonly Prefix[] = [],
  own: readonly Prefix[] = []
): readonly Prefix[] {
  const families = new Set(addresses.map(familyOf))
  const vain = own.find((dst) => !families.has(familyOf(dst)))
  if (vain !== undefined)
    throw new InvalidError(
      `net-routed.routes: ${vain} needs an IPv${String(familyOf(vain))} address, and the container has none`
    )
  return wanted.filter((dst) => families.has(familyOf(dst)))
}

/** The sandbox of an endpoint that joins. `present`: the endpoints that are in it already. */
export function newSandbox(
  where: Pick<Sandbox, 'path' | 'runtime' | 'ifName' | 'ipam'>,
  endpoint: Endpoint,
  network: Network,
  present: readonly Endpoint[]
): Sandbox {
  const companions = present.map(({ id, addresses }) => ({ endpointId: id, addresses }))
  const { gateway, gateway6 } = nextHops(endpoint, network, present)
  return {
    ...where,
    ...(gateway === undefined ? {} : { gateway }),
    ...(gateway6 === undefined ? {} : { gateway6 }),
    ...(network.gatewayIsForeign && gateway === network.gateway ? { gatewayIsForeign: true } : {}),
    ...(companions.length > 0 ? { companions } : {})
  }
}

/**
 * The routes of a container whose end we set up: its next hops, and what it reaches through them. Other next hops than ours
 * would be of no use: the host is the only neighbour.
 */
export function routesOf({ gateway, gateway6 }: Sandbox, request: AttachRequest): SandboxRoute[] {
  const [first] = request.addresses
  if (request.direct && first !== undefined)
    return request.direct.map((dst) => ({ dst, src: addressOf(first) }))
  return [gateway, gateway6].flatMap((via): SandboxRoute[] => {
    if (via === undefined) return []
    const family = familyOf(via)
    const wanted = [...(request.destinations ?? [EVERYTHING[family]]), ...request.subnets]
    const beyond = new Set(wanted.filter((dst) => familyOf(dst) === family && dst !== hostPrefix(via)))
    // A link-local IPv6 next hop is on every link.
    const isOnLink = via.startsWith('fe80:')
    return [...(isOnLink ? [] : [{ dst: hostPrefix(via) }]), ...Array.from(beyond, (dst) => ({ dst, via }))]
  })
}

/**
 * Two networks with one gateway cannot be joined by one container (its second route to the gateway would exist already),
 * so the second one uses its network's own link-local gateway.
 */
function nextHops(
  endpoint: Endpoint,
  network: Network,
  present: readonly Endpoint[]
): Pick<Sandbox, 'gateway' | 'gateway6'> {
  const taken = new Set(present.flatMap(({ sandbox }) => [sandbox?.gateway, sandbox?.gateway6]))
  const has = (family: Family): boolean => endpoint.addresses.some((prefix) => familyOf(prefix) === family)
  const free = (wanted: Ip | undefined, own: Ip | undefined): Ip | undefined =>
    wanted === undefined || taken.has(wanted) ? own : wanted
  const gateway = has(4) ? free(network.gateway, linkLocalGateway(network.number)) : undefined
  const gateway6 = has(6) ? free(network.gateway6, linkLocalGateway6(network.number)) : undefined
  return {
    ...(gateway === undefined ? {} : { gateway }),
    ...(gateway6 === undefined ? {} : { gateway6 })
  }
}

/** From the IPv4 address, else the IPv6 address, else the id. */
function macFor({ id, addresses }: EndpointRequest): Mac {
  const prefix = addresses.find((candidate) => familyOf(candidate) === 4) ?? addresses[0]
  if (prefix !== undefined) return macOf(addressOf(prefix))
  const hex = shortHash(id).slice(0, 8).match(/../g) ?? []
  return ['02', '42', ...hex].join(':') as Mac
}
