import { createConnection } from 'node:net'
import { expect } from 'chai'
import { ConflictError } from '../../src/errors.js'
import type { Methods } from '../../src/http.js'
import { Metrics } from '../../src/metrics.js'
import { textAt } from '../support/json.js'
import { withPlugin } from '../support/plugin.js'
import type { Reply } from '../support/plugin.js'

const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.2+json'
const MIB = 1024 * 1024

const METHODS: Methods = {
  Echo: (body) => Promise.resolve({ body: { echo: body ?? null } }),
  Refuse: () => Promise.reject(new ConflictError('address 10.1.0.2 is in use')),
  Bug: () => Promise.reject(new TypeError('x is undefined'))
}

function expectError({ status, body }: Reply, text: string | RegExp): void {
  expect(status).to.equal(500)
  expect(textAt(body, 'Err')).to.match(typeof text === 'string' ? new RegExp(text) : text)
  expect(textAt(body, 'Error')).to.equal(textAt(body, 'Err'))
}

describe('application', () => {
  it('answers 200 with a JSON object, the content type of plugins, and closes the connection', () =>
    withPlugin({ methods: METHODS }, async ({ post }) => {
      const { status, body, headers } = await post('/Echo', { a: 1 })
      expect(status).to.equal(200)
      expect(body).to.deep.equal({ echo: { a: 1 } })
      expect(headers['content-type']).to.contain(CONTENT_TYPE)
      expect(headers.connection).to.equal('close')
    }))

  it('gives the handler nothing for an empty body', () =>
    withPlugin({ methods: METHODS }, async ({ post }) => {
      expect((await post('/Echo')).body).to.deep.equal({ echo: null })
    }))

  it('reads the body whatever its content type says', () =>
    withPlugin({ methods: METHODS }, async ({ send }) => {
      for (const type of [
        '',
        'text/plain',
        'application/json',
        'application/x-www-form-urlencoded',
        'nonsense'
      ]) {
        const headers = type === '' ? {} : { 'Content-Type': type }
        expect((await send('/Echo', { body: '{"a":1}', headers })).body).to.deep.equal({ echo: { a: 1 } })
      }
    }))

  it('answers an expected error with status 500 and its text under both names', () =>
    withPlugin({ methods: METHODS }, async ({ post, bugs }) => {
      const reply = await post('/Refuse', {})
      expectError(reply, /^address 10\.1\.0\.2 is in use$/)
      expect(reply.headers.connection).to.equal('close')
      expect(bugs).to.deep.equal([])
    }))

  it('answers an unexpected error and reports it as a bug', () =>
    withPlugin({ methods: METHODS }, async ({ post, bugs }) => {
      expectError(await post('/Bug', {}), 'x is undefined')
      expect(bugs.map(String)).to.deep.equal(['TypeError: x is undefined'])
    }))

  it('answers malformed JSON with an error', () =>
    withPlugin({ methods: METHODS }, async ({ send, bugs }) => {
      for (const body of ['{', '{"a":', 'null}', '\0', '\u{1F433}', '{"a":1}{"b":2}'])
        expectError(await send('/Echo', { body }), 'body is not JSON')
      expect(bugs).to.deep.equal([])
    }))

  it('answers bytes that are no UTF-8 without failing', () =>
    withPlugin({ methods: METHODS }, async ({ send, bugs }) => {
      expectError(await send('/Echo', { body: Buffer.from([0xff, 0xfe, 0x7b]) }), 'body is not JSON')
      expect(bugs).to.deep.equal([])
    }))

  it('answers an unknown method with an error that names it', () =>
    withPlugin({ methods: METHODS }, async ({ post, send }) => {
      const unknown = await post('/NetworkDriver.Fly', {})
      expect(unknown.status).to.equal(404)
      expect(textAt(unknown.body, 'Err')).to.contain('/NetworkDriver.Fly')
      expect((await send('/Echo', { method: 'GET' })).status).to.equal(404)
    }))

  it('survives a nesting of 100,000 levels (flaw 11)', () =>
    withPlugin({ methods: METHODS }, async ({ send, bugs }) => {
      const depth = 100_000
      const { status } = await send('/Refuse', { body: '['.repeat(depth) + ']'.repeat(depth) })
      expect(status).to.equal(500)
      expect(bugs).to.deep.equal([])
    }))

  it('refuses a body of 64 MiB without reading it into memory, and goes on (flaw 11)', () =>
    withPlugin({ methods: METHODS }, async ({ socketPath, post, bugs }) => {
      const before = process.memoryUsage.rss()
      const answer = await sendInPieces(socketPath, 64 * MIB)
      expect(answer).to.match(/^HTTP\/1\.1 500 /)
      expect(process.memoryUsage.rss() - before).to.be.below(48 * MIB)
      expect((await post('/Echo', { a: 1 })).status).to.equal(200)
      expect(bugs).to.deep.equal([])
    }))

  it('serves others while a client sends its request slowly (flaw 11)', () =>
    withPlugin({ methods: METHODS }, async ({ socketPath, post }) => {
      const slow = createConnection(socketPath)
      slow.write('POST /Echo HTTP/1.1\r\nHost:\r\nContent-Length: 7\r\n\r\n{"a"')
      expect((await post('/Echo', { b: 1 })).status).to.equal(200)
      const answer = read(slow)
      slow.write(':1}')
      expect(await answer).to.contain('{"echo":{"a":1}}')
    }))

  it('survives a client that goes away in the middle of its request', () =>
    withPlugin({ methods: METHODS }, async ({ socketPath, post, bugs }) => {
      const client = createConnection(socketPath)
      client.write('POST /Echo HTTP/1.1\r\nHost:\r\nContent-Length: 100\r\n\r\n{"a"', () => client.destroy())
      await new Promise((resolve) => client.once('close', resolve))
      expect((await post('/Echo', {})).status).to.equal(200)
      expect(bugs).to.deep.equal([])
    }))

  it('serves pages to GET, with their type', () =>
    withPlugin(
      { pages: { '/status': () => Promise.resolve({ type: 'application/json', text: '{"a":1}' }) } },
      async ({ send }) => {
        const { status, body, headers } = await send('/status', { method: 'GET' })
        expect(status).to.equal(200)
        expect(body).to.deep.equal({ a: 1 })
        expect(headers['content-type']).to.contain('application/json')
      }
    ))

  it('counts requests by method and result', async () => {
    const metrics = new Metrics()
    await withPlugin({ methods: METHODS, metrics }, async ({ post }) => {
      await post('/Echo', {})
      await post('/Refuse', {})
    })
    const text = metrics.text({})
    expect(text).to.contain('net_routed_request_seconds_count{method="Echo",result="ok"} 1')
    expect(text).to.contain('net_routed_request_seconds_count{method="Refuse",result="conflict"} 1')
  })
})

/** Sends a body of so many bytes as fast as it is taken, until there is an answer. */
function sendInPieces(socketPath: string, bytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const client = createConnection(socketPath)
    const piece = Buffer.alloc(MIB / 4, 0x20)
    let left = bytes
    let answer = ''
    const push = (): void => {
      while (left > 0 && client.writable) {
        left -= piece.length
        if (!client.write(piece)) return
      }
    }
    client.write(`POST /Echo HTTP/1.1\r\nHost:\r\nContent-Length: ${String(bytes)}\r\n\r\n`)
    client.on('drain', push)
    client.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    client.on('close', () => {
      resolve(answer)
    })
    client.on('error', (error) => {
      if (answer === '') reject(error)
    })
    push()
  })
}

function read(client: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    client.on('data', (chunk: Buffer) => (text += chunk.toString()))
    client.on('close', () => {
      resolve(text)
    })
  })
}
