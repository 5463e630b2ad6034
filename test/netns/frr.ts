/** FRR's daemons in a namespace, with their files in a directory that goes with them. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './scratch.js'

const PROGRAMS = '/usr/lib/frr'
/** They write there whatever they are told; the user `frr` must be able to. */
const SCRIPT = `
for directory in /var/tmp /run/frr; do
  mkdir -p $directory && mount -t tmpfs none $directory && chmod 1777 $directory
done
exec "$@"`
/** A machine that is busy. */
const START_MS = 20_000

export function hasFrr(): boolean {
  return existsSync(join(PROGRAMS, 'ospfd'))
}

export class Frr {
  readonly directory: string
  readonly #netns: string
  readonly #processes = new Map<string, ChildProcess>()

  constructor(netns: string) {
    this.#netns = netns
    this.directory = mkdtempSync(join(tmpdir(), 'net-routed-frr-'))
    const { uid, gid } = statSync('/etc/frr')
    chownSync(this.directory, uid, gid)
  }

  /** Starts it with an empty configuration, and waits until it can be asked. */
  async start(daemon: string): Promise<void> {
    const at = (name: string): string => join(this.directory, name)
    const options = {
      vty_socket: this.directory,
      pid_file: at(`${daemon}.pid`),
      socket: at('zserv.api'),
      config_file: '/dev/null',
      vty_port: '0',
      ...(daemon === 'bfdd' ? { bfdctl: at('bfdd.sock') } : {})
    }
    const argv = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
    const program = ['ip', 'netns', 'exec', this.#netns, 'unshare', '--mount', 'sh', '-c', SCRIPT, 'sh']
    const [command = '', ...words] = [...program, join(PROGRAMS, daemon), ...argv]
    this.#processes.set(daemon, spawn(command, words, { stdio: 'ignore' }))
    await until(() => answers(at(`${daemon}.vty`)), `${daemon} answers`, START_MS)
  }

  /** As by an accident. */
  async kill(daemon: string): Promise<void> {
    const child = this.#processes.get(daemon)
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  async close(): Promise<void> {
    for (const daemon of this.#processes.keys()) await this.kill(daemon)
    rmSync(this.directory, { recursive: true })
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    const end = (isThere: boolean) => (): void => {
      socket.destroy()
      resolve(isThere)
    }
    socket.once('connect', end(true)).once('error', end(false))
  })
}
