/** Configurations from flags, environment and files. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseCommand } from '../../src/command-line.js'
import type { Config } from '../../src/config.js'
import { withDirectory } from './plugin.js'

/** What the daemon would run with. */
export function configOf(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Config {
  const command = parseCommand(argv, env)
  if (command.name !== 'serve') throw new Error(`${command.name} instead of serve`)
  return command.config
}

/** With a configuration file of this text. */
export function withFile(text: string, test: (path: string) => void): Promise<void> {
  return withDirectory((directory) => {
    const path = join(directory, 'net-routed.yaml')
    writeFileSync(path, text)
    test(path)
    return Promise.resolve()
  })
}

/** The environment's name of an option. */
export function variableOf(name: string): string {
  return `NET_ROUTED_${name.toUpperCase().replaceAll('-', '_')}`
}
