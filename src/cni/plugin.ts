/**
 * The methods that the executable (native/cni.c) calls. It does not read JSON, so it is answered in plain text: a line that
 * says what to do, lines that say with what, an empty line, and the text to print or to hand to a delegate:
 *
 *   print EXITCODE                    run TYPE TICKET
 *                                     NAME=VALUE...
 *
 *   TEXT                              INPUT
 *
 * After `run` it comes back with what the delegate printed.
 */
import { randomUUID } from 'node:crypto'
import { Ajv } from 'ajv'
import type { ValidateFunction } from 'ajv'
import { InvalidError, RoutedError } from '../errors.js'
import type { Answer, Methods } from '../http.js'
import { lazily } from '../model/lazy.js'
import { add, check, del, gc, status } from './commands.js'
import type { CommandParts } from './commands.js'
import { inTheirVersion } from './delegate-versions.js'
import type { KnownVersions } from './delegate-versions.js'
import { CODE, CniError, codeOf } from './error.js'
import { parseCommand } from './invocation.js'
import type { Command, Invocation } from './invocation.js'
import { parseDocument } from './netconf.js'
import { Sessions } from './sessions.js'
import type { DelegateResult, Outcome, RunDelegate, Turn } from './sessions.js'
import { VERSIONS, isAtLeast, parseVersion } from './version.js'
import type { Version } from './version.js'

type Work = (parts: CommandParts, invocation: Invocation, run: RunDelegate) => Promise<Outcome>

const WORK: Readonly<Record<Exclude<Command, 'VERSION'>, { readonly since: Version; readonly work: Work }>> =
  {
    ADD: { since: '0.1.0', work: add },
    DEL: { since: '0.1.0', work: del },
    CHECK: { since: '0.4.0', work: check },
    GC: { since: '1.1.0', work: gc },
    STATUS: { since: '1.1.0', work: status }
  }

const text = { type: 'string' } as const
const invocationFields = ['plugin', 'command', 'containerId', 'netns', 'ifName', 'args', 'input'] as const
const validators = lazily(() => {
  const ajv = new Ajv({ strict: true })
  return {
    invocation: ajv.compile<Invocation>({
      type: 'object',
      properties: Object.fromEntries(invocationFields.map((field) => [field, text])),
      required: [...invocationFields]
    }),
    continuation: ajv.compile<DelegateResult & { readonly ticket: string }>({
      type: 'object',
      properties: { ticket: text, exit: { type: 'integer' }, output: text },
      required: ['ticket', 'exit', 'output']
    })
  }
})

/** The methods, by their path. */
export function cniPlugin(parts: CommandParts): Methods {
  const sessions = new Sessions()
  const known: KnownVersions = new Map()
  return {
    'Cni.Run': async (body) => {
      const invocation = checked(validators().invocation, body)
      const turn = await sessions.begin(keyOf(invocation), (run) =>
        outcomeOf(parts, invocation, inTheirVersion(run, known))
      )
      return answerOf(turn, sessions)
    },
    'Cni.Continue': async (body) => {
      const { ticket, ...result } = checked(validators().continuation, body)
      return answerOf(await sessions.resume(ticket, result), sessions)
    }
  }
}

function checked<T>(validate: ValidateFunction<T>, body: unknown): T {
  if (validate(body)) return body
  throw new InvalidError('this is not a call of the CNI executable of net-routed')
}

/** Whoever calls for the same container again has given up the former call. Questions do not disturb each other. */
function keyOf({ command, containerId, ifName, input }: Invocation): string {
  return command === 'ADD' || command === 'DEL' ? `${containerId}:${ifName}:${nameIn(input)}` : randomUUID()
}

async function outcomeOf(parts: CommandParts, invocation: Invocation, run: RunDelegate): Promise<Outcome> {
  try {
    return await obey(parts, invocation, run)
  } catch (error) {
    if (!(error instanceof RoutedError)) throw error
    parts.log.warn('CNI command refused', {
      op: invocation.command,
      container: invocation.containerId,
      err: error.message
    })
    return failure(error, invocation)
  }
}

function obey(parts: CommandParts, invocation: Invocation, run: RunDelegate): Promise<Outcome> {
  const command = parseCommand(invocation)
  if (command === 'VERSION') {
    const output = { cniVersion: VERSIONS.at(-1), supportedVersions: VERSIONS }
    return Promise.resolve({ exit: 0, output: JSON.stringify(output) })
  }
  const { since, work } = WORK[command]
  const version = parseVersion(parseDocument(invocation.input)['cniVersion'])
  if (isAtLeast(version, since)) return work(parts, invocation, run)
  throw new CniError(
    CODE.incompatibleVersion,
    `cniVersion ${version} does not have ${command}: it came with ${since}`
  )
}

/** In the version of the configuration, as far as that can be read. */
function failure(error: RoutedError, { input }: Invocation): Outcome {
  const document = { cniVersion: versionIn(input), code: codeOf(error), msg: error.message, details: '' }
  return { exit: 1, output: JSON.stringify(document) }
}

function versionIn(input: string): Version {
  try {
    return parseVersion(parseDocument(input)['cniVersion'])
  } catch (error) {
    if (error instanceof CniError) return VERSIONS[VERSIONS.length - 1] ?? VERSIONS[0]
    throw error
  }
}

function nameIn(input: string): string {
  try {
    return JSON.stringify(parseDocument(input)['name'] ?? '')
  } catch (error) {
    if (error instanceof CniError) return ''
    throw error
  }
}

function answerOf(turn: Turn, sessions: Sessions): Answer {
  if (turn.kind === 'run') {
    const { ticket, call } = turn
    const env = Object.entries(call.env).map(([name, value]) => `${name}=${value}\n`)
    const undo = (): Promise<void> => {
      sessions.abort(ticket)
      return Promise.resolve()
    }
    return { body: {}, text: `run ${call.type} ${ticket}\n${env.join('')}\n${call.input}`, undo }
  }
  const { exit, output, undo } = turn.outcome
  return {
    body: {},
    text: `print ${String(exit)}\n\n${output === '' ? '' : `${output}\n`}`,
    ...(undo ? { undo } : {})
  }
}
