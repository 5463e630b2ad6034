/**
 * The plugin protocol's transport: POST requests with a JSON body on a unix socket, whatever their content type says.
 * Every answer closes its connection: dockerd reuses idle ones, and a request that meets a closing connection is sent
 * again with an empty body (moby#39331). Errors are status 500 with the text under both names that Docker reads.
 */
import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { createConnection } from 'node:net'
import type { Socket } from 'node:net'
import { dirname } from 'node:path'
import express from 'express'
import type { Express, NextFunction, Request, Response } from 'express'
import { InvalidError, RoutedError, TimeoutError, UnavailableError, messageOf } from './errors.js'
import type { Log } from './log.js'
import type { Metrics } from './metrics.js'

export interface Answer {
  readonly body: object
  /** Sent as it is, in place of the body. */
  readonly text?: string
  /** What to do if the caller is gone before it has the answer: it will neither use nor give back what it asked for. */
  readonly undo?: () => Promise<void>
}

/** Method names to handlers. A handler gets the parsed body, `undefined` for an empty one. */
export type Methods = Readonly<Record<string, (body: unknown) => Promise<Answer>>>
/** Paths to texts, for people and monitoring. */
export type Pages = Readonly<Record<string, () => Promise<{ readonly type: string; readonly text: string }>>>

export interface HttpParts {
  readonly methods: Methods
  readonly pages: Pages
  readonly log: Log
  readonly metrics: Metrics
  /** A bug was met: the process must not go on. */
  readonly onBug: (error: unknown) => void
}

const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.2+json'
/** A configuration of a CNI plugin may list all attachments of a host, and is sent as a text within a text. */
const BODY_LIMIT = '4mb'
/** Docker waits for ever. */
const HANDLER_LIMIT_MS = 10_000
const SLOW_CLIENT_LIMIT_MS = 60_000

/** The application; it serves any number of sockets. */
export function application(parts: HttpParts): Express {
  const app = express()
  app.disable('x-powered-by').disable('etag')
  app.use((_request, response, next) => {
    response.set('Connection', 'close')
    next()
  })
  for (const [path, page] of Object.entries(parts.pages)) {
    app.get(path, async (_request, response) => {
      const { type, text } = await page()
      response.set('Content-Type', type).send(text)
    })
  }
  app.use(express.text({ type: () => true, limit: BODY_LIMIT, defaultCharset: 'utf-8', inflate: false }))
  for (const [method, handle] of Object.entries(parts.methods)) {
    app.post(`/${method}`, (request, response) => serve({ ...parts, method, handle }, request, response))
  }
  app.use((request, response) => {
    sendError(response, 404, `${request.method} ${request.path} is not a method of net-routed`)
  })
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    sendError(response, 500, `request not readable: ${messageOf(error)}`)
  })
  return app
}

/**
 * Listens on a unix socket with mode 0600. A socket file without a listener is replaced; it never exists without one.
 * Throws UnavailableError if another process listens there.
 */
export async function listen(app: Express, path: string): Promise<Server> {
  await refuseTaken(path)
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    const temporary = `${path}.${String(process.pid)}`
    rmSync(temporary, { force: true })
    const server = await listenOn(app, temporary)
    chmodSync(temporary, 0o600)
    renameSync(temporary, path)
    return server
  } catch (error) {
    throw new UnavailableError(`cannot make the socket ${path}: ${messageOf(error)}`, { cause: error })
  }
}

/** Listens on a path, on a file descriptor that systemd passed, or on a TCP address. */
export function listenOn(
  app: Express,
  where: string | { readonly fd: number } | { readonly host: string; readonly port: number }
): Promise<Server> {
  const server = createServer(
    { requestTimeout: SLOW_CLIENT_LIMIT_MS, headersTimeout: SLOW_CLIENT_LIMIT_MS },
    app
  )
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      resolve(server)
    })
  })
}

interface Call extends HttpParts {
  readonly method: string
  readonly handle: Methods[string]
}

async function serve(call: Call, request: Request, response: Response): Promise<void> {
  const begin = performance.now()
  try {
    const work = call.handle(parseBody(request.body))
    const { body, text } = await withLimit(work, call)
    onLoss(request.socket, () => {
      undo(work, call)
    })
    if (text === undefined) response.type(CONTENT_TYPE).send(JSON.stringify(body))
    else response.type('text/plain').send(text)
    record(call, begin, 'ok')
  } catch (error) {
    record(call, begin, error instanceof RoutedError ? error.code : 'bug', error)
    sendError(response, 500, messageOf(error))
    if (!(error instanceof RoutedError)) call.onBug(error)
  }
}

/**
 * Calls back if what is sent from now on is not read. That it was sent does not say so: a peer that closes before it has
 * read everything breaks the connection, and only one that has read it closes its end in order. So our end stays open for
 * reading after the answer, until the peer closes, though not for ever.
 */
function onLoss(socket: Socket, lost: () => void): void {
  if (socket.destroyed) {
    lost()
    return
  }
  socket.once('error', lost)
  // With this Node closes both directions after the answer.
  socket.destroySoon = () => socket.end()
  socket.setTimeout(SLOW_CLIENT_LIMIT_MS, () => {
    socket.destroy()
  })
}

/** Empty bodies are legal for some methods only; which, their schemas say. */
function parseBody(body: unknown): unknown {
  if (typeof body !== 'string' || body === '') return undefined
  try {
    return JSON.parse(body) as unknown
  } catch (error) {
    throw new InvalidError(`body is not JSON: ${messageOf(error)}`, { cause: error })
  }
}

async function withLimit(work: Promise<Answer>, call: Call): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      undo(work, call)
      reject(
        new TimeoutError(
          `${call.method} took more than ${String(HANDLER_LIMIT_MS / 1000)} s and is taken back`
        )
      )
    }, HANDLER_LIMIT_MS)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}

/** Takes the work back when it is done; what it has no undo for, the engine takes back itself. */
function undo(work: Promise<Answer>, { method, log }: Call): void {
  const undone = work.then(async (answer) => {
    if (!answer.undo) return
    log.warn('answer not delivered, taken back', { op: method })
    await answer.undo()
  })
  undone.catch((error: unknown) => {
    log.warn('an answer that was not delivered could not be taken back', {
      op: method,
      err: messageOf(error)
    })
  })
}

function record({ method, log, metrics }: Call, begin: number, result: string, error?: unknown): void {
  const ms = performance.now() - begin
  metrics.observe(method, result, ms / 1000)
  const fields = { op: method, result, ms: Math.round(ms * 100) / 100 }
  if (error === undefined) log.debug('request', fields)
  else log.warn('request refused', { ...fields, err: messageOf(error) })
}

function sendError(response: Response, status: number, message: string): void {
  if (response.headersSent) return
  // Docker shows it to the user, in one line.
  const line = message.replaceAll(/\p{Cc}+/gu, ' ')
  response
    .status(status)
    .type(CONTENT_TYPE)
    .send(JSON.stringify({ Err: line, Error: line }))
}

async function refuseTaken(path: string): Promise<void> {
  const file = lstatSync(path, { throwIfNoEntry: false })
  if (!file) return
  if (!file.isSocket())
    throw new UnavailableError(`${path} exists and is not a socket: remove it, or give another name`)
  if (await answers(path)) {
    throw new UnavailableError(`another process listens on ${path}: is net-routed running already?`)
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(path)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => {
      resolve(false)
    })
  })
}
