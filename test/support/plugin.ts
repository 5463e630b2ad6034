/** The daemon behind a real unix socket in a directory of its own, and a client as plain as Docker's. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import type { IncomingHttpHeaders, Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { application, listen } from '../../src/http.js'
import type { HttpParts } from '../../src/http.js'
import { silentLog } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'

export interface Reply {
  readonly status: number
  readonly text: string
  /** The parsed body; undefined where it is not JSON. */
  readonly body: unknown
  readonly headers: IncomingHttpHeaders
}

export interface Plugin {
  readonly server: Server
  readonly socketPath: string
  readonly directory: string
  /** What was reported as a bug: a process would have ended. */
  readonly bugs: readonly unknown[]
  readonly post: (path: string, body?: unknown) => Promise<Reply>
  readonly send: (path: string, options: SendOptions) => Promise<Reply>
}

export interface SendOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** Serves on a socket, runs the test, closes and removes everything. */
export async function withPlugin(
  parts: Partial<HttpParts>,
  test: (plugin: Plugin) => Promise<void>
): Promise<void> {
  await withDirectory(async (directory) => {
    const bugs: unknown[] = []
    const socketPath = join(directory, 'net-routed.sock')
    const app = application({
      methods: {},
      pages: {},
      log: silentLog,
      metrics: new Metrics(),
      onBug: (error) => bugs.push(error),
      ...parts
    })
    const server = await listen(app, socketPath)
    const send = (path: string, options: SendOptions): Promise<Reply> => exchange(socketPath, path, options)
    const post = (path: string, body?: unknown): Promise<Reply> =>
      send(path, body === undefined ? {} : { body: JSON.stringify(body) })
    try {
      await test({ server, socketPath, directory, bugs, post, send })
    } finally {
      server.closeAllConnections()
      await close(server)
    }
  })
}

/** A directory for the test, removed afterwards. */
export async function withDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'net-routed-test-'))
  try {
    await test(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
  })
}

/** One request as Docker sends it: POST, content length, its Accept header, no content type. */
export function exchange(socketPath: string, path: string, options: SendOptions): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { method = 'POST', headers = {}, body = '' } = options
    const call = request(
      {
        socketPath,
        path,
        method,
        agent: false,
        headers: {
          Host: '',
          Accept: 'application/vnd.docker.plugins.v1.2+json',
          'Content-Length': String(Buffer.byteLength(body)),
          ...headers
        }
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const status = response.statusCode ?? 0
          resolve({ status, text, body: parsed(text), headers: response.headers })
        })
      }
    )
    call.on('error', reject)
    call.end(body)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
