/** The kinds of record, each with its schema and version. A stored document is `{version, ...record}`. */
import { Ajv } from 'ajv'
import type { ErrorObject, ValidateFunction } from 'ajv'
import { InvalidError } from '../errors.js'
import { lazily } from './lazy.js'
import { parseIp, parseMac, parsePrefix } from './ip.js'
import type { Endpoint } from './endpoint.js'
import type { Lease } from './lease.js'
import type { Network } from './network.js'
import { OPTION_FIELDS } from './options/options.js'
import type { Pool } from './pool.js'
import type { Router } from './router.js'
import type { Setting } from './setting.js'

export interface RecordByKind {
  network: Network
  endpoint: Endpoint
  pool: Pool
  lease: Lease
  setting: Setting
  router: Router
}
export type RecordKind = keyof RecordByKind
export type AnyRecord = RecordByKind[RecordKind]

/** In the order in which they are loaded. */
export const RECORD_KINDS: readonly RecordKind[] = [
  'setting',
  'router',
  'pool',
  'lease',
  'network',
  'endpoint'
]

/** Version of the documents that this program writes. A change of a schema adds an upgrade from the version before. */
export const RECORD_VERSION = 1

const text = { type: 'string', minLength: 1 } as const
const time = { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}T' } as const
const prefix = { type: 'string', format: 'prefix' } as const
const ip = { type: 'string', format: 'ip' } as const
const yes = { type: 'boolean', const: true } as const

const delegated = {
  type: 'object',
  properties: { type: text, input: text },
  required: ['type', 'input'],
  additionalProperties: false
} as const

const port = { type: 'integer', minimum: 1, maximum: 65535 } as const
const ports = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      protocol: { enum: ['tcp', 'udp', 'sctp'] },
      hostIp: ip,
      hostPort: port,
      containerPort: port,
      exclude: { type: 'array', items: text }
    },
    required: ['protocol', 'hostPort', 'containerPort'],
    additionalProperties: false
  }
} as const

const companions = {
  type: 'array',
  items: {
    type: 'object',
    properties: { endpointId: text, addresses: { type: 'array', items: prefix } },
    required: ['endpointId', 'addresses'],
    additionalProperties: false
  }
} as const

const routes = {
  type: 'array',
  items: {
    type: 'object',
    properties: { dst: prefix, via: ip, src: ip },
    required: ['dst'],
    additionalProperties: false
  }
} as const

const SCHEMAS = {
  network: {
    type: 'object',
    properties: {
      id: text,
      mode: { const: 'routed' },
      subnets: {
        type: 'array',
        items: {
          type: 'object',
          properties: { space: { type: 'string' }, prefix },
          required: ['space', 'prefix'],
          additionalProperties: false
        }
      },
      number: { type: 'integer', minimum: 1 },
      gateway: ip,
      gateway6: ip,
      gatewayIsForeign: yes,
      ...OPTION_FIELDS,
      internal: { type: 'boolean' },
      interfacePrefix: text
    },
    required: ['id', 'mode', 'subnets', 'number', 'internal'],
    additionalProperties: false
  },
  endpoint: {
    type: 'object',
    properties: {
      id: text,
      networkId: text,
      addresses: { type: 'array', items: prefix },
      mac: { type: 'string', format: 'mac' },
      chosen: { type: 'array', items: text },
      ...OPTION_FIELDS,
      gatewayIsForeign: yes,
      ports,
      delegate: delegated,
      services: {
        type: 'object',
        properties: { dns: yes, balancing: text },
        additionalProperties: false
      },
      sandbox: {
        type: 'object',
        properties: {
          path: text,
          runtime: { enum: ['docker', 'cni'] },
          ifName: text,
          ipam: delegated,
          routes,
          gateway: ip,
          gateway6: ip,
          gatewayIsForeign: yes,
          companions
        },
        required: ['path', 'runtime'],
        additionalProperties: false
      },
      left: yes,
      drain: { enum: ['worse', 'withdrawn'] },
      health: {
        type: 'object',
        properties: { state: { enum: ['healthy', 'unhealthy'] }, since: text },
        required: ['state', 'since'],
        additionalProperties: false
      },
      attaching: yes,
      deleted: yes,
      since: time
    },
    required: ['id', 'networkId', 'addresses', 'mac', 'since'],
    additionalProperties: false
  },
  pool: {
    type: 'object',
    properties: { id: text, space: { enum: ['local', 'global'] }, prefix, range: prefix, since: time },
    required: ['id', 'space', 'prefix', 'since'],
    additionalProperties: false
  },
  lease: {
    type: 'object',
    properties: {
      id: text,
      poolId: text,
      address: ip,
      state: { enum: ['held', 'released'] },
      purpose: { enum: ['endpoint', 'gateway', 'aux'] },
      automatic: { type: 'boolean' },
      since: time
    },
    required: ['id', 'poolId', 'address', 'state', 'purpose', 'automatic', 'since'],
    additionalProperties: false
  },
  setting: {
    type: 'object',
    properties: { id: text, before: { type: 'string' } },
    required: ['id', 'before'],
    additionalProperties: false
  },
  router: {
    type: 'object',
    properties: {
      id: text,
      vty: text,
      lines: {
        type: 'array',
        items: {
          type: 'object',
          properties: { within: { type: 'array', items: text }, text },
          required: ['within', 'text'],
          additionalProperties: false
        }
      }
    },
    required: ['id', 'vty', 'lines'],
    additionalProperties: false
  }
} as const

