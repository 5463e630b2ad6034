/** The fields of a configuration that concern us, as they are written. What they mean: netconf.ts. */
import { Ajv } from 'ajv'
import type { ErrorObject, ValidateFunction } from 'ajv'
import { InvalidError, shown } from '../errors.js'
import { lazily } from '../model/lazy.js'
import type { BandwidthDocument } from './bandwidth.js'
import type { PortMappingDocument } from './ports.js'
import type { Dns } from './result.js'

export interface SubnetDocument {
  readonly subnet?: string
  readonly range?: string
  readonly gateway?: string
}

/** Options by their name, such as `net-routed.mtu`. */
type Given = Readonly<Record<string, unknown>>

export interface Document {
  readonly cniVersion?: unknown
  readonly name?: string
  readonly mtu?: number
  readonly options?: Given | null
  readonly ipam?:
    | (SubnetDocument & {
        readonly type?: string
        readonly subnets?: readonly SubnetDocument[]
        readonly routes?: readonly { readonly dst: string }[]
        readonly dns?: Dns
      })
    | null
  readonly dns?: Dns | null
  readonly args?: {
    readonly cni?: {
      readonly ips?: readonly string[]
      readonly mac?: string
      readonly options?: Given | null
    } | null
  } | null
  readonly runtimeConfig?:
    | (Readonly<Record<string, unknown>> & {
        readonly ips?: readonly string[]
        readonly mac?: string
        readonly portMappings?: readonly PortMappingDocument[] | null
        readonly bandwidth?: BandwidthDocument | null
        readonly dns?: {
          readonly servers?: readonly string[]
          readonly searches?: readonly string[]
          readonly options?: readonly string[]
        }
      })
    | null
  readonly prevResult?: unknown
}

const text = { type: 'string' } as const
const texts = { type: 'array', items: text } as const
const subnet = { subnet: text, range: text, gateway: text } as const
const dns = {
  type: ['object', 'null'],
  properties: { nameservers: texts, domain: text, search: texts, options: texts }
} as const
const portMappings = {
  type: ['array', 'null'],
  items: {
    type: 'object',
    properties: {
      hostPort: { type: 'number' },
      containerPort: { type: 'number' },
      protocol: text,
      hostIP: text
    },
    required: ['hostPort', 'containerPort']
  }
} as const
const number = { type: 'number' } as const
const bandwidth = {
  type: ['object', 'null'],
  properties: { ingressRate: number, ingressBurst: number, egressRate: number, egressBurst: number }
} as const
const options = { type: ['object', 'null'] } as const
const requests = { type: ['object', 'null'], properties: { ips: texts, mac: text, options } } as const
const validator = lazily(() =>
  new Ajv({
    allErrors: true,
    strict: true,
    allowUnionTypes: true,
    verbose: true
  }).compile<Document>({
    type: 'object',
    properties: {
      name: text,
      mtu: { type: 'integer', minimum: 0, maximum: 65_535 },
      options,
      ipam: {
        type: ['object', 'null'],
        properties: {
          type: text,
          ...subnet,
          subnets: { type: 'array', items: { type: 'object', properties: subnet, required: ['subnet'] } },
          routes: { type: 'array', items: { type: 'object', properties: { dst: text }, required: ['dst'] } },
          dns
        }
      },
      dns,
      args: { type: ['object', 'null'], properties: { cni: requests } },
      runtimeConfig: {
        type: ['object', 'null'],
        properties: { ips: texts, mac: text, portMappings, bandwidth }
      }
    }
  })
)

/** Throws InvalidError that names every fault. */
export function parseDocumentFields(document: unknown): Document {
  const validate: ValidateFunction<Document> = validator()
  if (validate(document)) return document
  throw new InvalidError(faultsOf(validate))
}

/** What a validator has found in a configuration, every fault. */
export function faultsOf({ errors }: Pick<ValidateFunction, 'errors'>): string {
  return (errors ?? []).map(faultText).join('; ')
}

function faultText({ instancePath, message, data, keyword }: ErrorObject): string {
  const field = instancePath === '' ? 'the configuration' : instancePath.slice(1).replaceAll('/', '.')
  return `${field} ${message ?? 'is wrong'}${keyword === 'required' ? '' : `, not ${shown(data)}`}`
}
