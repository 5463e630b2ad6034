/** One question to dockerd. */
import { request } from 'node:http'
import { parsed } from '../answers.js'

/** With its status, or the reason why there is none. */
export type DockerAnswer =
  { readonly status: number; readonly value: unknown } | { readonly unanswered: string }

const LONGEST_ANSWER_BYTES = 64 * 1024 * 1024

/** Never rejects. What is no JSON has an undefined value. */
export function readDocker(socketPath: string, path: string, signal: AbortSignal): Promise<DockerAnswer> {
  return new Promise((resolve) => {
    const fail = ({ message }: Error): void => {
      resolve({ unanswered: `${socketPath}: ${message}` })
    }
    const asked = request({ socketPath, path, agent: false, signal }, (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > LONGEST_ANSWER_BYTES) response.destroy(new Error('the answer has no end'))
        else chunks.push(chunk)
      })
      response.on('end', () => {
        const { statusCode: status = 0 } = response
        resolve({ status, value: parsed(Buffer.concat(chunks).toString('utf8')) })
      })
      response.on('error', fail)
    })
    asked.on('error', fail)
    asked.end()
  })
}
