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
import { l4lb } from './l4lb.js'
import { PORT_MAPPER_CODES, portMapper } from './port-mapper.js'
import { Sessions } from './sessions.js'
import type { DelegateResult, Outcome, RunDelegate, Turn } from './sessions.js'
import { VERSIONS, isAtLeast, parseVersion } from './version.js'
import type { Version } from './version.js'
import type { Works } from './wrapper.js'

const MAIN: Works = { ADD: add, DEL: del, CHECK: check, GC: gc, STATUS: status }
/** Before a plugin has seen the configuration. */
const INPUT_CODES: readonly number[] = [CODE.incompatibleVersion, CODE.undecodable]

/** A plugin with codes of its own. */
interface Wrapping {
  readonly works: Works
  readonly configuration?: number
  readonly unsupportedCommand?: number
}

/** What the name of the executable says that it is; anything else is net-routed under another name. */
const WRAPPERS: ReadonlyMap<string, Wrapping> = new Map([
  ['mesos-cni-port-mapper', { works: portMapper, ...PORT_MAPPER_CODES }],
  ['dcos-l4lb', { works: l4lb }]
])

const SINCE: Readonly<Record<Command, Version>> = {
  ADD: '0.1.0',
  DEL: '0.1.0',
  VERSION: '0.1.0',
  CHECK: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0'
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
function keyOf({ plugin, command, containerId, ifName, input }: Invocation): string {
  const isChange = command === 'ADD' || command === 'DEL'
  return isChange ? [plugin, containerId, ifName, nameIn(input)].join(':') : randomUUID()
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
  const wrapper = WRAPPERS.get(invocation.plugin)
  const command = parseCommand(invocation, wrapper?.unsupportedCommand)
  if (command === 'VERSION') {
    const output = { cniVersion: VERSIONS.at(-1), supportedVersions: VERSIONS }
    return Promise.resolve({ exit: 0, output: JSON.stringify(output) })
  }
  const version = parseVersion(parseDocument(invocation.input)['cniVersion'])
  const since = SINCE[command]
  if (isAtLeast(version, since)) return (wrapper?.works ?? MAIN)[command](parts, invocation, run)
  throw new CniError(
    wrapper?.unsupportedCommand ?? CODE.incompatibleVersion,
    `cniVersion ${version} does not have ${command}: it came with ${since}`
  )
}

/** In the version of the configuration, as far as that can be read. */
function failure(error: RoutedError, { plugin, input }: Invocation): Outcome {
  const code = codeOf(error)
  const wrongInput = WRAPPERS.get(plugin)?.configuration
  const document = {
    cniVersion: versionIn(input),
    code: wrongInput !== undefined && INPUT_CODES.includes(code) ? wrongInput : code,
    msg: error.message,
    details: ''
  }
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
