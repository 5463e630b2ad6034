import type { Server, ServerResponse } from 'node:http'
import { createConnection } from 'node:net'
import type { Socket } from 'node:net'
import { expect } from 'chai'
import type { Answer, Methods } from '../../src/http.js'
import { withRig } from '../support/daemon.js'
import { LOCAL_SPACE } from '../support/docker.js'
import { eventually } from '../support/eventually.js'
import { hangUpOn, loseAnswer } from '../support/hang-up.js'
import { withPlugin } from '../support/plugin.js'

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

  const REQUEST = 'POST /Give HTTP/1.1\r\nHost:\r\nContent-Length: 2\r\n\r\n{}'
  const partings: Record<string, (client: Socket, server: Server) => void> = {
    'gone before its request was read': (client) => {
      client.write(REQUEST, () => client.destroy())
    },
    'gone without reading it': (client, server) => {
      server.once('request', (_request, response: ServerResponse) => {
        response.once('finish', () => client.destroy())
      })
      client.pause().write(REQUEST)
    }
  }
  for (const [whose, part] of Object.entries(partings)) {
    it(`is taken back from a caller who is ${whose}`, async () => {
      let taken = 0
      const undo = (): Promise<void> => {
        taken++
        return Promise.resolve()
      }
      await withPlugin({ methods: { Give: () => Promise.resolve({ body: {}, undo }) } }, async (plugin) => {
        part(createConnection(plugin.socketPath), plugin.server)
        await eventually('the answer is taken back', () => taken > 0)
        expect(taken).to.equal(1)
      })
    })
  }

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
