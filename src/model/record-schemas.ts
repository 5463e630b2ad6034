/** Schemas of the records. */
import { OPTION_FIELDS } from './options/options.js'

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

export const SCHEMAS = {
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
      carriesIpv6: yes,
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
      yielded: { type: 'array', items: ip },
      covered: { type: 'array', items: ip },
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
  block: {
    type: 'object',
    properties: { id: text, poolId: text, prefix, state: { enum: ['claimed', 'own'] }, since: time },
    required: ['id', 'poolId', 'prefix', 'state', 'since'],
    additionalProperties: false
  },
  name: {
    type: 'object',
    properties: { id: text, addresses: { type: 'array', items: ip }, since: time },
    required: ['id', 'addresses', 'since'],
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
