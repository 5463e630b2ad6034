/** The section `routing` of the configuration file: the checks that its schema (config-routing-schema.ts) cannot say. */
import { InvalidError, shown } from './errors.js'
import { familyOf, parseIp, toIp } from './model/ip.js'
import type { Ip } from './model/ip.js'
import { parseDuplicates } from './model/options/duplicates.js'
import type { Bfd, Bgp, BgpNeighbor, Ospf, OspfKey, Routing } from './model/routing.js'

/** Where FRR has its command sockets. */
export const DEFAULT_VTY = '/run/frr'
/** FRR's own choice for data centres; with BFD it hardly matters. */
const DEFAULT_HOLD_SECONDS = 9
/** A container that is replaced is back by then. */
const DEFAULT_GRACE_SECONDS = 10
/** Of 64 addresses. */
const DEFAULT_BLOCK = 26
const DEFAULT_BLOCK6 = 122
const LAST_AREA = 2 ** 32 - 1

/** As the file has it, after the schema. */
interface OspfSection {
  readonly area: string | number
  readonly 'area-type'?: 'normal' | 'stub' | 'nssa'
  readonly interfaces: readonly string[]
  readonly 'router-id'?: string
  readonly network?: Ospf['network']
  readonly cost?: number
  readonly hello?: number
  readonly dead?: number
  readonly authentication?: { readonly type?: string; readonly id?: number; readonly key: string }
  readonly bfd?: boolean | Bfd
}

interface NeighborSection {
  readonly address?: string
  readonly interface?: string
  readonly as: BgpNeighbor['as']
  readonly password?: string
  readonly bfd?: boolean | Bfd
  readonly hold?: number
  readonly 'max-prefixes'?: number
}

interface BgpSection {
  readonly as: number
  readonly 'router-id'?: string
  readonly transit?: boolean
  readonly addresses?: readonly string[]
  readonly neighbors: readonly NeighborSection[]
}

export interface RoutingSection {
  readonly vty?: string
  readonly grace?: number
  readonly duplicates?: string
  readonly 'graceful-restart'?: number
  readonly blocks?: { readonly size?: number; readonly size6?: number }
  readonly ospf?: OspfSection
  readonly ospf3?: OspfSection
  readonly bgp?: BgpSection
}

/** Throws InvalidError that names the field, the value and what would be right. An empty section asks for filters only. */
export function parseRouting(section: RoutingSection, where: string): Routing {
  const vty = section.vty ?? DEFAULT_VTY
  if (!vty.startsWith('/'))
    throw wrong(`${where}.vty`, vty, 'not an absolute path such as /run/frr or /run/quagga')
  const gracefulRestart = section['graceful-restart']
  const routing: Routing = {
    vty,
    grace: section.grace ?? DEFAULT_GRACE_SECONDS,
    duplicates: parseDuplicates(section.duplicates ?? 'refuse', `${where}.duplicates`),
    ...(gracefulRestart === undefined ? {} : { gracefulRestart }),
    ...(section.blocks
      ? { blocks: { 4: section.blocks.size ?? DEFAULT_BLOCK, 6: section.blocks.size6 ?? DEFAULT_BLOCK6 } }
      : {}),
    ...(section.ospf ? { ospf: parseOspf(section.ospf, `${where}.ospf`, parseKey) } : {}),
    ...(section.ospf3 ? { ospf3: parseOspf(section.ospf3, `${where}.ospf3`, parseHash) } : {}),
    ...(section.bgp ? { bgp: parseBgp(section.bgp, `${where}.bgp`) } : {})
  }
  refuseManyTimes(routing, where)
  return routing
}

type ParseKey = (given: NonNullable<OspfSection['authentication']>, where: string) => OspfKey

function parseOspf(section: OspfSection, where: string, parse: ParseKey): Ospf {
  const { interfaces, network, cost, hello, dead, authentication } = section
  const times = parseBfd(section.bfd)
  if (hello !== undefined && dead !== undefined && dead <= hello)
    throw wrong(`${where}.dead`, dead, `not more than hello, which is ${String(hello)}`)
  return {
    area: parseArea(section.area, `${where}.area`),
    areaType: parseAreaType(section, where),
    interfaces: interfaces.map((name) => parseLink(name, `${where}.interfaces`)),
    ...(section['router-id'] === undefined
      ? {}
      : { routerId: parseRouterId(section['router-id'], `${where}.router-id`) }),
    ...(network === undefined ? {} : { network }),
    ...(cost === undefined ? {} : { cost }),
    ...(hello === undefined ? {} : { hello }),
    ...(dead === undefined ? {} : { dead }),
    ...(authentication ? { authentication: parse(authentication, `${where}.authentication`) } : {}),
    ...(times ? { bfd: times } : {})
  }
}

function parseArea(value: string | number, where: string): string {
  const isNumber = /^\d{1,10}$/.test(String(value)) && Number(value) <= LAST_AREA
  if (isNumber) return toIp(BigInt(value), 4)
  const area = /^\d+(\.\d+){3}$/.test(String(value)) ? parseIp(String(value), where) : undefined
  if (area !== undefined) return area
  throw wrong(where, value, 'not an area such as 0.0.0.0 or 0')
}

