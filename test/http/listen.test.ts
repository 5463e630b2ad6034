import { chmodSync, existsSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { UnavailableError } from '../../src/errors.js'
import { application, listen } from '../../src/http.js'
import { silentLog } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { errorOf } from '../support/expect-error.js'
import { close, exchange, withDirectory } from '../support/plugin.js'

describe('listen', () => {
  const app = application({
    methods: { Echo: (body) => Promise.resolve({ body: { echo: body ?? null } }) },
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
