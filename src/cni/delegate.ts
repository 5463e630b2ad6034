/** Delegates: other plugins that do a part of the work (SPEC.md §4). They run where the executable runs. */
import { messageOf } from '../errors.js'
import type { DelegatedPlugin } from '../model/endpoint.js'
import { CODE, CniError } from './error.js'
import type { Attachment, Command } from './invocation.js'
import { OWN_IPAM } from './netconf.js'
import type { RunDelegate } from './sessions.js'

export interface Delegation {
  readonly type: string
  readonly command: Command
  /** What it gets on standard input. */
  readonly input: string
  /** Replaces the attachment that the runtime has named. */
  readonly attachment?: Attachment
}

/** No way out of the directories in CNI_PATH (CVE-2021-20206), and nothing that the executable's protocol would trip over. */
const TYPE = /^[A-Za-z0-9_][A-Za-z0-9_.+@-]{0,127}$/
const SHOWN_OUTPUT = 500

/** Throws CniError unless it is the plain name of a program. */
export function checkType(type: unknown, field: string): string {
  if (typeof type === 'string' && TYPE.test(type)) return type
  throw new CniError(
    CODE.invalidConfiguration,
    `${field}: ${type === undefined ? 'there is none' : JSON.stringify(type)}: give the name of a plugin in CNI_PATH, without "/"`
  )
}

/** The IPAM plugin that a configuration names, if it names one that is not ours. */
export function delegateIn(
  document: Readonly<Record<string, unknown>>,
  input: string
): DelegatedPlugin | undefined {
  const { ipam } = document
  const type = typeof ipam === 'object' && ipam !== null && 'type' in ipam ? ipam.type : undefined
  if (type === undefined || type === '' || type === OWN_IPAM) return undefined
  return { type: checkType(type, 'ipam.type'), input }
}

/** Runs a delegate. Returns what it printed, parsed; undefined for nothing. Throws CniError with the delegate's code. */
export async function callDelegate(run: RunDelegate, delegation: Delegation): Promise<unknown> {
  const { type, command, input, attachment } = delegation
  const env = {
    CNI_COMMAND: command,
    ...(attachment
      ? {
          CNI_CONTAINERID: attachment.containerId,
          CNI_NETNS: attachment.netns,
          CNI_IFNAME: attachment.ifName
        }
      : {})
  }
  const { exit, output } = await run({ type: checkType(type, 'type'), env, input })
  if (exit === 0) return parse(output, type)
  throw errorOf(type, exit, output)
}

function parse(output: string, type: string): unknown {
  if (output.trim() === '') return undefined
  try {
    return JSON.parse(output) as unknown
  } catch (error) {
    throw new CniError(CODE.delegate, `${type} did not answer with JSON: ${messageOf(error)}`, {
      cause: error
    })
  }
}

/** A plugin says in JSON what is wrong; one that crashes does not. */
function errorOf(type: string, exit: number, output: string): CniError {
  if (exit < 0) return new CniError(CODE.delegate, `${type} cannot be run: ${output}`)
  const { code, msg, details } = errorFields(output)
  const cniCode = Number.isInteger(code) && Number(code) > 0 ? Number(code) : CODE.delegate
  const text = typeof msg === 'string' && msg !== '' ? msg : output.trim().slice(0, SHOWN_OUTPUT)
  const more = typeof details === 'string' && details !== '' ? `; ${details}` : ''
  return new CniError(cniCode, `${type}: ${text === '' ? `exit status ${String(exit)}` : text}${more}`)
}

function errorFields(output: string): { code?: unknown; msg?: unknown; details?: unknown } {
  try {
    const value: unknown = JSON.parse(output)
    return typeof value === 'object' && value !== null ? value : {}
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}
