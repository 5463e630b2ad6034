import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { here } from './netns.js'
import type { Inside } from './netns.js'

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024
const DEFAULT_TIMEOUT_MS = 15_000

export interface ExecOptions {
  /** Text for the program's standard input. */
  readonly input?: string
  /** After this the program is killed and `errno` is ETIMEDOUT. */
  readonly timeoutMs?: number
  /** Its environment; absent = ours. */
  readonly env?: Readonly<Record<string, string>>
  /** Network namespace to run in. */
  readonly inside?: Inside
}

export interface ExecResult {
  /** Exit code; absent if the program could not be started or was killed. */
  readonly code?: number
  /** Why it could not be started (ENOENT), took too long (ETIMEDOUT), wrote too much (EFBIG) or was killed (EINTR). */
  readonly errno?: string
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, without a shell. What goes wrong with it is in the result. */
export function exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const { input = '', timeoutMs = DEFAULT_TIMEOUT_MS, inside = here, env = process.env } = options
  const [program = '', ...args] = argv
  return new Promise((resolve) => {
    const child = inside(() => spawn(program, args, { stdio: 'pipe', env }))
    let errno: string | undefined
    const kill = (reason: string): void => {
      errno ??= reason
      child.kill('SIGKILL')
    }
    const timer = setTimeout(kill, timeoutMs, 'ETIMEDOUT')
    const stdout = collect(child.stdout, kill)
    const stderr = collect(child.stderr, kill)
    child.on('error', (error: NodeJS.ErrnoException) => {
      errno ??= error.code ?? 'EIO'
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      const outcome =
        errno === undefined && code !== null && code >= 0 ? { code } : { errno: errno ?? 'EINTR' }
      resolve({ ...outcome, stdout: stdout(), stderr: stderr() })
    })
    feed(child, input)
  })
}

/** A program may end without reading its input; its exit code says what is wrong, EPIPE does not. */
function feed(child: ChildProcess, input: string): void {
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input)
}

function collect(stream: NodeJS.ReadableStream | null, kill: (reason: string) => void): () => string {
  const chunks: Buffer[] = []
  let bytes = 0
  stream?.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > MAX_OUTPUT_BYTES) kill('EFBIG')
    else chunks.push(chunk)
  })
  return () => Buffer.concat(chunks).toString('utf8')
}
