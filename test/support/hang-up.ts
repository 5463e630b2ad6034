/** Callers who go away before they have their answer, as a connection that breaks does. */
import { createConnection } from 'node:net'
import type { Daemon } from '../../src/daemon.js'
import type { Answer } from '../../src/http.js'
import { eventually } from './eventually.js'
import { withPlugin } from './plugin.js'
import type { Plugin } from './plugin.js'

/** Sends a request, and breaks the connection once it is being worked on. */
export async function hangUpOn(
  { server, socketPath }: Plugin,
  path: string,
  isAtWork: () => boolean,
  request: object = {}
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.once('connection', (connection) => {
      connection.once('close', () => {
        resolve()
      })
    })
  })
  const client = createConnection(socketPath)
  const body = JSON.stringify(request)
  client.write(
    `POST ${path} HTTP/1.1\r\nHost:\r\nContent-Length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`
  )
  await eventually('the request is being worked on', isAtWork)
  client.destroy()
  await closed
}

/** The caller goes away after the work and before the answer. Resolves when the answer has been taken back. */
export async function loseAnswer(daemon: Daemon, method: string, request: object): Promise<void> {
  let isDone = false
  let isTakenBack = false
  let answerNow: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    answerNow = resolve
  })
  const handle = async (body: unknown): Promise<Answer> => {
    const answer = await daemon.methods[method]?.(body)
    isDone = true
    await held
    const undo = async (): Promise<void> => {
      await answer?.undo?.()
      isTakenBack = true
    }
    return { body: answer?.body ?? {}, undo }
  }
  await withPlugin({ methods: { [method]: handle } }, async (plugin) => {
    await hangUpOn(plugin, `/${method}`, () => isDone, request)
    answerNow()
    await eventually('the answer is taken back', () => isTakenBack)
  })
}
