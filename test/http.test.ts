import { chmodSync, existsSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Daemon } from '../src/daemon.js'
import { ConflictError, UnavailableError } from '../src/errors.js'
import { application, listen } from '../src/http.js'
import type { Answer, Methods } from '../src/http.js'
import { silentLog } from '../src/log.js'
import { Metrics } from '../src/metrics.js'
import { withRig } from './support/daemon.js'
import { LOCAL_SPACE } from './support/docker.js'
import { eventually } from './support/eventually.js'
import { errorOf } from './support/expect-error.js'
import { textAt } from './support/json.js'
import { close, exchange, withDirectory, withPlugin } from './support/plugin.js'
import type { Plugin, Reply } from './support/plugin.js'

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

  it('survives a nesting of 100,000 levels', () =>
    withPlugin({ methods: METHODS }, async ({ send, bugs }) => {
      const depth = 100_000
      const { status } = await send('/Refuse', { body: '['.repeat(depth) + ']'.repeat(depth) })
      expect(status).to.equal(500)
      expect(bugs).to.deep.equal([])
    }))

  it('refuses a body of 64 MiB without reading it into memory, and goes on', () =>
    withPlugin({ methods: METHODS }, async ({ socketPath, post, bugs }) => {
      const before = process.memoryUsage.rss()
      const answer = await sendInPieces(socketPath, 64 * MIB)
      expect(answer).to.match(/^HTTP\/1\.1 500 /)
      expect(process.memoryUsage.rss() - before).to.be.below(48 * MIB)
      expect((await post('/Echo', { a: 1 })).status).to.equal(200)
      expect(bugs).to.deep.equal([])
    }))

  it('serves others while a client sends its request slowly', () =>
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
      { pages: { '/status': () => ({ type: 'application/json', text: '{"a":1}' }) } },
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

describe('an answer that is not delivered', () => {
  it('is taken back', async () => {
    let taken = 0
    let finish: (answer: Answer) => void = () => undefined
    const work = new Promise<Answer>((resolve) => {
      finish = resolve
    })
    let wasCalled = false
    const methods: Methods = {
      Give: () => {
        wasCalled = true
        return work
      }
    }
    await withPlugin({ methods }, async (plugin) => {
      const gone = hangUpOn(plugin, '/Give', () => wasCalled)
      await gone
      finish({
        body: {},
        undo: () => {
          taken++
          return Promise.resolve()
        }
      })
      await eventually('the answer is taken back', () => taken > 0)
      await plugin.post('/Unknown')
      expect(taken).to.equal(1)
    })
  })

  it('is not taken back if it was delivered', async () => {
    let taken = 0
    const undo = (): Promise<void> => {
      taken++
      return Promise.resolve()
    }
    await withPlugin({ methods: { Give: () => Promise.resolve({ body: {}, undo }) } }, async ({ post }) => {
      await post('/Give')
      await post('/Give')
      expect(taken).to.equal(0)
    })
  })

  it('of RequestAddress gives the address back', () =>
    withRig({}, async ({ daemon, docker }) => {
      await docker.createNetwork({ id: 'n', subnet: '10.1.0.0/24' })
      await loseAnswer(daemon, 'IpamDriver.RequestAddress', {
        PoolID: 'local/10.1.0.0/24',
        Address: '10.1.0.9'
      })
      expect(daemon.records.all('lease').map(({ state }) => state)).to.deep.equal(['released'])
    }))

  it('of RequestPool gives the pool back', () =>
    withRig({}, async ({ daemon }) => {
      await loseAnswer(daemon, 'IpamDriver.RequestPool', { AddressSpace: LOCAL_SPACE, Pool: '10.1.0.0/24' })
      expect(daemon.records.count('pool')).to.equal(0)
    }))
})

describe('listen', () => {
  const app = application({
    methods: METHODS,
    pages: {},
    log: silentLog,
    metrics: new Metrics(),
    onBug: () => undefined
  })

  it('makes the directory, and a socket that only its owner may use', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'plugins', 'net-routed.sock')
      const server = await listen(app, path)
      expect(statSync(path).isSocket()).to.equal(true)
      expect(statSync(path).mode & 0o777).to.equal(0o600)
      await close(server)
    }))

  it('replaces a socket file that nobody listens on', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'net-routed.sock')
      await leaveStaleSocket(path)
      const server = await listen(app, path)
      expect((await exchange(path, '/Echo', {})).status).to.equal(200)
      await close(server)
    }))

  it('refuses a path on which another process listens, and leaves it alone', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'net-routed.sock')
      const first = await listen(app, path)
      const error = await errorOf(listen(app, path))
      expect(error).to.be.instanceOf(UnavailableError)
      expect(error.message).to.contain(path)
      expect((await exchange(path, '/Echo', {})).status).to.equal(200)
      await close(first)
    }))

  it('leaves no temporary file beside the socket', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'net-routed.sock')
      const server = await listen(app, path)
      expect(existsSync(`${path}.${String(process.pid)}`)).to.equal(false)
      await close(server)
    }))

  it('says which socket cannot be made', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'x'.repeat(200))
      const error = await errorOf(listen(app, path))
      expect(error).to.be.instanceOf(UnavailableError)
      expect(error.message).to.contain(path)
    }))

  it('does not replace a file that is no socket', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'precious')
      writeFileSync(path, 'data')
      chmodSync(path, 0o644)
      const error = await errorOf(listen(app, path))
      expect(error).to.be.instanceOf(UnavailableError)
      expect(statSync(path).isFile()).to.equal(true)
    }))
})

/** A socket file as a killed process leaves it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(`${path}.other`, resolve))
  renameSync(`${path}.other`, path)
  await new Promise((resolve) => server.close(resolve))
}

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

/** Sends a request, and breaks the connection once it is being worked on. */
async function hangUpOn(
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
async function loseAnswer(daemon: Daemon, method: string, request: object): Promise<void> {
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
