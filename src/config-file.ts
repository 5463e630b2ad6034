/** The configuration file: YAML or JSON, with the options under the names of their flags, and the section `routing`. */
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import type { ErrorObject } from 'ajv'
import { parse as parseYaml } from 'yaml'
import { parseRouting } from './config-routing.js'
import { ROUTING_SCHEMA } from './config-routing-schema.js'
import type { RoutingSection } from './config-routing.js'
import { InvalidError, messageOf, shown } from './errors.js'
import type { Routing } from './model/routing.js'

/** The document in a file, with the right types. Throws InvalidError that names file, field and value. */
export function readConfigFile(name: string, options: readonly string[]): Readonly<Record<string, unknown>> {
  let document: unknown
  try {
    document = parseYaml(readFileSync(name, 'utf8'))
  } catch (error) {
    throw new InvalidError(`--config: ${name} cannot be read: ${messageOf(error).split('\n')[0] ?? ''}`, {
      cause: error
    })
  }
  const validate = ajv().compile<Record<string, unknown>>(schemaOf(options))
  const content = document ?? {}
  if (validate(content)) return content
  throw refusal(`--config: ${name}`, validate.errors)
}

/** A section `routing` that came from elsewhere than the file. Throws InvalidError that names field and value. */
export function checkRouting(section: unknown, where: string): Routing {
  const validate = ajv().compile<RoutingSection | null>(ROUTING_SCHEMA)
  if (validate(section)) return parseRouting(section ?? {}, where)
  throw refusal(where, validate.errors)
}

function ajv(): Ajv {
  return new Ajv({ allErrors: true, allowUnionTypes: true, verbose: true })
}

function refusal(where: string, errors: readonly ErrorObject[] | null | undefined): InvalidError {
  return new InvalidError(`${where}: ${(errors ?? []).map(faultText).join('; ')}`)
}

function faultText({ instancePath, message, params, data }: ErrorObject): string {
  const { additionalProperty } = params as { additionalProperty?: string }
  const path = instancePath.slice(1).replaceAll('/', '.')
  if (additionalProperty !== undefined && path !== '')
    return `${path}: "${additionalProperty}" is not known here: see docs/routing.md`
  if (additionalProperty !== undefined)
    return `"${additionalProperty}" is not an option: see net-routed --help`
  const field = path || 'the document'
  const value = /(^|\.)(key|password|authentication)$/.test(path) ? 'the value' : shown(data)
  return `${field}: ${value} ${message ?? 'is wrong'}`
}

const pool = {
  type: ['object', 'string'],
  properties: { base: { type: 'string' }, size: { type: 'integer' } },
  required: ['base', 'size'],
  additionalProperties: false
}
const FILE_TYPES: Readonly<Record<string, object>> = {
  debug: { type: 'boolean' },
  mtu: { type: 'integer' },
  'route-protocol': { type: 'integer' },
  'default-address-pool': { type: 'array', items: pool }
}

function schemaOf(options: readonly string[]): object {
  return {
    type: 'object',
    properties: {
      routing: ROUTING_SCHEMA,
      ...Object.fromEntries(options.map((name) => [name, FILE_TYPES[name] ?? { type: 'string' }]))
    },
    additionalProperties: false
  }
}
