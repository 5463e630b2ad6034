/** The probers of a test, one in each namespace. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Outcome, Probe } from './prober.js'

const PROGRAM = fileURLToPath(new URL('prober.js', import.meta.url))

export class Prober {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child
    this.#lines = lines
  }

  /** Starts one that answers on these ports of TCP, UDP and SCTP, at these addresses of its namespace. */
  static async start(netns: string, ports: readonly number[], addresses: readonly string[]): Promise<Prober> {
    const argv = ['netns', 'exec', netns, process.execPath, PROGRAM, ports.join(), addresses.join()]
    const child = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] })
    const prober = new Prober(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]())
    await prober.#answer()
    return prober
  }

  /** What becomes of each, in order; `silent` after so long. */
  async probe(probes: readonly Probe[], limitMs: number): Promise<readonly Outcome[]> {
    this.#child.stdin?.write(`${JSON.stringify({ probes, limitMs })}\n`)
    return (await this.#answer()) as Outcome[]
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.stdin?.end()
    await ended
  }

  async #answer(): Promise<unknown> {
    const line = await this.#lines.next()
    if (line.done) throw new Error('a prober has ended')
    return JSON.parse(line.value) as unknown
  }
}
