/** IpamDriver: one function per method of the protocol (libnetwork/docs/ipam.md). Translates, decides nothing. */
import { InvalidError } from '../errors.js'
import type { Answer, Methods } from '../http.js'
import type { Ipam } from '../ipam/ipam.js'
import { checkRange } from '../ipam/subnets.js'
import { addressOf, familyOf, hostPrefix, parseIp, parseSubnet } from '../model/ip.js'
import type { Ip } from '../model/ip.js'
import { SPACE_NAMES, spaceOf } from '../model/space.js'
import type { Space } from '../model/space.js'
import * as parse from './schemas.js'
import type { Options } from './schemas.js'

export interface IpamDriverParts {
  readonly ipam: Ipam
  /** The operator's gateway for all networks. */
  readonly gateway?: Ip
  readonly gateway6?: Ip
}

const GATEWAY_KEY = 'com.docker.network.gateway'

/** The methods, by their path. */
export function ipamDriver(parts: IpamDriverParts): Methods {
  const { ipam } = parts
  return {
    'IpamDriver.GetCapabilities': () => answer({ RequiresMACAddress: false, RequiresRequestReplay: false }),
    'IpamDriver.GetDefaultAddressSpaces': () =>
      answer({ LocalDefaultAddressSpace: SPACE_NAMES.local, GlobalDefaultAddressSpace: SPACE_NAMES.global }),
    'IpamDriver.RequestPool': (body) => requestPool(parts, parse.parseRequestPool(body)),
    'IpamDriver.ReleasePool': async (body) => {
      await ipam.releasePool(parse.parsePool(body).PoolID)
      return { body: {} }
    },
    'IpamDriver.RequestAddress': (body) => requestAddress(ipam, parse.parseRequestAddress(body)),
    'IpamDriver.ReleaseAddress': async (body) => {
      const { PoolID, Address } = parse.parseReleaseAddress(body)
      await ipam.releaseAddress(PoolID, parseIp(Address, 'Address'))
      return { body: {} }
    }
  }
}

async function requestPool(
  { ipam, ...gateways }: IpamDriverParts,
  request: parse.RequestPoolRequest
): Promise<Answer> {
  const { Pool = '', SubPool = '', V6 = false } = request
  const prefix = Pool === '' ? undefined : parseSubnet(Pool, 'Pool')
  const range = SubPool === '' ? undefined : parseSubnet(SubPool, 'SubPool')
  if (prefix !== undefined && range !== undefined) checkRange(range, prefix)
  const pool = await ipam.requestPool({
    space: requireSpace(request.AddressSpace),
    family: V6 ? 6 : 4,
    ...(prefix === undefined ? {} : { prefix }),
    ...(range === undefined ? {} : { range })
  })
  const gateway = familyOf(pool.prefix) === 4 ? gateways.gateway : gateways.gateway6
  return {
    body: {
      PoolID: pool.id,
      Pool: pool.prefix,
      Data: gateway === undefined ? {} : { [GATEWAY_KEY]: hostPrefix(gateway) }
    },
    undo: () => ipam.releasePool(pool.id)
  }
}

async function requestAddress(ipam: Ipam, request: parse.RequestAddressRequest): Promise<Answer> {
  const { PoolID, Address = '', Options } = request
  const address = Address === '' ? undefined : parseIp(Address, 'Address')
  const granted = await ipam.requestAddress({
    poolId: PoolID,
    purpose: purposeOf(Options ?? {}),
    ...(address === undefined ? {} : { address })
  })
  return { body: { Address: granted, Data: {} }, undo: () => ipam.releaseAddress(PoolID, addressOf(granted)) }
}

function purposeOf(options: Options): 'gateway' | 'endpoint' {
  return options['RequestAddressType'] === GATEWAY_KEY ? 'gateway' : 'endpoint'
}

function requireSpace(name: string): Space {
  const space = spaceOf(name)
  if (space) return space
  throw new InvalidError(
    `AddressSpace: "${name}" is not known; there are ${Object.values(SPACE_NAMES).join(' and ')}`
  )
}

function answer(body: object): Promise<Answer> {
  return Promise.resolve({ body })
}
