/** The kinds of record, each with its schema and version. A stored document is `{version, ...record}`. */
import { Ajv } from 'ajv'
import type { ErrorObject, ValidateFunction } from 'ajv'
import { InvalidError } from '../errors.js'
import type { Block } from './block.js'
import { lazily } from './lazy.js'
import { parseIp, parseMac, parsePrefix } from './ip.js'
import type { Endpoint } from './endpoint.js'
import type { Lease } from './lease.js'
import type { Name } from './name.js'
import type { Network } from './network.js'
import type { Pool } from './pool.js'
import { SCHEMAS } from './record-schemas.js'
import type { Router } from './router.js'
import type { Setting } from './setting.js'

export interface RecordByKind {
  network: Network
  endpoint: Endpoint
  pool: Pool
  lease: Lease
  setting: Setting
  router: Router
  block: Block
  name: Name
}
export type RecordKind = keyof RecordByKind
export type AnyRecord = RecordByKind[RecordKind]

/** In the order in which they are loaded. */
export const RECORD_KINDS: readonly RecordKind[] = [
  'setting',
  'router',
  'pool',
  'block',
  'lease',
  'network',
  'name',
  'endpoint'
]

/** Version of the documents that this program writes. A change of a schema adds an upgrade from the version before. */
export const RECORD_VERSION = 1

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
  router: validator('router'),
  block: validator('block'),
  name: validator('name')
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
 * False for what ends with the host's power: endpoints, the addresses of containers, and of DNS names. Docker starts such containers
 * anew, so these records must survive every crash of a process, but not that of the machine. Swarm's managers remember
 * addresses in the global space.
 */
export function outlivesHost(kind: RecordKind, record: AnyRecord): boolean {
  if (kind === 'endpoint' || kind === 'name') return false
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
