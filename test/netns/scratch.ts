/** Scratch network namespaces for tests that need root. They are removed whatever happens in between. */
import { execFileSync } from 'node:child_process'
import { linuxHost } from '../../src/host/linux/linux-host.js'
import type { LinuxHost } from '../../src/host/linux/linux-host.js'

/** Protocol number of ours in these tests. */
export const PROTOCOL = 200

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

/** Namespaces of one test, and a host in the first. */
export class Scratch {
  readonly #names: string[] = []
  readonly #hosts: LinuxHost[] = []

  /** The namespace that was made first. */
  get first(): string {
    return this.#names[0] ?? ''
  }

  /** Makes a namespace, with loopback up unless nothing at all is wanted. Returns its name. */
  netns({ isBare = false } = {}): string {
    const name = `nrtest-${String(process.pid)}-${String(process.hrtime.bigint() % 1_000_000_007n)}`
    execFileSync('ip', ['netns', 'add', name])
    this.#names.push(name)
    if (!isBare) execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
    return name
  }

  host(netns: string): LinuxHost {
    const host = linuxHost({ protocol: PROTOCOL, netns: pathOf(netns) })
    this.#hosts.push(host)
    return host
  }

  /** Removes the namespace at that path now. */
  end(path: string): void {
    const name = this.#names.find((candidate) => pathOf(candidate) === path)
    if (name === undefined) throw new Error(`no namespace of this test: ${path}`)
    this.#names.splice(this.#names.indexOf(name), 1)
    execFileSync('ip', ['netns', 'del', name])
  }

  /** Removes the namespaces first, so that nothing that fails later can leave one behind. */
  async close(): Promise<void> {
    for (const name of this.#names.splice(0)) execFileSync('ip', ['netns', 'del', name])
    for (const host of this.#hosts.splice(0)) await host.close()
  }
}

/** Runs a program in a namespace. Returns what it printed. Throws if it fails. */
export function inNetns(netns: string, ...argv: readonly string[]): string {
  return runIn(netns, argv, '')
}

/** The same with text on its standard input. */
export function runIn(netns: string, argv: readonly string[], input: string): string {
  const options = { input, encoding: 'utf8', maxBuffer: MAX_OUTPUT_BYTES, stdio: 'pipe' } as const
  return execFileSync('ip', ['netns', 'exec', netns, ...argv], options)
}

/** `ip` with words, in a namespace. */
export function ip(netns: string, words: string): string {
  return execFileSync('ip', ['-n', netns, ...words.split(' ')], { encoding: 'utf8', stdio: 'pipe' })
}

/** Path of a namespace that `ip netns` has made. */
export function pathOf(netns: string): string {
  return `/run/netns/${netns}`
}

/** Declares tests that need root; without root they are skipped and say why. */
export function describeAsRoot(name: string, tests: () => void): void {
  if (process.getuid?.() === 0) describe(name, tests)
  else describe.skip(`${name} (needs root)`, tests)
}

/** Waits until a condition holds. Throws after two seconds, or so many milliseconds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limitMs = 2_000
): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`still not true after ${String(limitMs / 1000)} s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
