/**
 * NetworkDriver: one function per method of the protocol (libnetwork/docs/remote.md). Translates, decides nothing.
 *
 * The traps: an answer of CreateEndpoint may name only what the request left empty; a default route must be answered as
 * `Gateway` with a connected route to it (as a static route it fails from Docker 28 on); errors of ends are ignored by
 * Docker, so ends succeed for what is unknown.
 */
import type { Additions } from '../core/additions.js'
import type { Networks } from '../core/networks.js'
import { publish, unpublish } from '../core/publishing.js'
import type { PublishingParts } from '../core/publishing.js'
import type { Answer, Methods } from '../http.js'
import type { Ipam } from '../ipam/ipam.js'
import type { Log } from '../log.js'
import { containerLinkName, grantedAddresses } from '../model/endpoint.js'
import type { Endpoint, Sandbox } from '../model/endpoint.js'
import {
  addressOf,
  familyOf,
  hostPrefix,
  lengthOf,
  parseMac,
  parsePrefix,
  subnetOf,
  widthOf
} from '../model/ip.js'
import type { Family, Ip, Prefix } from '../model/ip.js'
import type { Network, Subnet } from '../model/network.js'
import { foreignKeys, parseOptions } from '../model/options/options.js'
import { spaceOf } from '../model/space.js'
import { portWishes } from './ports.js'
import * as parse from './schemas.js'
import type { CreateNetworkRequest, IpamData, Options } from './schemas.js'

export interface NetworkDriverParts extends PublishingParts {
  readonly networks: Networks
  readonly additions: Additions
  /** What is known of an endpoint, as `net-routed status` has it. */
  readonly operational: (id: string) => object | undefined
  readonly ipam: Ipam
  /** The operator's gateways for all networks. */
  readonly gateway?: Ip
  readonly gateway6?: Ip
}

const EMPTY: Answer = { body: {} }
/** For Docker's own drivers only; of others it ignores the name that is answered. */
const IFNAME_KEY = 'com.docker.network.endpoint.ifname'
const CONNECTED = 1
const VIA_NEXT_HOP = 0

/** The methods, by their path. */
export function networkDriver(parts: NetworkDriverParts): Methods {
  return {
    'NetworkDriver.GetCapabilities': () =>
      answer({ Scope: 'local', ConnectivityScope: 'global', GwAllocChecker: true }),
    'NetworkDriver.GwAllocCheck': (body) => {
      parse.parseOptions(body)
      return answer({ SkipIPv4: true, SkipIPv6: true })
    },
    'NetworkDriver.AllocateNetwork': (body) =>
      answer({ Options: parse.parseAllocateNetwork(body).Options ?? {} }),
    'NetworkDriver.FreeNetwork': (body) => {
      parse.parseNetwork(body)
      return answer({})
    },
    'NetworkDriver.CreateNetwork': (body) => createNetwork(parts, parse.parseCreateNetwork(body)),
    'NetworkDriver.DeleteNetwork': async (body) => {
      const { NetworkID } = parse.parseNetwork(body)
      await parts.endpoints.deleteAll(NetworkID)
      await parts.networks.delete(NetworkID)
      return EMPTY
    },
    'NetworkDriver.CreateEndpoint': (body) => createEndpoint(parts, parse.parseCreateEndpoint(body)),
    'NetworkDriver.EndpointOperInfo': (body) => operInfo(parts, parse.parseEndpoint(body).EndpointID),
    'NetworkDriver.Join': (body) => join(parts, parse.parseJoin(body)),
    'NetworkDriver.Leave': async (body) => {
      const { NetworkID, EndpointID } = parse.parseEndpoint(body)
      await parts.endpoints.leave({ networkId: NetworkID, id: EndpointID })
      return EMPTY
    },
    'NetworkDriver.DeleteEndpoint': async (body) => {
      await parts.endpoints.delete(parse.parseEndpoint(body).EndpointID)
      return EMPTY
    },
    'NetworkDriver.ProgramExternalConnectivity': (body) => programExternalConnectivity(parts, body),
    'NetworkDriver.RevokeExternalConnectivity': async (body) => {
      await unpublish(parts, parse.parseEndpoint(body).EndpointID)
      return EMPTY
    },
    'NetworkDriver.DiscoverNew': () => answer({}),
    'NetworkDriver.DiscoverDelete': () => answer({})
  }
}

