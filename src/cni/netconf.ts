/**
 * The configuration that a runtime hands to net-routed, with what it asks for besides: `runtimeConfig` before `args.cni`
 * before CNI_ARGS. Fields that nobody here knows are somebody else's and are ignored; those of ours must be right.
 */
import { InvalidError, shown } from '../errors.js'
import { checkRange } from '../ipam/subnets.js'
import { contains, familyOf, parseIp, parseMac, parsePrefix, parseSubnet } from '../model/ip.js'
import type { Family, Ip, Mac, Prefix } from '../model/ip.js'
import type { PortMap } from '../model/endpoint.js'
import type { EndpointOptions, NetworkOptions } from '../model/options/option.js'
import { parseOptions } from '../model/options/options.js'
import { parseBandwidth } from './bandwidth.js'
import { parseDocumentFields } from './document.js'
import type { Document, SubnetDocument } from './document.js'
import { CODE, CniError } from './error.js'
import { parsePorts } from './ports.js'
import { parseResult } from './result.js'
import type { Dns, Result } from './result.js'
import { parseVersion } from './version.js'
import type { Version } from './version.js'

export interface NetConf {
  readonly version: Version
  readonly name: string
  /** As it came: what a delegate gets. */
  readonly document: Readonly<Record<string, unknown>>
  /** Of the network: the defaults of its attachments. */
  readonly options: NetworkOptions
  /** Of this attachment. */
  readonly ownOptions: EndpointOptions
  /** Next hops of the network; absent = link-local ones. */
  readonly gateway?: Ip
  readonly gateway6?: Ip
  readonly ipam: IpamConf
  /** What containers reach through the network; absent = everything. */
  readonly destinations?: readonly Prefix[]
  readonly dns: Dns
  /** Addresses that this attachment wants, with or without prefix length. */
  readonly ips: readonly Ip[]
  readonly mac?: Mac
  readonly ports: readonly PortMap[]
  readonly prevResult?: Result
}

/** Our own pools, or another plugin's. */
export type IpamConf =
  | { readonly kind: 'own'; readonly subnets: readonly SubnetConf[] }
  | { readonly kind: 'delegated'; readonly type: string }

export interface SubnetConf {
  readonly prefix: Prefix
  /** Automatic addresses come out of here. */
  readonly range?: Prefix
}

/** The name of our own IPAM. */
export const OWN_IPAM = 'ipam-routed'
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/
/** Capabilities that a configuration may declare, and that we cannot serve. Ignoring them would be a lie. */
const UNSUPPORTED_CAPABILITIES = ['ipRanges', 'infinibandGUID', 'deviceID'] as const

/** The document on standard input. Throws CniError unless it is a JSON object. */
export function parseDocument(input: string): Readonly<Record<string, unknown>> {
  let document: unknown
  try {
    document = JSON.parse(input)
  } catch (error) {
    throw new CniError(
      CODE.undecodable,
      `the configuration is not JSON: ${error instanceof Error ? error.message : ''}`,
      { cause: error }
    )
  }
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) return { ...document }
  throw new CniError(CODE.undecodable, `the configuration is ${shown(document)}, not an object`)
}

/** The name of the network. Throws CniError for one that no network can have. */
export function parseName(value: unknown): string {
  if (typeof value === 'string' && NAME.test(value)) return value
  const given = value === undefined ? 'there is none' : `${shown(value)} is not one`
  throw new CniError(
    CODE.invalidConfiguration,
    `name: ${given}: give at most 64 letters, digits, "_", "." and "-" beginning with a letter or digit`
  )
}

