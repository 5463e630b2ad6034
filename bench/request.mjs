// One request of the plugin protocol on a connection of its own, with as little work on this side as Go's client has.
import { createConnection } from 'node:net'

const END_OF_HEAD = Buffer.from('\r\n\r\n')

/** The parsed answer. Throws what the plugin says if it refuses. */
export function request(socketPath, method, body = {}) {
  const payload = JSON.stringify(body)
  const head = [
    `POST /${method} HTTP/1.1`,
    'Host: ',
    'User-Agent: Go-http-client/1.1',
    `Content-Length: ${Buffer.byteLength(payload)}`,
    'Accept: application/vnd.docker.plugins.v1.2+json'
  ].join('\r\n')
  return new Promise((resolve, reject) => {
    const connection = createConnection(socketPath)
    let received = Buffer.alloc(0)
    connection.on('error', reject)
    connection.on('close', () => reject(new Error(`${method}: the connection ended without an answer`)))
    connection.on('data', (data) => {
      received = Buffer.concat([received, data])
      const answer = parse(received)
      if (!answer) return
      connection.destroy()
      if (answer.status === 200) resolve(answer.body)
      else reject(new Error(`${method}: ${answer.body.Err}`))
    })
    connection.write(`${head}\r\n\r\n${payload}`)
  })
}

/** The whole answer, once it is there. */
function parse(received) {
  const end = received.indexOf(END_OF_HEAD)
  if (end < 0) return undefined
  const head = received.toString('latin1', 0, end)
  const [, length] = /^content-length: *(\d+)/im.exec(head) ?? [undefined, '0']
  const body = received.subarray(end + END_OF_HEAD.length)
  if (body.length < Number(length)) return undefined
  return { status: Number(head.slice(9, 12)), body: JSON.parse(body.toString()) }
}
