/**
 * Requests of the protocol, as Docker sends them (libnetwork/docs/remote.md, libnetwork/docs/ipam.md). Unknown fields are
 * tolerated, absent lists and maps are empty, everything else must be there and of its type.
 */
import { Ajv } from 'ajv'
import type { ErrorObject, ValidateFunction } from 'ajv'
import { InvalidError, shown } from '../errors.js'
import { lazily } from '../model/lazy.js'

/** Values of options come from any version of Docker; each option parses its own. */
export type Options = Readonly<Record<string, unknown>>

export interface IpamData {
  readonly AddressSpace: string
  readonly Pool: string
  readonly Gateway?: string
}

export interface CreateNetworkRequest {
  readonly NetworkID: string
  readonly IPv4Data?: readonly IpamData[] | null
  readonly IPv6Data?: readonly IpamData[] | null
  readonly Options?: Options | null
}

export interface NetworkRequest {
  readonly NetworkID: string
}

export interface EndpointRequest extends NetworkRequest {
  readonly EndpointID: string
}

export interface EndpointOptionsRequest extends EndpointRequest {
  readonly Options?: Options | null
}

export interface CreateEndpointRequest extends EndpointOptionsRequest {
  readonly Interface?: {
    readonly Address?: string
    readonly AddressIPv6?: string
    readonly MacAddress?: string
  } | null
}

export interface JoinRequest extends EndpointOptionsRequest {
  readonly SandboxKey: string
}

export interface OptionsRequest {
  readonly Options?: Options | null
}

export interface AllocateNetworkRequest extends NetworkRequest, OptionsRequest {}

export interface RequestPoolRequest extends OptionsRequest {
  readonly AddressSpace: string
  readonly Pool?: string
  readonly SubPool?: string
  readonly V6?: boolean
}

export interface PoolRequest {
  readonly PoolID: string
}

export interface RequestAddressRequest extends PoolRequest, OptionsRequest {
  readonly Address?: string
}

export interface ReleaseAddressRequest extends PoolRequest {
  readonly Address: string
}

const id = { type: 'string', minLength: 1, maxLength: 256 } as const
const text = { type: 'string' } as const
const options = { type: ['object', 'null'] } as const
/** Answered as they came, so they must be what Docker says they are. */
const texts = { type: ['object', 'null'], additionalProperties: { type: 'string' } } as const
const ipamData = {
  type: ['array', 'null'],
  items: {
    type: 'object',
    properties: { AddressSpace: text, Pool: text, Gateway: text },
    required: ['AddressSpace', 'Pool']
  }
} as const
const endpoint = { NetworkID: id, EndpointID: id } as const

const ajv = lazily(
  () =>
    new Ajv({
      allErrors: true,
      strict: true,
      allowUnionTypes: true,
      verbose: true,
      // As of records: the schemas are ours.
      meta: false,
      validateSchema: false
    })
)

export const parseCreateNetwork = parser<CreateNetworkRequest>(
  { NetworkID: id, IPv4Data: ipamData, IPv6Data: ipamData, Options: options },
  ['NetworkID']
)
export const parseNetwork = parser<NetworkRequest>({ NetworkID: id }, ['NetworkID'])
export const parseEndpoint = parser<EndpointRequest>(endpoint, ['NetworkID', 'EndpointID'])
export const parseEndpointOptions = parser<EndpointOptionsRequest>({ ...endpoint, Options: options }, [
  'NetworkID',
  'EndpointID'
])
export const parseCreateEndpoint = parser<CreateEndpointRequest>(
  {
    ...endpoint,
    Interface: {
      type: ['object', 'null'],
      properties: { Address: text, AddressIPv6: text, MacAddress: text }
    },
    Options: options
  },
  ['NetworkID', 'EndpointID']
)
export const parseJoin = parser<JoinRequest>(
  { ...endpoint, SandboxKey: { type: 'string', minLength: 1, maxLength: 4096 }, Options: options },
  ['NetworkID', 'EndpointID', 'SandboxKey']
)
export const parseOptions = parser<OptionsRequest>({ Options: options }, [])
export const parseAllocateNetwork = parser<AllocateNetworkRequest>({ NetworkID: id, Options: texts }, [
  'NetworkID'
])
export const parseRequestPool = parser<RequestPoolRequest>(
  { AddressSpace: text, Pool: text, SubPool: text, Options: options, V6: { type: 'boolean' } },
  ['AddressSpace']
)
export const parsePool = parser<PoolRequest>({ PoolID: text }, ['PoolID'])
export const parseRequestAddress = parser<RequestAddressRequest>(
  { PoolID: text, Address: text, Options: options },
  ['PoolID']
)
export const parseReleaseAddress = parser<ReleaseAddressRequest>({ PoolID: text, Address: text }, [
  'PoolID',
  'Address'
])

/** A schema for every field of a request. */
type Properties<T> = { readonly [K in keyof T]-?: object }

/** A parser for an object with these properties. It throws InvalidError that names every fault. */
function parser<T>(properties: Properties<T>, required: readonly (keyof T)[]): (body: unknown) => T {
  const validator = lazily(() => ajv().compile<T>({ type: 'object', properties, required }))
  return (body) => {
    if (body === undefined) {
      throw new InvalidError(
        'request has no body: Docker repeats requests without their body when a connection broke; try again'
      )
    }
    const validate: ValidateFunction<T> = validator()
    if (validate(body)) return body
    throw new InvalidError(`request is not valid: ${(validate.errors ?? []).map(faultText).join('; ')}`)
  }
}

function faultText({ instancePath, message, data, keyword }: ErrorObject): string {
  const field = instancePath === '' ? 'body' : instancePath.slice(1).replaceAll('/', '.')
  const found = keyword === 'required' || typeof data === 'object' ? '' : `, not ${shown(data)}`
  return `${field} ${message ?? 'is wrong'}${found}`
}