async function createNetwork(parts: NetworkDriverParts, request: CreateNetworkRequest): Promise<Answer> {
  const data = [...(request.IPv4Data ?? []), ...(request.IPv6Data ?? [])]
  const options = request.Options ?? {}
  const generic = asOptions(options['com.docker.network.generic'])
  const defaults = parseOptions(generic, 'network')
  parts.additions.refuseImpossible(defaults)
  const gateway = gatewayOf(parts, data, 4)
  const gateway6 = gatewayOf(parts, data, 6)
  const network = await parts.networks.create({
    id: request.NetworkID,
    subnets: data.flatMap(subnetsOf),
    internal: options['com.docker.network.internal'] === true,
    ...defaults,
    ...(gateway === undefined ? {} : { gateway }),
    ...(gateway6 === undefined ? {} : { gateway6 })
  })
  warnForeign(parts.log, generic, { network: network.id })
  try {
    await parts.ipam.settleGateways(network)
  } catch (error) {
    await parts.networks.delete(network.id)
    throw error
  }
  return EMPTY
}

/** The gateway that was asked for; undefined = the network's own link-local one. */
function gatewayOf(parts: NetworkDriverParts, data: readonly IpamData[], family: Family): Ip | undefined {
  const given = data.flatMap(({ AddressSpace, Gateway = '' }): Ip[] => {
    if (Gateway === '') return []
    const address = addressOf(parsePrefix(Gateway, 'Gateway'))
    const space = spaceOf(AddressSpace)
    const wasChosenByUs = space !== undefined && parts.ipam.choseGateway(space, address)
    return familyOf(address) === family && !wasChosenByUs ? [address] : []
  })
  return given[0] ?? (family === 4 ? parts.gateway : parts.gateway6)
}

async function createEndpoint(
  parts: NetworkDriverParts,
  request: parse.CreateEndpointRequest
): Promise<Answer> {
  const { Address = '', AddressIPv6 = '', MacAddress = '' } = request.Interface ?? {}
  const options = request.Options ?? {}
  const chosen = parseOptions(options, 'endpoint')
  parts.additions.refuseImpossible(chosen)
  warnForeign(parts.log, options, { endpoint: request.EndpointID })
  if (Object.hasOwn(options, IFNAME_KEY))
    parts.log.warn('interface keeps the name that Docker gives it', { endpoint: request.EndpointID })
  const addresses: Prefix[] = []
  if (Address !== '') addresses.push(parsePrefix(Address, 'Interface.Address'))
  if (AddressIPv6 !== '' && !disablesIpv6(options))
    addresses.push(parsePrefix(AddressIPv6, 'Interface.AddressIPv6'))
  const { mac } = await parts.endpoints.create({
    id: request.EndpointID,
    networkId: request.NetworkID,
    addresses,
    options: chosen,
    ...(MacAddress === '' ? {} : { mac: parseMac(MacAddress, 'Interface.MacAddress') })
  })
  return { body: { Interface: MacAddress === '' ? { MacAddress: mac } : {} } }
}

/** Docker does not put the address on such an interface, and routes to a family that is off fail its start. */
function disablesIpv6(options: Options): boolean {
  const sysctls = options['com.docker.network.endpoint.sysctls']
  return typeof sysctls === 'string' && /(^|,)net\.ipv6\.conf\.ifname\.disable_ipv6=1(,|$)/i.test(sysctls)
}

async function join(
  { endpoints, additions, networks }: NetworkDriverParts,
  request: parse.JoinRequest
): Promise<Answer> {
  const { NetworkID, EndpointID, SandboxKey } = request
  const endpoint = await endpoints.join({ networkId: NetworkID, id: EndpointID }, SandboxKey)
  await additions.settle(EndpointID)
  return { body: joinAnswer(endpoint, networks.get(NetworkID)) }
}

