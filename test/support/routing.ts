/** Sections `routing` with the configuration that is made of them (test/golden/routing). UPDATE_GOLDEN=1 rewrites. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { parse as parseYaml } from 'yaml'
import { checkRouting } from '../../src/config-file.js'
import { desiredRouting } from '../../src/desired/routing.js'
import { ROUTER_DAEMONS, configText } from '../../src/host/router-lines.js'
import type { WantedLine } from '../../src/host/router-lines.js'
import { parseIp, parsePrefix } from '../../src/model/ip.js'
import type { Network } from '../../src/model/network.js'
import { at } from './json.js'

export interface RoutingExample {
  readonly name: string
  readonly lines: readonly WantedLine[]
  /** What the golden file says. */
  readonly text: string
}

const DIRECTORY = new URL('../../../test/golden/routing/', import.meta.url)

export function routingExamples(): readonly RoutingExample[] {
  const names = readdirSync(DIRECTORY).filter((name) => name.endsWith('.yaml'))
  return names.sort().map((file) => {
    const document: unknown = parseYaml(readFileSync(new URL(file, DIRECTORY), 'utf8'))
    const subnets = at(document, 'subnets') as readonly (readonly string[])[]
    const networks = subnets.map((prefixes, index) => networkOf(index + 1, prefixes))
    const routing = checkRouting(at(document, 'routing'), 'routing')
    const lines = desiredRouting(routing, { networks, routerId: parseIp('192.0.2.99') })
    const golden = new URL(file.replace('.yaml', '.conf'), DIRECTORY)
    if (process.env['UPDATE_GOLDEN']) writeFileSync(golden, textOf(lines))
    return { name: file.replace('.yaml', ''), lines, text: readFileSync(golden, 'utf8') }
  })
}

/** Daemon by daemon, without secrets. */
export function textOf(lines: readonly WantedLine[]): string {
  const parts = ROUTER_DAEMONS.flatMap((daemon) => {
    const own = lines.filter((line) => line.daemon === daemon)
    return own.length > 0 ? [`! ${daemon}`, ...configText(own)] : []
  })
  return `${parts.join('\n')}\n`
}

export function networkOf(number: number, prefixes: readonly string[]): Network {
  return {
    id: `n${String(number)}`,
    mode: 'routed',
    subnets: prefixes.map((prefix) => ({ space: 'local', prefix: parsePrefix(prefix) })),
    number,
    internal: true
  }
}
