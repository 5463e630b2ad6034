import { request } from 'node:http'
import { RoutedError, UnavailableError, messageOf } from './errors.js'

const LIMIT_MS = 10_000

/** Asks the running daemon over its socket. Throws UnavailableError where none answers, RoutedError with its refusal. */
export function ask(socketPath: string, path: string, body?: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const call = request({ socketPath, path, method, timeout: LIMIT_MS }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const answer = parseAnswer(Buffer.concat(chunks).toString())
        if (answer === undefined)
          reject(new UnavailableError(`what answers on ${socketPath} is not net-routed`))
        else if (response.statusCode === 200) resolve(answer)
        else reject(new RoutedError('invalid', errorText(answer)))
      })
    })
    call.on('timeout', () => call.destroy(new Error(`no answer within ${String(LIMIT_MS / 1000)} s`)))
    call.on('error', (error) => {
      reject(
        new UnavailableError(`no net-routed answers on ${socketPath}: ${messageOf(error)}`, { cause: error })
      )
    })
    call.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function errorText(answer: unknown): string {
  return typeof answer === 'object' && answer !== null && 'Err' in answer
    ? String(answer.Err)
    : 'refused without a reason'
}
