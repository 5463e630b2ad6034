/** What a runtime calls a plugin with: a command in the environment, a configuration on standard input (SPEC.md §2). */
import { CODE, CniError } from './error.js'

export const COMMANDS = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const
export type Command = (typeof COMMANDS)[number]

/** As the executable sends it. An environment variable that is not set is empty. */
export interface Invocation {
  /** Name that the executable was called by. */
  readonly plugin: string
  readonly command: string
  readonly containerId: string
  readonly netns: string
  readonly ifName: string
  readonly args: string
  readonly input: string
}

/** One attachment, as the environment names it. */
export interface Attachment {
  readonly containerId: string
  readonly ifName: string
  /** Empty where the runtime does not have it any more. */
  readonly netns: string
}

type Field = 'containerId' | 'netns' | 'ifName'

const VARIABLES: Readonly<Record<Field, string>> = {
  containerId: 'CNI_CONTAINERID',
  netns: 'CNI_NETNS',
  ifName: 'CNI_IFNAME'
}
const CONTAINER_ID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/
/** Kernel: IFNAMSIZ with its zero, and no name that /sys could not have. */
const IF_NAME = /^(?!\.\.?$)[^/:\s]{1,15}$/u
const LONGEST_CONTAINER_ID = 128

/** Throws CniError with this code that names what there is. */
export function parseCommand({ command }: Invocation, code: number = CODE.invalidEnvironment): Command {
  const known = COMMANDS.find((candidate) => candidate === command)
  if (known) return known
  throw new CniError(
    code,
    `CNI_COMMAND is ${command === '' ? 'not set' : JSON.stringify(command)}: there are ${COMMANDS.join(', ')}`
  )
}

/** The attachment. Throws CniError that names every variable that is missing or wrong. */
export function parseAttachment(invocation: Invocation, needsNetns: boolean): Attachment {
  const needed: Field[] = ['containerId', ...(needsNetns ? ['netns' as const] : []), 'ifName']
  const missing = needed.filter((field) => invocation[field] === '').map((field) => VARIABLES[field])
  if (missing.length > 0) throw invalid(`required environment variables are missing: ${missing.join(', ')}`)
  const { containerId, ifName, netns } = invocation
  if (!CONTAINER_ID.test(containerId) || containerId.length > LONGEST_CONTAINER_ID) {
    throw invalid(
      `CNI_CONTAINERID: ${JSON.stringify(containerId)} is not at most ${String(LONGEST_CONTAINER_ID)} letters, digits, "_", "." and "-" beginning with a letter or digit`
    )
  }
  if (!IF_NAME.test(ifName))
    throw invalid(
      `CNI_IFNAME: ${JSON.stringify(ifName)} is not a name of at most 15 characters without "/", ":" and spaces`
    )
  return { containerId, ifName, netns }
}

/** `K=V;K=V`, keys in upper case. Runtimes put there what is not for us, too. */
export function parseArgs(text: string): ReadonlyMap<string, string> {
  const pairs = text.split(';').filter((pair) => pair.trim() !== '')
  return new Map(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at <= 0) throw invalid(`CNI_ARGS: ${JSON.stringify(pair)} is not of the form KEY=VALUE`)
      return [pair.slice(0, at).trim().toUpperCase(), pair.slice(at + 1).trim()]
    })
  )
}

function invalid(message: string): CniError {
  return new CniError(CODE.invalidEnvironment, message)
}
