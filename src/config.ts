/**
 * Configuration of the daemon: flag > environment > file > default, read once. One table holds every option; flags, help,
 * environment names and the file's schema are made from it.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Ajv } from 'ajv'
import type { ErrorObject } from 'ajv'
import { parse as parseYaml } from 'yaml'
import { parseMtu } from './cnm/options.js'
import {
  parseBoolean,
  parseGateway,
  parseHostPort,
  parseName,
  parsePath,
  parsePool,
  parseProtocol
} from './config-values.js'
import type { HostPort } from './config-values.js'
import { InvalidError, messageOf, shown } from './errors.js'
import type { DefaultPool } from './ipam/subnets.js'
import type { Ip } from './model/ip.js'

export interface Config {
  readonly gateway?: Ip
  readonly gateway6?: Ip
  /** Bytes; 0 = leave alone; absent = as the uplinks. */
  readonly mtu?: number
  readonly debug: boolean
  readonly netsock: string
  readonly ipamsock: string
  /** Where the executables of CNI find us. */
  readonly cnisock: string
  readonly stateDir: string
  readonly routeProtocol: number
  readonly defaultAddressPool: readonly DefaultPool[]
  /** Where /metrics is served over TCP, for a Prometheus that cannot read unix sockets. */
  readonly metricsAddress?: HostPort
}

/** What the command line asks for. */
export type Command =
  | { readonly name: 'serve'; readonly config: Config }
  | { readonly name: 'status'; readonly socket: string; readonly json: boolean }
  | { readonly name: 'forget'; readonly socket: string; readonly network: string }
  | { readonly name: 'help' | 'version' }

interface Option {
  readonly name: string
  readonly short?: string
  readonly argument?: string
  readonly many?: true
  readonly help: string
}

const OPTIONS: readonly Option[] = [
  {
    name: 'gateway',
    short: 'g',
    argument: 'IP',
    help: 'IPv4 gateway of every network (default: a link-local one for each)'
  },
  {
    name: 'gateway6',
    argument: 'IP',
    help: 'IPv6 gateway of every network (default: a link-local one for each)'
  },
  {
    name: 'mtu',
    short: 'm',
    argument: 'BYTES',
    help: 'MTU of containers; 0 = leave alone (default: the smallest of the uplinks)'
  },
  { name: 'debug', short: 'd', help: 'log every request and operation' },
  {
    name: 'netsock',
    short: 'S',
    argument: 'NAME',
    help: 'name of the network driver, or path of its socket (default: net-routed)'
  },
  {
    name: 'ipamsock',
    short: 's',
    argument: 'NAME',
    help: 'name of the IPAM driver, or path of its socket (default: ipam-routed)'
  },
  {
    name: 'cnisock',
    argument: 'PATH',
    help: 'socket for the CNI plugins (default: /run/net-routed/cni.sock)'
  },
  { name: 'state-dir', argument: 'DIR', help: 'where records are kept (default: /var/lib/net-routed)' },
  { name: 'route-protocol', argument: 'NUMBER', help: 'protocol number of our routes (default: 200)' },
  {
    name: 'default-address-pool',
    argument: 'base=SUBNET,size=N',
    many: true,
    help: 'subnets for networks without --subnet; may be repeated (default: none)'
  },
  {
    name: 'metrics-address',
    argument: 'HOST:PORT',
    help: 'serve /metrics over TCP as well, such as 127.0.0.1:9469 (default: sockets only)'
  },
  { name: 'config', argument: 'FILE', help: 'YAML or JSON file with these options under the same names' }
]

const COMMANDS = ['serve', 'status', 'forget'] as const
const SOCKET_DIRECTORY = '/run/docker/plugins'

/** Path of the socket under which Docker finds a driver of this name. */
export function socketPath(name: string): string {
  return name.startsWith('/') ? name : `${SOCKET_DIRECTORY}/${name}.sock`
}

/** Text of `--help`. */
export function helpText(): string {
  const lines = OPTIONS.map(({ name, short, argument, help }) => {
    const flag = `${short === undefined ? '    ' : `-${short}, `}--${name}${argument === undefined ? '' : ` ${argument}`}`
    return `  ${flag.padEnd(46)}${help}`
  })
  return [
    'Usage: net-routed [serve] [OPTION...]      run the Docker network and IPAM driver',
    '       net-routed status [--json]          what the running daemon has and does',
    '       net-routed forget NETWORK|SUBNET    drop what Docker no longer has',
    '',
    ...lines,
    `  ${'    --version'.padEnd(46)}print the version`,
    `  ${'-h, --help'.padEnd(46)}print this`,
    '',
    'Every option can also be given as NET_ROUTED_NAME in the environment, such as NET_ROUTED_STATE_DIR.',
    'A flag beats the environment, the environment beats the file.'
  ].join('\n')
}

/** Throws InvalidError that names the flag, the value and what would be right. */
export function parseCommand(argv: readonly string[], env: NodeJS.ProcessEnv): Command {
  const { values, positionals } = parseFlags(argv)
  if (values.has('help')) return { name: 'help' }
  if (values.has('version')) return { name: 'version' }
  const [name = 'serve', ...operands] = positionals
  if (!isCommand(name)) throw new InvalidError(`"${name}" is not a command: there are ${COMMANDS.join(', ')}`)
  if (operands.length !== (name === 'forget' ? 1 : 0)) {
    throw new InvalidError(
      `${name}: ${name === 'forget' ? 'give the id of one network' : `"${operands.join(' ')}" is too much`}`
    )
  }
  if (values.has('json') && name !== 'status') throw new InvalidError('--json belongs to the command status')
  const config = readConfig(values, env)
  const socket = socketPath(config.netsock)
  if (name === 'status') return { name, socket, json: values.has('json') }
  return name === 'forget' ? { name, socket, network: operands[0] ?? '' } : { name, config }
}

