/** The command line: commands, their flags, and the help. The options of all commands are those of config.ts. */
import { OPTIONS, configFile, parseFlags, readConfig, socketPath } from './config.js'
import type { Config } from './config.js'
import { InvalidError } from './errors.js'
import type { Routing } from './model/routing.js'

/** What the command line asks for. */
export type Command =
  | { readonly name: 'serve'; readonly config: Config }
  | { readonly name: 'status'; readonly socket: string; readonly json: boolean }
  | { readonly name: 'forget'; readonly socket: string; readonly network: string }
  | RoutingCommand
  | VerifyCommand
  | MapCommand
  | DrainCommand
  | SetCommand
  | { readonly name: 'help' | 'version' }

/** Compares what containers have with what the network is told. */
export interface VerifyCommand {
  readonly name: 'verify'
  readonly socket: string
  readonly json: boolean
}

/** Takes addresses out of the network, or puts them back. */
export interface DrainCommand {
  readonly name: 'drain' | 'undrain'
  readonly socket: string
  /** As the daemon is asked. */
  readonly which: { readonly All: true } | { readonly Network: string } | { readonly Endpoint: string }
}

/** Changes options of what runs. */
export interface SetCommand {
  readonly name: 'set'
  readonly socket: string
  /** As the daemon is asked. */
  readonly which: DrainCommand['which']
  readonly options: Readonly<Record<string, string>>
}

/** Shows the whole cluster. */
export interface MapCommand {
  readonly name: 'map'
  readonly socket: string
  readonly form: 'text' | 'json' | 'dot'
}

/** Prints what the routing daemons should have, or what differs. */
export interface RoutingCommand {
  readonly name: 'routing'
  readonly socket: string
  readonly json: boolean
  readonly diff: boolean
  readonly dryRun?: DryRun
}

/** A section, as it is sent to the daemon and as it is used here. */
export interface DryRun {
  readonly section: unknown
  readonly routing: Routing
}

const COMMANDS = ['serve', 'status', 'routing', 'verify', 'map', 'drain', 'undrain', 'set', 'forget'] as const

