/** Stored documents of every version that was ever released (test/golden/records). */
import { readFileSync, readdirSync } from 'node:fs'
import { RECORD_KINDS } from '../../src/model/record.js'
import type { RecordKind } from '../../src/model/record.js'
import { isObject } from './json.js'

export interface GoldenDocument {
  readonly name: string
  readonly kind: RecordKind
  readonly document: Readonly<Record<string, unknown>>
}

const DIRECTORY = new URL('../../../test/golden/records/', import.meta.url)

export function goldenDocuments(): readonly GoldenDocument[] {
  const names = readdirSync(DIRECTORY).filter((name) => name.endsWith('.json'))
  return names.sort().map((name) => {
    const kind = RECORD_KINDS.find((candidate) => name.startsWith(`${candidate}.`))
    const document: unknown = JSON.parse(readFileSync(new URL(name, DIRECTORY), 'utf8'))
    if (!kind || !isObject(document)) throw new Error(`${name} is not the document of a record`)
    return { name, kind, document }
  })
}