/** A value, and where it was given, for error messages. */
interface Given {
  readonly where: string
  readonly values: readonly unknown[]
}

function parseFlags(argv: readonly string[]): { values: Map<string, string[]>; positionals: string[] } {
  const flags = [
    ...OPTIONS,
    { name: 'help', short: 'h' },
    { name: 'version' },
    { name: 'json' }
  ] as readonly Option[]
  const options = Object.fromEntries(
    flags.map(({ name, short, argument }) => [
      name,
      {
        type: argument === undefined ? ('boolean' as const) : ('string' as const),
        multiple: true,
        ...(short ? { short } : {})
      }
    ])
  )
  const { tokens, positionals } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true
  })
  const values = new Map<string, string[]>()
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const flag = flags.find(({ name }) => name === token.name)
    if (!flag) throw new InvalidError(`${token.rawName} is not an option: see net-routed --help`)
    if (flag.argument !== undefined && token.value === undefined) {
      throw new InvalidError(`${token.rawName} needs a value: ${flag.argument}`)
    }
    if (flag.argument === undefined && token.value !== undefined) {
      throw new InvalidError(`${token.rawName} takes no value, not "${token.value}"`)
    }
    values.set(token.name, [...(values.get(token.name) ?? []), token.value ?? 'true'])
  }
  return { values, positionals }
}

function readConfig(flags: ReadonlyMap<string, readonly string[]>, env: NodeJS.ProcessEnv): Config {
  const fileName = flags.get('config')?.at(-1) ?? (env['NET_ROUTED_CONFIG'] || undefined)
  const file = fileName === undefined ? {} : readConfigFile(fileName)
  const given = (name: string): Given | undefined => {
    const option = OPTIONS.find((candidate) => candidate.name === name)
    const flag = flags.get(name)
    if (flag) return { where: `--${name}`, values: flag }
    const variable = `NET_ROUTED_${name.toUpperCase().replaceAll('-', '_')}`
    const text = env[variable]
    if (text !== undefined && text !== '') {
      return { where: variable, values: option?.many ? text.split(/\s+/) : [text] }
    }
    const value = file[name]
    if (value === undefined || value === null) return undefined
    return { where: `${fileName ?? ''}: ${name}`, values: Array.isArray(value) ? value : [value] }
  }
  return interpret(given)
}

function interpret(given: (name: string) => Given | undefined): Config {
  const last = <T>(name: string, parse: (value: string, where: string) => T): T | undefined => {
    const found = given(name)
    return found && parse(String(found.values.at(-1)), found.where)
  }
  const gateway = last('gateway', (value, where) => parseGateway(value, where, 4))
  const gateway6 = last('gateway6', (value, where) => parseGateway(value, where, 6))
  const mtu = last('mtu', parseMtu)
  const metricsAddress = last('metrics-address', parseHostPort)
  const pools = given('default-address-pool')
  const config: Config = {
    ...(gateway === undefined ? {} : { gateway }),
    ...(gateway6 === undefined ? {} : { gateway6 }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(metricsAddress === undefined ? {} : { metricsAddress }),
    debug: last('debug', parseBoolean) ?? false,
    netsock: last('netsock', parseName) ?? 'net-routed',
    ipamsock: last('ipamsock', parseName) ?? 'ipam-routed',
    cnisock: last('cnisock', parsePath) ?? '/run/net-routed/cni.sock',
    stateDir: last('state-dir', parsePath) ?? '/var/lib/net-routed',
    routeProtocol: last('route-protocol', parseProtocol) ?? 200,
    defaultAddressPool: pools?.values.map((value) => parsePool(value, pools.where)) ?? []
  }
  return config
}

function readConfigFile(name: string): Readonly<Record<string, unknown>> {
  let document: unknown
  try {
    document = parseYaml(readFileSync(name, 'utf8'))
  } catch (error) {
    throw new InvalidError(`--config: ${name} cannot be read: ${messageOf(error).split('\n')[0] ?? ''}`, {
      cause: error
    })
  }
  const validate = new Ajv({ allErrors: true, allowUnionTypes: true, verbose: true }).compile<
    Record<string, unknown>
  >(FILE_SCHEMA)
  if (validate(document ?? {})) return (document ?? {}) as Record<string, unknown>
  throw new InvalidError(`--config: ${name}: ${(validate.errors ?? []).map(faultText).join('; ')}`)
}

function faultText({ instancePath, message, params, data }: ErrorObject): string {
  const { additionalProperty } = params as { additionalProperty?: string }
  if (additionalProperty !== undefined)
    return `"${additionalProperty}" is not an option: see net-routed --help`
  const field = instancePath.slice(1).replaceAll('/', '.') || 'the document'
  return `${field}: ${shown(data)} ${message ?? 'is wrong'}`
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
const FILE_SCHEMA = {
  type: 'object',
  properties: Object.fromEntries(
    OPTIONS.filter(({ name }) => name !== 'config').map(({ name }) => [
      name,
      FILE_TYPES[name] ?? { type: 'string' }
    ])
  ),
  additionalProperties: false
}

function isCommand(name: string): name is (typeof COMMANDS)[number] {
  return COMMANDS.some((command) => command === name)
}
