/** Options that say who may reach a container, and what it may reach. */
import { InvalidError, shown } from '../../errors.js'
import { parseAllowed } from '../allowed.js'
import type { Allowed } from '../allowed.js'
import type { Option } from './option.js'

/** What holds for a direction that has no list. */
export type Default = 'accept' | 'deny' | 'deny-ingress' | 'deny-egress'

export interface PolicyOptions {
  /** What may come to the container; `any` = everything. Absent = as `default` says. */
  readonly ingress?: 'any' | readonly Allowed[]
  /** Where what the container sends may go. */
  readonly egress?: 'any' | readonly Allowed[]
  /** Absent = accept. */
  readonly default?: Default
}

const DEFAULTS: readonly Default[] = ['accept', 'deny', 'deny-ingress', 'deny-egress']

const port = { type: 'integer', minimum: 0, maximum: 65_535 } as const
const list = {
  anyOf: [
    { type: 'string', const: 'any' },
    {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          first: { type: 'string', format: 'ip' },
          last: { type: 'string', format: 'ip' },
          name: { type: 'string', minLength: 1 },
          protocol: { enum: ['tcp', 'udp', 'sctp', 'icmp'] },
          firstPort: port,
          lastPort: port
        },
        additionalProperties: false
      }
    }
  ]
} as const

/** Schemas of the fields in stored records. */
export const POLICY_FIELDS = { ingress: list, egress: list, default: { enum: DEFAULTS } } as const

export const POLICY_OPTIONS: readonly Option[] = [
  {
    keys: ['net-routed.ingress', 'com.medallia.routed.network.ingressAllowed'],
    places: ['network', 'endpoint'],
    changes: ['ingress'],
    parse: (value, key) => ({ ingress: parseAllowed(value, key, { names: false }) })
  },
  {
    keys: ['net-routed.egress'],
    places: ['network', 'endpoint'],
    changes: ['egress'],
    parse: (value, key) => ({ egress: parseAllowed(value, key, { names: true }) })
  },
  {
    keys: ['net-routed.default'],
    places: ['network', 'endpoint'],
    changes: ['default'],
    parse: (value, key) => ({ default: parseDefault(value, key) })
  }
]

/** What is allowed in a direction. */
export function listOf(options: PolicyOptions, direction: 'ingress' | 'egress'): 'any' | readonly Allowed[] {
  const { default: otherwise } = options
  const isDenied = otherwise === 'deny' || otherwise === `deny-${direction}`
  return options[direction] ?? (isDenied ? [] : 'any')
}

/** True if not everything may come to the container and go from it. */
export function isPoliced(options: PolicyOptions): boolean {
  return listOf(options, 'ingress') !== 'any' || listOf(options, 'egress') !== 'any'
}

function parseDefault(value: unknown, field: string): Default {
  const found = DEFAULTS.find((known) => known === value)
  if (found !== undefined) return found
  throw new InvalidError(`${field}: ${shown(value)} is not one of ${DEFAULTS.join(', ')}`)
}
