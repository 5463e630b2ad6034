/** A container runtime as far as CNI goes: plugins started as processes in the namespace of a host. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathOf } from '../netns/scratch.js'

export interface PluginProcess {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
  /** The parsed standard output; undefined where it is empty or no JSON. */
  readonly document: Readonly<Record<string, unknown>> | undefined
}

/** What is not given is not set. */
export interface Environment {
  readonly containerId?: string
  readonly netns?: string
  readonly ifName?: string
  readonly args?: string
}

export interface Host {
  /** Name of the network namespace that plugins run in. */
  readonly netns: string
  /** CNI_PATH. */
  readonly path: string
  readonly env?: Readonly<Record<string, string>>
}

export interface Call {
  readonly env?: Environment
  /** In place of the configuration. */
  readonly input?: string
}

type Document = Readonly<Record<string, unknown>>

const LIMIT_MS = 60_000

/** Starts the plugin that the configuration names, and hands it the configuration. */
export function invoke(host: Host, command: string, conf: Document, call: Call = {}): Promise<PluginProcess> {
  const { env = {}, input = JSON.stringify(conf) } = call
  const variables = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: env.containerId,
    CNI_NETNS: env.netns,
    CNI_IFNAME: env.ifName,
    CNI_ARGS: env.args
  }
  const given = Object.entries(variables).filter(([, value]) => value !== undefined && value !== '')
  const environment = {
    PATH: process.env['PATH'],
    CNI_PATH: host.path,
    ...Object.fromEntries(given),
    ...host.env
  }
  const program = findPlugin(host.path, String(conf['type']))
  return run(['ip', 'netns', 'exec', host.netns, program], environment, input)
}

/** What `ip` says in a namespace, as JSON. */
export function ipJson(netns: string, ...words: readonly string[]): readonly Document[] {
  const text = execFileSync('ip', ['-n', netns, '-j', ...words], { encoding: 'utf8', stdio: 'pipe' })
  return text.trim() === '' ? [] : (JSON.parse(text) as Document[])
}

/** Addresses with prefix length of a link in a namespace, without link-local ones; undefined without the link. */
export function addressesOf(netns: string, link: string): readonly string[] | undefined {
  const found = ipJson(netns, 'address').find(({ ifname }) => ifname === link)
  const infos = (found?.['addr_info'] ?? []) as { local: string; prefixlen: number; scope: string }[]
  const global = infos.filter(({ scope }) => scope === 'global')
  return found && global.map(({ local, prefixlen }) => `${local}/${String(prefixlen)}`)
}

/** The attachment of a container that is called as its namespace. */
export function attachment(netns: string): Required<Omit<Environment, 'args'>> {
  return { containerId: netns, netns: pathOf(netns), ifName: 'eth0' }
}

function findPlugin(path: string, type: string): string {
  const candidates = path.split(':').map((directory) => join(directory, type))
  const found = candidates.find((file) => existsSync(file))
  if (found === undefined) throw new Error(`no plugin ${type} in ${path}`)
  return found
}

function run(argv: readonly string[], env: NodeJS.ProcessEnv, input: string): Promise<PluginProcess> {
  const [program = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, timeout: LIMIT_MS, killSignal: 'SIGKILL' })
    const said = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()))
    // A plugin may end without reading its input.
    child.stdin.on('error', () => undefined)
    child.on('error', reject)
    child.on('close', (code) => {
      resolve({ exit: code ?? -1, ...said, document: parsed(said.stdout) })
    })
    child.stdin.end(input)
  })
}

function parsed(text: string): Document | undefined {
  try {
    return JSON.parse(text) as Document
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
