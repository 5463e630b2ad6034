/** Recorded conversations of real engines (test/traces, described in its README.md). */
import { readFileSync, readdirSync } from 'node:fs'
import { isObject } from '../support/json.js'

export interface RecordedCall {
  readonly path: string
  readonly socket: string
  /** null = empty body. */
  readonly request: unknown
  /** Absent = the recording plugin closed the connection instead of answering. */
  readonly status?: number
  readonly response: unknown
}

export interface Recording {
  readonly name: string
  readonly docker: string
  readonly description: string
  readonly steps: readonly { readonly command: string; readonly calls: readonly RecordedCall[] }[]
}

const DIRECTORY = new URL('../../../test/traces/', import.meta.url)

export function recordings(): readonly Recording[] {
  const names = readdirSync(DIRECTORY).filter((name) => name.endsWith('.json'))
  return names.sort().map((name) => parse(name, JSON.parse(readFileSync(new URL(name, DIRECTORY), 'utf8'))))
}

export function callsOf(recording: Recording): readonly RecordedCall[] {
  return recording.steps.flatMap(({ calls }) => calls)
}

/** `/NetworkDriver.Join` without its slash. */
export function methodOf({ path }: RecordedCall): string {
  return path.slice(1)
}

/** True if the recording plugin answered so that Docker took it for a failure. */
export function wasRefused({ status, response }: RecordedCall): boolean {
  if (status === undefined) return false
  return status !== 200 || !isObject(response) || 'Err' in response || 'Error' in response
}

function parse(name: string, document: unknown): Recording {
  if (isRecording(document)) return document
  throw new Error(`${name} is not a recording`)
}

function isRecording(document: unknown): document is Recording {
  return isObject(document) && typeof document['name'] === 'string' && Array.isArray(document['steps'])
}
