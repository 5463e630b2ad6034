/**
 * Configuration of the daemon: flag > environment > file > default, read once. One table holds every option; flags, help,
 * environment names and the file's schema are made from it. Commands: command-line.ts.
 */
import { parseArgs } from 'node:util'
import { parseMtu } from './model/options/link.js'
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
import { readConfigFile } from './config-file.js'
import { parseRouting } from './config-routing.js'
import { InvalidError } from './errors.js'
import type { DefaultPool } from './ipam/subnets.js'
import type { Ip } from './model/ip.js'
import type { Routing } from './model/routing.js'

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
  /** Directory of the programs that checks may run; absent = none. */
  readonly checkPrograms?: string
  /** Of dockerd, for checks that ask it. */
  readonly dockerSocket: string
  /** Absent = the routing daemon's configuration is the operator's business. */
  readonly routing?: Routing
}

interface Option {
  readonly name: string
  readonly short?: string
  readonly argument?: string
  readonly many?: true
  readonly help: string
}

/** Of every command. */
export const OPTIONS: readonly Option[] = [
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
  {
    name: 'check-programs',
    argument: 'DIR',
    help: 'directory of programs for net-routed.check=exec:NAME (default: none)'
  },
  {
    name: 'docker-socket',
    argument: 'PATH',
    help: 'where dockerd is asked for health and names (default: /var/run/docker.sock)'
  },
  { name: 'config', argument: 'FILE', help: 'YAML or JSON file with these options under the same names' }
]

const SOCKET_DIRECTORY = '/run/docker/plugins'

/** Path of the socket under which Docker finds a driver of this name. */
export function socketPath(name: string): string {
  return name.startsWith('/') ? name : `${SOCKET_DIRECTORY}/${name}.sock`
}

/** A value, and where it was given, for error messages. */
interface Given {
  readonly where: string
  readonly values: readonly unknown[]
}

export interface Words {
  readonly values: ReadonlyMap<string, readonly string[]>
  readonly positionals: readonly string[]
}

/** Flags with their values, and the other words. `switches` are the flags that only commands have. */
export function parseFlags(
  argv: readonly string[],
  more: readonly { readonly name: string; readonly argument?: string }[]
): Words {
  const flags = [...OPTIONS, { name: 'help', short: 'h' }, { name: 'version' }, ...more] as readonly Pick<
    Option,
    'name' | 'short' | 'argument'
  >[]
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

/** The file that `--config` names. */
interface File {
  readonly name: string
  readonly document: Readonly<Record<string, unknown>>
}

/** Empty where none is given. */
export function configFile(flags: Words['values'], env: NodeJS.ProcessEnv): File {
  const name = flags.get('config')?.at(-1) ?? (env['NET_ROUTED_CONFIG'] || undefined)
  const options = OPTIONS.map((option) => option.name).filter((option) => option !== 'config')
  return { name: name ?? '', document: name === undefined ? {} : readConfigFile(name, options) }
}

/** Throws InvalidError that names the flag, variable or field, the value and what would be right. */
export function readConfig(flags: Words['values'], env: NodeJS.ProcessEnv): Config {
  const { name: fileName, document: file } = configFile(flags, env)
  const given = (name: string): Given | undefined => {
    if (name === 'routing')
      return name in file ? { where: `${fileName}: ${name}`, values: [file[name]] } : undefined
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
    return { where: `${fileName}: ${name}`, values: Array.isArray(value) ? value : [value] }
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
  const checkPrograms = last('check-programs', parsePath)
  const pools = given('default-address-pool')
  const routing = given('routing')
  const config: Config = {
    ...(gateway === undefined ? {} : { gateway }),
    ...(gateway6 === undefined ? {} : { gateway6 }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(metricsAddress === undefined ? {} : { metricsAddress }),
    ...(checkPrograms === undefined ? {} : { checkPrograms }),
    ...(routing ? { routing: parseRouting(routing.values[0] ?? {}, routing.where) } : {}),
    debug: last('debug', parseBoolean) ?? false,
    netsock: last('netsock', parseName) ?? 'net-routed',
    ipamsock: last('ipamsock', parseName) ?? 'ipam-routed',
    cnisock: last('cnisock', parsePath) ?? '/run/net-routed/cni.sock',
    stateDir: last('state-dir', parsePath) ?? '/var/lib/net-routed',
    dockerSocket: last('docker-socket', parsePath) ?? '/var/run/docker.sock',
    routeProtocol: last('route-protocol', parseProtocol) ?? 200,
    defaultAddressPool: pools?.values.map((value) => parsePool(value, pools.where)) ?? []
  }
  return config
}
