/**
 * Results of ADD in all versions of the specification. Inside, they are those of the newest; fields that we do not know stay
 * as they are. Until 0.2.0 a result has one address per family and no interfaces: what such a version cannot say is lost.
 */
import { Ajv } from 'ajv'
import type { ErrorObject, ValidateFunction } from 'ajv'
import { familyOf, parsePrefix } from '../model/ip.js'
import type { Family } from '../model/ip.js'
import { lazily } from '../model/lazy.js'
import { CODE, CniError } from './error.js'
import { isAtLeast } from './version.js'
import type { Version } from './version.js'

/** Fields that are not named here are passed on. */
interface Open {
  readonly [field: string]: unknown
}

export interface Interface extends Open {
  readonly name: string
  readonly mac?: string
  /** Path of the namespace; empty or absent on the host. */
  readonly sandbox?: string
}

export interface IpConfig extends Open {
  /** With prefix length. */
  readonly address: string
  readonly gateway?: string
  /** Index into the interfaces. */
  readonly interface?: number
}

export interface RouteConfig extends Open {
  readonly dst: string
  readonly gw?: string
}

export interface Dns extends Open {
  readonly nameservers?: readonly string[]
  readonly domain?: string
  readonly search?: readonly string[]
  readonly options?: readonly string[]
}

export interface Result {
  readonly interfaces: readonly Interface[]
  readonly ips: readonly IpConfig[]
  readonly routes: readonly RouteConfig[]
  readonly dns: Dns
}

/** One family of a result until 0.2.0. */
interface OldIp {
  readonly ip: string
  readonly gateway?: string
  readonly routes?: readonly RouteConfig[] | null
}

interface Document {
  readonly interfaces?: readonly Interface[] | null
  readonly ips?: readonly IpConfig[] | null
  readonly routes?: readonly RouteConfig[] | null
  readonly dns?: Dns | null
  readonly ip4?: OldIp | null
  readonly ip6?: OldIp | null
}

export const EMPTY_RESULT: Result = { interfaces: [], ips: [], routes: [], dns: {} }

const text = { type: 'string' } as const
const texts = { type: ['array', 'null'], items: text } as const
const routes = {
  type: ['array', 'null'],
  items: { type: 'object', properties: { dst: text, gw: text }, required: ['dst'] }
} as const
const oldIp = {
  type: ['object', 'null'],
  properties: { ip: text, gateway: text, routes },
  required: ['ip']
} as const
const validator = lazily(() =>
  new Ajv({ allErrors: true, strict: true, allowUnionTypes: true }).compile<Document>({
    type: 'object',
    properties: {
      interfaces: {
        type: ['array', 'null'],
        items: { type: 'object', properties: { name: text, mac: text, sandbox: text }, required: ['name'] }
      },
      ips: {
        type: ['array', 'null'],
        items: {
          type: 'object',
          properties: { address: text, gateway: text, interface: { type: ['integer', 'null'], minimum: 0 } },
          required: ['address']
        }
      },
      routes,
      dns: {
        type: ['object', 'null'],
        properties: { nameservers: texts, domain: text, search: texts, options: texts }
      },
      ip4: oldIp,
      ip6: oldIp
    }
  })
)

/** The result in any version, as delegates answer it and runtimes hand it back. Throws CniError that names what is wrong in `field`. */
export function parseResult(value: unknown, field: string): Result {
  const validate: ValidateFunction<Document> = validator()
  if (!validate(value)) {
    throw new CniError(
      CODE.undecodable,
      `${field} is not a result: ${(validate.errors ?? []).map(faultText).join('; ')}`
    )
  }
  const { interfaces, ips, ip4, ip6, dns } = value
  const old = [ip4, ip6].flatMap((ip) => (ip ? [ip] : []))
  return {
    interfaces: interfaces ?? [],
    ips: ips
      ? ips.map(withoutVersion)
      : old.map(({ ip, gateway }) => ({ address: ip, ...(gateway === undefined ? {} : { gateway }) })),
    routes: value.routes ?? old.flatMap((ip) => ip.routes ?? []),
    dns: dns ?? {}
  }
}

/** Until 0.4.0 an address says what family it has. */
function withoutVersion({ version: _version, ...ip }: IpConfig): IpConfig {
  return ip
}

/** The document of a result in that version. */
export function formatResult(result: Result, version: Version): object {
  const { interfaces, ips, routes, dns } = result
  if (!isAtLeast(version, '0.3.0')) return { cniVersion: version, ...oldIps(result), dns }
  if (isAtLeast(version, '1.1.0')) return { cniVersion: version, interfaces, ips, routes, dns }
  return {
    cniVersion: version,
    interfaces: interfaces.map(({ name, mac, sandbox }) => present({ name, mac, sandbox })),
    ips: ips.map(({ address, gateway, interface: index }) => ({
      ...(isAtLeast(version, '1.0.0') ? {} : { version: String(familyOfText(address)) }),
      ...present({ interface: index, address, gateway })
    })),
    routes: routes.map(({ dst, gw }) => present({ dst, gw })),
    dns
  }
}

/** Until 0.2.0: the first address of each family, with the routes of the family. */
function oldIps({ ips, routes }: Result): object {
  const ofFamily = (family: Family): object | undefined => {
    const first = ips.find(({ address }) => familyOfText(address) === family)
    if (!first) return undefined
    const own = routes
      .filter(({ dst }) => familyOfText(dst) === family)
      .map(({ dst, gw }) => present({ dst, gw }))
    return present({ ip: first.address, gateway: first.gateway, routes: own.length > 0 ? own : undefined })
  }
  return present({ ip4: ofFamily(4), ip6: ofFamily(6) })
}

/** One result after another, as the plugins of a list make them: what the second one says comes last. */
export function mergeResults(before: Result, after: Result): Result {
  const offset = before.interfaces.length
  return {
    interfaces: [...before.interfaces, ...after.interfaces],
    ips: [
      ...before.ips,
      ...after.ips.map((ip) =>
        ip.interface === undefined ? ip : { ...ip, interface: ip.interface + offset }
      )
    ],
    routes: [...before.routes, ...after.routes],
    dns: Object.keys(after.dns).length > 0 ? after.dns : before.dns
  }
}

function familyOfText(address: string): Family {
  return familyOf(parsePrefix(address, 'result'))
}

function present(fields: Open): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function faultText({ instancePath, message }: ErrorObject): string {
  return `${instancePath === '' ? 'it' : instancePath.slice(1).replaceAll('/', '.')} ${message ?? 'is wrong'}`
}
