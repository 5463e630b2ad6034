/**
 * What dockerd accepts as an answer, over all versions from 20.10 to 29 (protocol.md sections 1, 2.4, 4, 5 and 8). Pure:
 * a request and a reply in, the reasons why Docker would fail in, an empty list if it would go on.
 */
import { contains, lengthOf, parseIp, parseMac, parsePrefix, parseSubnet, subnetOf } from '../src/model/ip.js'
import { messageOf } from '../src/errors.js'
import { at, isObject, listAt, textAt } from './support/json.js'

export interface Exchange {
  readonly method: string
  readonly request: unknown
  readonly status: number
  readonly body: unknown
}

/** Of the endpoint that a Join is for: what its CreateEndpoint had. */
export interface EndpointAddresses {
  readonly v4: string
  readonly v6: string
}

type Check = (exchange: Exchange, endpoint: EndpointAddresses) => readonly string[]

const MAX_LINK_NAME = 15
const DEFAULT_ROUTE = /^(0\.0\.0\.0|::)\/0$/

/** Why Docker would not accept a successful answer. */
export function faultsOf(
  exchange: Exchange,
  endpoint: EndpointAddresses = { v4: '', v6: '' }
): readonly string[] {
  const { status, body, method } = exchange
  if (status !== 200) return [`${method}: status ${String(status)}: ${textAt(body, 'Err')}`]
  if (!isObject(body)) return [`${method}: the body is not a JSON object`]
  if ('Err' in body || 'Error' in body) return [`${method}: an error with status 200`]
  return (CHECKS[method]?.(exchange, endpoint) ?? []).map((fault) => `${method}: ${fault}`)
}

/** Why an error is not one that both drivers of Docker show to the user as it is. */
export function errorFaultsOf({ status, body, method }: Exchange): readonly string[] {
  if (status === 200) return [`${method}: an error was expected, status is 200`]
  const text = textAt(body, 'Err')
  return [
    ...(text === '' ? [`${method}: no text in Err`] : []),
    ...(textAt(body, 'Error') === text ? [] : [`${method}: Error differs from Err`]),
    ...(/[\r\n]/.test(text) ? [`${method}: the text has several lines`] : [])
  ]
}

const CHECKS: Readonly<Record<string, Check>> = {
  'Plugin.Activate': ({ body }) =>
    ['NetworkDriver', 'IpamDriver']
      .filter((name) => !listAt(body, 'Implements').includes(name))
      .map((name) => `${name} is not implemented`),
  'NetworkDriver.GetCapabilities': ({ body }) =>
    ['local', 'global'].includes(textAt(body, 'Scope')) ? [] : ['Scope is neither local nor global'],
  'NetworkDriver.GwAllocCheck': ({ body }) =>
    ['SkipIPv4', 'SkipIPv6'].filter((name) => typeof at(body, name) !== 'boolean'),
  'NetworkDriver.AllocateNetwork': ({ request, body }) =>
    Object.keys(at(request, 'Options') ?? {}).filter(
      (key) => at(body, 'Options', key) !== at(request, 'Options', key)
    ),
  'NetworkDriver.EndpointOperInfo': ({ body }) =>
    isObject(at(body, 'Value')) ? [] : ['Value is not an object'],
  'NetworkDriver.CreateEndpoint': checkCreateEndpoint,
  'NetworkDriver.Join': checkJoin,
  'IpamDriver.GetDefaultAddressSpaces': ({ body }) => {
    const local = textAt(body, 'LocalDefaultAddressSpace')
    return local === '' || local === at(body, 'GlobalDefaultAddressSpace')
      ? ['the spaces are not distinct']
      : []
  },
  'IpamDriver.RequestPool': checkRequestPool,
  'IpamDriver.RequestAddress': checkRequestAddress
}

function checkCreateEndpoint({ request, body }: Exchange): readonly string[] {
  const modified = ['Address', 'AddressIPv6', 'MacAddress'].filter(
    (name) => textAt(request, 'Interface', name) !== '' && at(body, 'Interface', name) !== undefined
  )
  const invented = ['Address', 'AddressIPv6'].filter((name) => textAt(body, 'Interface', name) !== '')
  const mac = at(body, 'Interface', 'MacAddress')
  return [
    ...modified.map((name) => `driver modified ${name}`),
    ...invented.map((name) => `${name} was not asked for`),
    ...(mac === undefined ? [] : unparsable(() => parseMac(textAt(body, 'Interface', 'MacAddress'))))
  ]
}

interface Route {
  readonly destination: string
  readonly isConnected: boolean
  readonly nextHop: string
}