function joinAnswer(endpoint: Endpoint, network: Network): object {
  const { gateway, gateway6 } = answered(endpoint)
  return {
    InterfaceName: { SrcName: containerLinkName(endpoint.id), DstPrefix: network.interfacePrefix ?? 'eth' },
    ...(gateway === undefined ? {} : { Gateway: gateway }),
    ...(gateway6 === undefined ? {} : { GatewayIPv6: gateway6 }),
    ...(gateway === undefined ? { DisableGatewayService: true } : {}),
    StaticRoutes: [...routesOf(endpoint, network, gateway), ...routesOf(endpoint, network, gateway6)]
  }
}

/**
 * Newer engines ask when the container has its end and does not run yet; older ones before. No engine shows the answer. An
 * endpoint that is not known is no error: the start of a container would fail, or that of dockerd.
 */
async function operInfo({ additions, operational }: NetworkDriverParts, id: string): Promise<Answer> {
  await additions.settle(id)
  const entries = Object.entries(operational(id) ?? {})
  return {
    body: { Value: Object.fromEntries(entries.map(([field, value]) => [`net-routed.${field}`, value])) }
  }
}

/** Docker's start of a container fails with a next hop of a family that it has not given an address of. */
function answered(endpoint: Endpoint): Pick<Sandbox, 'gateway' | 'gateway6'> {
  const families = new Set(grantedAddresses(endpoint).map(familyOf))
  const { gateway, gateway6 } = endpoint.sandbox ?? {}
  return {
    ...(gateway !== undefined && families.has(4) ? { gateway } : {}),
    ...(gateway6 !== undefined && families.has(6) ? { gateway6 } : {})
  }
}

/**
 * The connected route to the gateway, and the network's own subnets through it, so that a container on several networks
 * talks to each of them over its own interface. An address with its subnet's prefix length brings that route itself.
 */
function routesOf(endpoint: Endpoint, network: Network, gateway: Ip | undefined): object[] {
  if (gateway === undefined) return []
  const own = endpoint.addresses.find((prefix) => familyOf(prefix) === familyOf(gateway))
  const isHostAddress = own !== undefined && lengthOf(own) === widthOf(familyOf(own))
  const subnets = isHostAddress ? network.subnets.map(({ prefix }) => prefix) : []
  const beyond = [...subnets, ...(endpoint.staticRoutes ?? [])].filter(
    (dst) => familyOf(dst) === familyOf(gateway) && lengthOf(dst) > 0 && dst !== hostPrefix(gateway)
  )
  return [
    { Destination: hostPrefix(gateway), RouteType: CONNECTED },
    ...Array.from(new Set(beyond), (dst) => ({
      Destination: dst,
      RouteType: VIA_NEXT_HOP,
      NextHop: gateway
    }))
  ]
}

/** Docker 29 sends it for internal networks, too, where nothing is to be reached from outside. */
async function programExternalConnectivity(parts: NetworkDriverParts, body: unknown): Promise<Answer> {
  const { NetworkID, EndpointID, Options } = parse.parseEndpointOptions(body)
  if (!parts.networks.get(NetworkID).internal)
    await publish(parts, { networkId: NetworkID, id: EndpointID }, portWishes(Options ?? {}))
  return EMPTY
}

function subnetsOf({ AddressSpace, Pool }: IpamData): Subnet[] {
  return [{ space: AddressSpace, prefix: subnetOf(parsePrefix(Pool, 'Pool')) }]
}

function warnForeign(log: Log, options: Options, fields: object): void {
  const keys = foreignKeys(options)
  if (keys.length > 0) log.warn('options without meaning for net-routed are ignored', { ...fields, keys })
}

function asOptions(value: unknown): Options {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function answer(body: object): Promise<Answer> {
  return Promise.resolve({ body })
}