/** Text of `--help`. */
export function helpText(): string {
  const lines = OPTIONS.map(({ name, short, argument, help }) => {
    const flag = `${short === undefined ? '    ' : `-${short}, `}--${name}${argument === undefined ? '' : ` ${argument}`}`
    return `  ${flag.padEnd(46)}${help}`
  })
  return [
    'Usage: net-routed [serve] [OPTION...]      run the Docker network and IPAM driver',
    '       net-routed status [--json]          what the running daemon has and does',
    '       net-routed routing [--json]         what the routing daemons should have in their configuration',
    '       net-routed routing --diff           what differs from that; exit code 3 if anything does',
    '       net-routed routing --dry-run        what the section routing of --config FILE would change',
    '       net-routed verify [--json]          compare it with what kernel and routing daemons have; exit code 3',
    '       net-routed map [--json | --dot]     the cluster as OSPF shows it: routers, links, addresses',
    '       net-routed drain WHICH              announce addresses last, then no more; undrain WHICH: as before',
    '                                           WHICH: --all, --network NAME|ID, or --endpoint CONTAINER|ID|ADDRESS',
    '       net-routed set WHICH OPTION=VALUE   change an option of what runs, OPTION= takes it away; as WHICH:',
    '                                           --network NAME|ID or --endpoint CONTAINER|ID|ADDRESS',
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
  const { values, positionals } = parseFlags(argv, COMMAND_FLAGS)
  if (values.has('help')) return { name: 'help' }
  if (values.has('version')) return { name: 'version' }
  const [name = 'serve', ...operands] = positionals
  if (!isCommand(name)) throw new InvalidError(`"${name}" is not a command: there are ${COMMANDS.join(', ')}`)
  if (name !== 'set' && operands.length !== (name === 'forget' ? 1 : 0)) {
    throw new InvalidError(
      `${name}: ${name === 'forget' ? 'give the id of one network' : `"${operands.join(' ')}" is too much`}`
    )
  }
  refuseForeignFlags(name, values)
  const config = readConfig(values, env)
  const socket = socketPath(config.netsock)
  if (name === 'status' || name === 'verify') return { name, socket, json: values.has('json') }
  if (name === 'drain' || name === 'undrain') return { name, socket, which: whichOf(name, values) }
  if (name === 'set')
    return { name, socket, which: whichOf(name, values), options: parseAssignments(operands) }
  if (name === 'map') return { name, socket, form: formOf(values) }
  if (name === 'routing') return routingCommand(values, config, configFile(values, env).document['routing'])
  return name === 'forget' ? { name, socket, network: operands[0] ?? '' } : { name, config }
}

/** Flags that only some commands have. */
const COMMAND_FLAGS: readonly {
  readonly name: string
  readonly argument?: string
  readonly of: readonly string[]
}[] = [
  { name: 'json', of: ['status', 'routing', 'verify', 'map'] },
  { name: 'dot', of: ['map'] },
  { name: 'diff', of: ['routing'] },
  { name: 'dry-run', of: ['routing'] },
  { name: 'all', of: ['drain', 'undrain'] },
  { name: 'network', argument: 'NAME|ID', of: ['drain', 'undrain', 'set'] },
  { name: 'endpoint', argument: 'CONTAINER|ID|ADDRESS', of: ['drain', 'undrain', 'set'] }
]

function refuseForeignFlags(command: string, values: ReadonlyMap<string, unknown>): void {
  for (const { name, of } of COMMAND_FLAGS) {
    if (values.has(name) && !of.includes(command))
      throw new InvalidError(`--${name} belongs to the command ${of.join(' and ')}`)
  }
}

function whichOf(
  command: string,
  values: ReadonlyMap<string, readonly string[] | undefined>
): DrainCommand['which'] {
  const given = ['all', 'network', 'endpoint'].filter((name) => values.has(name))
  const [value = ''] = values.get(given[0] ?? '') ?? []
  if (given.length !== 1 || (given[0] !== 'all' && value === '')) {
    const all = command === 'set' ? '' : '--all, '
    throw new InvalidError(`${command}: give one of ${all}--network NAME|ID, --endpoint CONTAINER|ID|ADDRESS`)
  }
  if (given[0] === 'all') return { All: true }
  return given[0] === 'network' ? { Network: value } : { Endpoint: value }
}

/** Throws InvalidError for a word that is no assignment, and for an option that is there twice. */
function parseAssignments(words: readonly string[]): Record<string, string> {
  const options: Record<string, string> = {}
  for (const word of words) {
    const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(word) ?? []
    if (name === '') throw new InvalidError(`set: "${word}": give OPTION=VALUE, or OPTION= for none`)
    if (Object.hasOwn(options, name)) throw new InvalidError(`set: ${name} is there twice`)
    options[name] = value
  }
  if (words.length === 0) throw new InvalidError('set: give OPTION=VALUE, or OPTION= for none, at least once')
  return options
}

function formOf(values: ReadonlyMap<string, unknown>): MapCommand['form'] {
  if (values.has('json') && values.has('dot')) throw new InvalidError('--json and --dot: give one of them')
  if (values.has('dot')) return 'dot'
  return values.has('json') ? 'json' : 'text'
}

function routingCommand(
  values: ReadonlyMap<string, unknown>,
  config: Config,
  section: unknown
): RoutingCommand {
  const isDryRun = values.has('dry-run')
  if (isDryRun && !config.routing)
    throw new InvalidError(
      '--dry-run: the configuration has no section routing: give a --config FILE with one'
    )
  return {
    name: 'routing',
    socket: socketPath(config.netsock),
    json: values.has('json'),
    diff: isDryRun || values.has('diff'),
    ...(isDryRun && config.routing ? { dryRun: { section, routing: config.routing } } : {})
  }
}

function isCommand(name: string): name is (typeof COMMANDS)[number] {
  return COMMANDS.some((command) => command === name)
}