function checkJoin({ body }: Exchange, endpoint: EndpointAddresses): readonly string[] {
  const routes = routesOf(body)
  const name = textAt(body, 'InterfaceName', 'SrcName')
  const hasGateway = textAt(body, 'Gateway') !== '' || textAt(body, 'GatewayIPv6') !== ''
  return [
    ...(name === '' || name.length > MAX_LINK_NAME ? [`SrcName "${name}" is no name of a link`] : []),
    ...(textAt(body, 'InterfaceName', 'DstPrefix') === '' ? ['DstPrefix is empty'] : []),
    ...(hasGateway || at(body, 'DisableGatewayService') === true ? [] : ['Docker would add docker_gwbridge']),
    ...gatewayFaults(textAt(body, 'Gateway'), routes, endpoint.v4, 'Gateway'),
    ...gatewayFaults(textAt(body, 'GatewayIPv6'), routes, endpoint.v6, 'GatewayIPv6'),
    ...duplicates(routes.map(({ destination }) => destination)).map((route) => `file exists: ${route}`),
    ...routes.flatMap((route) => routeFaults(route, routes, endpoint))
  ]
}

/** The routes of a Join answer. */
export function routesOf(body: unknown): readonly Route[] {
  return listAt(body, 'StaticRoutes').map((route) => ({
    destination: textAt(route, 'Destination'),
    isConnected: at(route, 'RouteType') === 1,
    nextHop: textAt(route, 'NextHop')
  }))
}

function gatewayFaults(
  gateway: string,
  routes: readonly Route[],
  address: string,
  field: string
): readonly string[] {
  if (gateway === '') return address === '' ? [] : [`${field} is missing`]
  if (address === '') return [`${field} for a family without address: permission denied`]
  const isReachable = isConnected(gateway, routes) || contains(parsePrefix(address), parseIp(gateway))
  return isReachable ? unparsable(() => parseIp(gateway)) : [`${field} ${gateway}: network is unreachable`]
}

function routeFaults(
  { destination, isConnected: connected, nextHop }: Route,
  routes: readonly Route[],
  endpoint: EndpointAddresses
): readonly string[] {
  const isV6 = destination.includes(':')
  return [
    ...unparsable(() => parseSubnet(destination)),
    ...(DEFAULT_ROUTE.test(destination) ? ['a default route among the static routes'] : []),
    ...(isV6 && endpoint.v6 === '' ? [`${destination} without IPv6 address: permission denied`] : []),
    ...(!isV6 && endpoint.v4 === '' ? [`${destination} without IPv4 address`] : []),
    ...(connected || isConnected(nextHop, routes) ? [] : [`next hop ${nextHop} is unreachable`])
  ]
}

function isConnected(address: string, routes: readonly Route[]): boolean {
  return routes.some(
    (route) => route.isConnected && contains(parsePrefix(route.destination), parseIp(address))
  )
}

function checkRequestPool({ request, body }: Exchange): readonly string[] {
  const pool = textAt(body, 'Pool')
  const wanted = textAt(request, 'Pool')
  const gateway = at(body, 'Data', 'com.docker.network.gateway')
  return [
    ...(textAt(body, 'PoolID') === '' ? ['PoolID is empty'] : []),
    ...unparsable(() => parseSubnet(pool)),
    ...(wanted === '' || wanted === pool ? [] : [`pool ${pool} instead of ${wanted}`]),
    ...(gateway === undefined
      ? []
      : unparsable(() => parsePrefix(textAt(body, 'Data', 'com.docker.network.gateway'))))
  ]
}

function checkRequestAddress({ request, body }: Exchange): readonly string[] {
  const address = textAt(body, 'Address')
  const wanted = textAt(request, 'Address')
  if (address === '') return ['No address returned']
  const faults = unparsable(() => parsePrefix(address))
  const isOther = wanted !== '' && address.split('/')[0] !== wanted
  return [...faults, ...(isOther ? [`address ${address} instead of ${wanted}`] : [])]
}

/** True if the prefix is one that Docker would put on an interface without a subnet. */
export function isHostPrefix(text: string): boolean {
  const prefix = parsePrefix(text)
  return subnetOf(prefix) === prefix && lengthOf(prefix) === (text.includes(':') ? 128 : 32)
}

function unparsable(parse: () => unknown): readonly string[] {
  try {
    parse()
    return []
  } catch (error) {
    return [messageOf(error)]
  }
}

function duplicates(texts: readonly string[]): readonly string[] {
  return texts.filter((text, index) => texts.indexOf(text) !== index)
}