type Validators = { readonly [K in RecordKind]: () => ValidateFunction<RecordByKind[K]> }

const ajv = lazily(
  () =>
    new Ajv({
      allErrors: true,
      strict: true,
      // The schemas are ours and strict: to check them against the meta-schema is half of the time to compile them.
      meta: false,
      validateSchema: false,
      formats: {
        ip: (value: string) => isCanonical(value, parseIp),
        prefix: (value: string) => isCanonical(value, parsePrefix),
        mac: (value: string) => isCanonical(value, parseMac)
      }
    })
)
const VALIDATORS: Validators = {
  network: validator('network'),
  endpoint: validator('endpoint'),
  pool: validator('pool'),
  lease: validator('lease'),
  setting: validator('setting'),
  router: validator('router')
}

/** The record in a stored document. Throws InvalidError that names every fault. */
export function parseRecord<K extends RecordKind>(kind: K, document: unknown): RecordByKind[K] {
  if (typeof document !== 'object' || document === null || !('version' in document)) {
    throw new InvalidError(`${kind}: not a record: it has no version`)
  }
  const { version, ...record } = document
  if (version !== RECORD_VERSION) {
    throw new InvalidError(
      `${kind}: version ${String(version)} is not known; this program reads ${String(RECORD_VERSION)}`
    )
  }
  const validate: ValidateFunction<RecordByKind[K]> = VALIDATORS[kind]()
  const candidate: unknown = record
  if (validate(candidate)) return candidate
  throw new InvalidError(
    `${kind}: ${(validate.errors ?? []).map((fault) => faultText(kind, fault)).join('; ')}`
  )
}

/**
 * False for what ends with the host's power: endpoints, and the addresses of containers. Docker starts such containers
 * anew, so these records must survive every crash of a process, but not that of the machine. Swarm's managers remember
 * addresses in the global space.
 */
export function outlivesHost(kind: RecordKind, record: AnyRecord): boolean {
  if (kind === 'endpoint') return false
  const isAddress = kind === 'lease' && 'purpose' in record && record.purpose === 'endpoint'
  return !isAddress || record.id.startsWith('global/')
}

/** The document to store. */
export function documentOf(record: AnyRecord): object {
  return { version: RECORD_VERSION, ...record }
}

function faultText(kind: RecordKind, { instancePath, message, params }: ErrorObject): string {
  const { additionalProperty } = params as { additionalProperty?: string }
  const field = additionalProperty === undefined ? '' : `/${additionalProperty}`
  return `${kind}${instancePath}${field} ${message ?? 'is wrong'}`
}

/** Only canonical text is used as a key. */
function isCanonical(value: string, parse: (text: string) => string): boolean {
  try {
    return parse(value) === value
  } catch (error) {
    if (error instanceof InvalidError) return false
    throw error
  }
}

function validator<K extends RecordKind>(kind: K): () => ValidateFunction<RecordByKind[K]> {
  return lazily(() => ajv().compile<RecordByKind[K]>(SCHEMAS[kind]))
}
