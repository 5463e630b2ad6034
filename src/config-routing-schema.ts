/** The form of the section `routing`, for ajv. */

const LAST_GRACE_SECONDS = 3600
/** What OSPF's neighbours accept (RFC 3623). */
const LAST_RESTART_SECONDS = 1800
const seconds = { type: 'integer', minimum: 1, maximum: 65_535 }
const bfd = {
  type: ['boolean', 'object'],
  properties: {
    interval: { type: 'integer', minimum: 10, maximum: 60_000 },
    multiplier: { type: 'integer', minimum: 2, maximum: 255 }
  },
  additionalProperties: false
}
const ospf = {
  type: 'object',
  properties: {
    area: { type: ['string', 'integer'] },
    'area-type': { enum: ['normal', 'stub', 'nssa'] },
    interfaces: { type: 'array', items: { type: 'string' }, minItems: 1, uniqueItems: true },
    'router-id': { type: 'string' },
    network: { enum: ['broadcast', 'point-to-point', 'point-to-multipoint'] },
    cost: { type: 'integer', minimum: 1, maximum: 65_535 },
    hello: seconds,
    dead: seconds,
    authentication: {
      type: 'object',
      properties: {
        type: { type: 'string' },
        id: { type: 'integer', minimum: 1, maximum: 255 },
        key: { type: 'string' }
      },
      required: ['key'],
      additionalProperties: false
    },
    bfd
  },
  required: ['area', 'interfaces'],
  additionalProperties: false
}
const as = { type: 'integer', minimum: 1, maximum: 2 ** 32 - 1 }

export const ROUTING_SCHEMA = {
  type: ['object', 'null'],
  properties: {
    vty: { type: 'string' },
    grace: { type: 'number', minimum: 0, maximum: LAST_GRACE_SECONDS },
    duplicates: { type: 'string' },
    'graceful-restart': { type: 'integer', minimum: 1, maximum: LAST_RESTART_SECONDS },
    blocks: {
      type: 'object',
      properties: {
        size: { type: 'integer', minimum: 8, maximum: 30 },
        size6: { type: 'integer', minimum: 8, maximum: 126 }
      },
      additionalProperties: false
    },
    ospf,
    ospf3: ospf,
    bgp: {
      type: 'object',
      properties: {
        as,
        'router-id': { type: 'string' },
        transit: { type: 'boolean' },
        addresses: { type: 'array', items: { type: 'string' }, minItems: 1, uniqueItems: true },
        neighbors: {
          type: 'array',
          minItems: 1,
          items: {
            type: 'object',
            properties: {
              address: { type: 'string' },
              interface: { type: 'string' },
              as: { type: ['integer', 'string'] },
              password: { type: 'string' },
              bfd,
              hold: { ...seconds, minimum: 3 },
              'max-prefixes': { type: 'integer', minimum: 1, maximum: 2 ** 32 - 1 }
            },
            required: ['as'],
            additionalProperties: false
          }
        }
      },
      required: ['as', 'neighbors'],
      additionalProperties: false
    }
  },
  additionalProperties: false
} as const