/** Throws CniError, InvalidError that name every fault they can. */
export function parseNetConf(
  document: Readonly<Record<string, unknown>>,
  args: ReadonlyMap<string, string>
): NetConf {
  const version = parseVersion(document['cniVersion'])
  const name = parseName(document['name'])
  const conf = parseDocumentFields(document)
  refuseUnsupported(conf)
  const { ipam, prevResult } = conf
  const mac = conf.runtimeConfig?.mac ?? conf.args?.cni?.mac ?? args.get('MAC')
  const delegate =
    ipam?.type !== undefined && ipam.type !== '' && ipam.type !== OWN_IPAM ? ipam.type : undefined
  const destinations =
    delegate === undefined ? ipam?.routes?.map(({ dst }) => parseSubnet(dst, 'ipam.routes.dst')) : undefined
  return {
    version,
    name,
    document,
    options: {
      ...(conf.mtu === undefined ? {} : { mtu: conf.mtu }),
      ...parseOptions(conf.options ?? {}, 'network')
    },
    ownOptions: {
      ...parseOptions(conf.args?.cni?.options ?? {}, 'endpoint'),
      ...parseBandwidth(conf.runtimeConfig?.bandwidth ?? {}, 'runtimeConfig.bandwidth')
    },
    ipam:
      delegate === undefined
        ? { kind: 'own', subnets: subnetsOf(conf) }
        : { kind: 'delegated', type: delegate },
    ...(delegate === undefined ? gatewaysOf(conf) : {}),
    ...(destinations === undefined ? {} : { destinations }),
    dns: dnsOf(conf),
    ips: requestedIps(conf, args),
    ports: parsePorts(conf.runtimeConfig?.portMappings ?? [], 'runtimeConfig.portMappings'),
    ...(mac === undefined || mac === '' ? {} : { mac: parseMac(mac, 'mac') }),
    ...(prevResult === undefined || prevResult === null
      ? {}
      : { prevResult: parseResult(prevResult, 'prevResult') })
  }
}

/** One subnet in `ipam` itself, or several in `ipam.subnets`. */
function subnetDocuments({ ipam }: Document): readonly SubnetDocument[] {
  if (!ipam) return []
  const own = ipam.subnet === undefined && ipam.range === undefined ? [] : [ipam]
  return [...own, ...(ipam.subnets ?? [])]
}

function subnetsOf(document: Document): SubnetConf[] {
  return subnetDocuments(document).map(({ subnet: given, range }) => {
    if (given === undefined)
      throw new InvalidError(`ipam.range: ${shown(range)} needs a subnet that contains it: give ipam.subnet`)
    const prefix = parseSubnet(given, 'ipam.subnet')
    if (range === undefined) return { prefix }
    const inner = parseSubnet(range, 'ipam.range')
    checkRange(inner, prefix)
    return { prefix, range: inner }
  })
}

function gatewaysOf(document: Document): { gateway?: Ip; gateway6?: Ip } {
  const { ipam } = document
  const given = (ipam ? [ipam, ...(ipam.subnets ?? [])] : []).flatMap(({ subnet: of, gateway }): Ip[] => {
    if (gateway === undefined || gateway === '') return []
    const address = parseIp(gateway, 'ipam.gateway')
    const isElsewhere = of !== undefined && familyOf(parsePrefix(of, 'ipam.subnet')) !== familyOf(address)
    if (!isElsewhere) return [address]
    throw new InvalidError(`ipam.gateway: ${address} is not of the family of ${of}`)
  })
  const ofFamily = (family: Family): Ip | undefined => {
    const [first, ...more] = new Set(given.filter((address) => familyOf(address) === family))
    if (more.length === 0) return first
    throw new InvalidError(
      `ipam.gateway: a network has one for each family, not ${[first, ...more].join(' and ')}`
    )
  }
  const gateway = ofFamily(4)
  const gateway6 = ofFamily(6)
  return { ...(gateway === undefined ? {} : { gateway }), ...(gateway6 === undefined ? {} : { gateway6 }) }
}

function dnsOf({ dns: own, ipam, runtimeConfig }: Document): Dns {
  const asked = runtimeConfig?.dns
  if (asked) {
    const { servers, searches, options } = asked
    return {
      ...(servers ? { nameservers: servers } : {}),
      ...(searches ? { search: searches } : {}),
      ...(options ? { options } : {})
    }
  }
  return own ?? ipam?.dns ?? {}
}

function requestedIps(conf: Document, args: ReadonlyMap<string, string>): Ip[] {
  const fromArgs = args.get('IP')
  const asked =
    conf.runtimeConfig?.ips ??
    conf.args?.cni?.ips ??
    (fromArgs === undefined || fromArgs === '' ? [] : fromArgs.split(','))
  const ips = asked.map((given) => parseIp(given.replace(/\/\d+$/, ''), 'ips'))
  return [...new Set(ips)]
}

/** True if one of the subnets has the address. */
export function isIn(subnets: readonly SubnetConf[], address: Ip): boolean {
  return subnets.some(({ prefix }) => contains(prefix, address))
}

function refuseUnsupported({ runtimeConfig }: Document): void {
  const asked = UNSUPPORTED_CAPABILITIES.filter((capability) => {
    const value = runtimeConfig?.[capability]
    return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)
  })
  if (asked.length === 0) return
  throw new CniError(
    CODE.unsupportedField,
    `runtimeConfig.${asked.join(', ')}: net-routed does not do that: declare the capability at a plugin of the list that does`
  )
}
