import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { ask } from '../src/client.js'
import { ConflictError, RoutedError, UnavailableError } from '../src/errors.js'
import { errorOf } from './support/expect-error.js'
import { at } from './support/json.js'
import { withDirectory, withPlugin } from './support/plugin.js'

describe('ask', () => {
  it('reads a page without a body, and calls a method with one', () =>
    withPlugin(
      {
        methods: { Echo: (body) => Promise.resolve({ body: { echo: body } }) },
        pages: { '/status': () => Promise.resolve({ type: 'application/json', text: '{"endpoints":[]}' }) }
      },
      async ({ socketPath }) => {
        expect(await ask(socketPath, '/status')).to.deep.equal({ endpoints: [] })
        expect(at(await ask(socketPath, '/Echo', { a: 1 }), 'echo')).to.deep.equal({ a: 1 })
      }
    ))

  it('throws what the daemon refuses, with its text', () =>
    withPlugin(
      { methods: { No: () => Promise.reject(new ConflictError('not now')) } },
      async ({ socketPath }) => {
        const error = await errorOf(ask(socketPath, '/No', {}))
        expect(error).to.be.instanceOf(RoutedError)
        expect(error.message).to.equal('not now')
      }
    ))

  it('says on which socket no daemon answers', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'none.sock')
      const error = await errorOf(ask(path, '/status'))
      expect(error).to.be.instanceOf(UnavailableError)
      expect(error.message).to.contain(`no net-routed answers on ${path}`)
    }))

  it('says so too where something else answers, in other words than JSON, or hangs up', () =>
    withDirectory(async (directory) => {
      for (const [name, answer] of Object.entries({
        html: 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>',
        nothing: ''
      })) {
        const path = join(directory, name)
        const server = createServer((connection) => connection.once('data', () => connection.end(answer)))
        await new Promise<void>((resolve) => server.listen(path, resolve))
        try {
          const error = await errorOf(ask(path, '/status'))
          expect(error, name).to.be.instanceOf(UnavailableError)
        } finally {
          await new Promise((resolve) => server.close(resolve))
        }
      }
    }))
})