/** Container routes come from outside of OSPF, and a stub area is one into which and out of which nothing such goes. */
function parseAreaType(section: OspfSection, where: string): Ospf['areaType'] {
  const type = section['area-type'] ?? 'normal'
  if (type === 'stub')
    throw wrong(
      `${where}.area-type`,
      type,
      'an area that carries no external routes, and container routes are external: make it nssa, on all of its routers'
    )
  if (type === 'nssa' && parseArea(section.area, where) === '0.0.0.0')
    throw wrong(
      `${where}.area-type`,
      type,
      'not possible for the backbone 0.0.0.0: give another area, or normal'
    )
  return type
}

function parseKey({ type = 'md5', id = 1, key }: Parameters<ParseKey>[0], where: string): OspfKey {
  if (type !== 'md5' && type !== 'text') throw wrong(`${where}.type`, type, 'neither md5 nor text')
  return { type, id, key: parseSecret(key, `${where}.key`, type === 'md5' ? 16 : 8) }
}

function parseHash({ type = 'hmac-sha-256', id = 1, key }: Parameters<ParseKey>[0], where: string): OspfKey {
  switch (type) {
    case 'md5':
    case 'hmac-sha-1':
    case 'hmac-sha-256':
    case 'hmac-sha-384':
    case 'hmac-sha-512':
      return { type, id, key: parseSecret(key, `${where}.key`, 64) }
    default:
      throw wrong(
        `${where}.type`,
        type,
        'not one of md5, hmac-sha-1, hmac-sha-256, hmac-sha-384, hmac-sha-512'
      )
  }
}

function parseBgp(section: BgpSection, where: string): Bgp {
  const neighbors = section.neighbors.map((neighbor, index) =>
    parseNeighbor(neighbor, `${where}.neighbors.${String(index)}`)
  )
  const names = neighbors.map(({ peer }) => Object.values(peer).join(''))
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw wrong(`${where}.neighbors`, twice, 'given twice')
  return {
    as: section.as,
    ...(section['router-id'] === undefined
      ? {}
      : { routerId: parseRouterId(section['router-id'], `${where}.router-id`) }),
    transit: section.transit ?? false,
    ...(section.addresses
      ? { addresses: section.addresses.map((address) => parseIp(address, `${where}.addresses`)) }
      : {}),
    neighbors
  }
}

function parseNeighbor(section: NeighborSection, where: string): BgpNeighbor {
  const { as, password, hold = DEFAULT_HOLD_SECONDS } = section
  if (
    !(Number.isInteger(as) && Number(as) > 0 && Number(as) < 2 ** 32) &&
    as !== 'internal' &&
    as !== 'external'
  )
    throw wrong(`${where}.as`, as, 'neither a number from 1 to 4294967295, nor internal, nor external')
  const bfd = parseBfd(section.bfd)
  const max = section['max-prefixes']
  return {
    peer: parsePeer(section, where),
    as,
    ...(password === undefined ? {} : { password: parseSecret(password, `${where}.password`, 80) }),
    ...(bfd ? { bfd } : {}),
    hold,
    ...(max === undefined ? {} : { maxPrefixes: max })
  }
}

/** fe80::/10. */
const LINK_LOCAL = /^fe[89ab][0-9a-f]:/

function parsePeer(section: NeighborSection, where: string): BgpNeighbor['peer'] {
  const { address, interface: link } = section
  if (address !== undefined && link === undefined) {
    const ip = parseIp(address, `${where}.address`)
    if (!LINK_LOCAL.test(ip)) return { address: ip }
    throw new InvalidError(
      `${where}.address: "${address}" is there on every link: give interface instead, such as eth0`
    )
  }
  if (address === undefined && link !== undefined) return { interface: parseLink(link, `${where}.interface`) }
  throw new InvalidError(`${where}: give either address, such as 192.0.2.1, or interface, such as eth0`)
}

function parseBfd(given: boolean | Bfd | undefined): Bfd | undefined {
  return given === true ? {} : given || undefined
}

function parseRouterId(value: string, where: string): Ip {
  const ip = parseIp(value, where)
  if (familyOf(ip) === 4 && ip !== '0.0.0.0') return ip
  throw wrong(where, value, 'not of the form of an IPv4 address such as 192.0.2.1')
}

function parseLink(value: string, where: string): string {
  if (/^[A-Za-z0-9_.@:-]{1,15}$/.test(value) && !/^nrc?-/.test(value)) return value
  throw wrong(where, value, 'not the name of a link of the host such as eth0')
}

/** No blanks, and nothing that the command channel takes for itself: `|` is a filter there, `?` asks for help. */
function parseSecret(value: string, where: string, longest: number): string {
  if (/^[!-~]+$/.test(value) && !/[|?"'!#]/.test(value) && value.length <= longest) return value
  throw new InvalidError(
    `${where}: not 1 to ${String(longest)} letters, digits and signs without blanks and | ? " ' ! #`
  )
}

/** There is one BFD profile of ours. */
function refuseManyTimes({ ospf: two, ospf3, bgp }: Routing, where: string): void {
  const all = [two?.bfd, ospf3?.bfd, ...(bgp?.neighbors.map((neighbor) => neighbor.bfd) ?? [])]
  const timed = all.flatMap((times) => (times && Object.keys(times).length > 0 ? [times] : []))
  const different = timed.find(
    ({ interval, multiplier }) => interval !== timed[0]?.interval || multiplier !== timed[0]?.multiplier
  )
  if (different)
    throw new InvalidError(`${where}: two different sets of BFD times: give the same interval and multiplier`)
}

function wrong(where: string, value: unknown, right: string): InvalidError {
  return new InvalidError(`${where}: ${shown(value)} is ${right}`)
}
