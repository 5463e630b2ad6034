/**
 * The second half of the twenty rules: transport, process, pools. What only a real process and a real engine can show is
 * named beside its rule, with its bats file.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { mock } from 'node:test'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { FakeHost } from '../src/host/fake-host.js'
import { application, listen } from '../src/http.js'
import type { Answer } from '../src/http.js'
import { silentLog } from '../src/log.js'
import { Metrics } from '../src/metrics.js'
import { parsePrefix } from '../src/model/ip.js'
import { MemoryStore } from '../src/store/memory-store.js'
import { errorFaultsOf } from './docker-rules.js'
import { snapshot, startOn, withRig } from './support/daemon.js'
import { LOCAL_SPACE, dockerId } from './support/docker.js'
import { errorOf } from './support/expect-error.js'
import { loseAnswer } from './support/hang-up.js'
import { at, textAt } from './support/json.js'
import { close, exchange, withDirectory, withPlugin } from './support/plugin.js'
import { NET, POOL, expectAccepted, served } from './support/served.js'

const ONE = dockerId(11)

describe('rule 11: a request with an empty body is a damaged retry: an error, and nothing changes', () => {
  it(
    'of every method that takes one',
    served(async ({ plugin, rig }) => {
      await rig.docker.run({ id: ONE, network: NET })
      const before = snapshot(rig)
      const bodiless = /Activate|GetCapabilities|GetDefaultAddressSpaces|Discover/
      for (const method of Object.keys(rig.daemon.methods).filter((name) => !bodiless.test(name))) {
        const { status, body } = await plugin.post(`/${method}`)
        expect(status, method).to.equal(500)
        expect(errorFaultsOf({ method, request: undefined, status, body })).to.deep.equal([])
      }
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )
})

describe('rule 12: no connection is closed under the feet of dockerd', () => {
  it(
    'every answer announces that its connection closes, so that none is used again',
    served(async ({ plugin }) => {
      expect((await plugin.post('/Plugin.Activate')).headers.connection).to.equal('close')
      expect((await plugin.post('/NetworkDriver.Join', {})).headers.connection).to.equal('close')
    })
  )
  // With a real process: bats/restart.bats.
  it('a request under way when the server stops is answered', async () => {
    let answerNow: () => void = () => undefined
    let isAtWork: () => void = () => undefined
    const begun = new Promise<void>((resolve) => (isAtWork = resolve))
    const held = new Promise<Answer>((resolve) => {
      answerNow = () => {
        resolve({ body: { done: true } })
      }
    })
    const Slow = (): Promise<Answer> => {
      isAtWork()
      return held
    }
    await withPlugin({ methods: { Slow } }, async ({ post, server }) => {
      const reply = post('/Slow', {})
      await begun
      server.close()
      answerNow()
      expect((await reply).body).to.deep.equal({ done: true })
    })
  })
  it('what was done for an answer that did not arrive is taken back', () =>
    withRig({}, async ({ docker, daemon }) => {
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      await loseAnswer(daemon, 'IpamDriver.RequestAddress', { PoolID: POOL, Address: '' })
      expect(daemon.records.all('lease').map(({ state }) => state)).to.deep.equal(['released'])
    }))
})

describe('rule 13: every handler has a time limit', () => {
  const LIMIT_MS = 10_000
  it('after which there is an error, and what comes late is taken back', async () => {
    let takenBack = false
    let finish: (answer: Answer) => void = () => undefined
    let isAtWork: () => void = () => undefined
    const begun = new Promise<void>((resolve) => (isAtWork = resolve))
    const Hang = (): Promise<Answer> => {
      isAtWork()
      return new Promise((resolve) => (finish = resolve))
    }
    await withPlugin({ methods: { Hang } }, async ({ post }) => {
      // Node's own timers of HTTP are not among these.
      mock.timers.enable({ apis: ['setTimeout'] })
      try {
        const reply = post('/Hang', {})
        await begun
        mock.timers.tick(LIMIT_MS)
        const { status, body } = await reply
        expect(status).to.equal(500)
        expect(textAt(body, 'Err')).to.contain('Hang took more than 10 s')
      } finally {
        mock.timers.reset()
      }
      const undo = (): Promise<void> => {
        takenBack = true
        return Promise.resolve()
      }
      finish({ body: {}, undo })
      await new Promise(setImmediate)
      expect(takenBack).to.equal(true)
    })
  })
})

describe('rule 14: no handler calls the API of Docker', () => {
  it('only what checks containers, or looks names up for operators, makes requests besides the command line, and no handler knows of it', () => {
    const source = fileURLToPath(new URL('../../src/', import.meta.url))
    const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .sort()
    const matching = (pattern: RegExp): readonly string[] =>
      files.filter((name) => pattern.test(readFileSync(join(source, name), 'utf8')))
    expect(files.length).to.be.above(20)
    expect(matching(/docker\.sock\b/)).to.deep.equal(['config.ts'])
    expect(matching(/\bfetch\(|import \{[^}]*\b(request|get)\b[^}]*\} from 'node:https?'/)).to.deep.equal([
      'client.ts',
      'host/linux/docker-api.ts',
      'host/linux/docker.ts',
      'host/linux/prober.ts'
    ])
    expect(matching(/from '.*\/docker-(api|names)\.js'/)).to.deep.equal([
      'host/linux/docker-names.ts',
      'host/linux/docker.ts'
    ])
    expect(matching(/from '.*linux\/(docker|prober)\.js'/)).to.deep.equal(['main.ts'])
    // Operators give names, Docker gives ids.
    expect(matching(/\.(network|container)Named\(/)).to.deep.equal(['admin-names.ts'])
    expect(matching(/from '.*\/admin-names\.js'/)).to.deep.equal([
      'admin-drain.ts',
      'admin-set.ts',
      'admin.ts'
    ])
    expect(matching(/\bwatchHealth\(/)).to.deep.equal(['core/routing/health.ts', 'host/engine.ts'])
    expect(matching(/\/client\.js'/)).to.deep.equal([
      'drain-command.ts',
      'main.ts',
      'map-command.ts',
      'routing-command.ts',
      'set-command.ts',
      'verify-command.ts'
    ])
  })
})

describe('rule 15: a daemon that is not ready does not answer at all, and a ready one always does', () => {
  it('does not start where the kernel cannot be read', async () => {
    const host = new FakeHost()
    host.list = () => Promise.reject(new Error('no'))
    expect((await errorOf(startOn({ host, store: new MemoryStore() }))).message).to.contain('kernel')
  })
  it(
    'answers the handshake while disk and kernel refuse everything',
    served(async ({ plugin, rig }) => {
      rig.store.refuse = () => 'no space left on device'
      rig.host.refuse = () => 'EIO'
      for (const method of ['Plugin.Activate', 'NetworkDriver.GetCapabilities', 'IpamDriver.GetCapabilities'])
        expectAccepted(method, undefined, await plugin.post(`/${method}`))
    })
  )
})

// Rule 16, the socket file goes when the process goes: bats/cli.bats; after kill -9: bats/restart.bats.
describe('rule 16: a socket file never exists without a listener', () => {
  it('it has its name only when it answers', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'net-routed.sock')
      const server = await listen(emptyApplication(), path)
      expect(readdirSync(directory)).to.deep.equal(['net-routed.sock'])
      expect((await exchange(path, '/Nothing', {})).status).to.equal(404)
      await close(server)
    }))
})

// Rule 17, dockerd starts no later with the units: bats/vm.d/guest.bats; restarts of both: bats/restart.bats.
describe('rule 17: the sockets are there before dockerd starts', () => {
  it('the units say so', () => {
    const unitOf = (name: string): string =>
      readFileSync(new URL(`../../systemd/${name}`, import.meta.url), 'utf8')
    expect(unitOf('net-routed.service')).to.match(/^Before=.*\bdocker\.service\b/m)
    for (const name of ['net-routed.socket', 'ipam-routed.socket'])
      expect(unitOf(name), name).to.match(/^WantedBy=sockets\.target$/m)
  })
})

// Rule 18 with real engines: bats/cnm-networks.bats.
describe('rule 18: both sockets implement both interfaces', () => {
  it('and say so', () =>
    withRig({}, ({ daemon }) =>
      withDirectory(async (directory) => {
        const app = application({ ...daemon, log: silentLog, onBug: () => undefined })
        const paths = ['net-routed.sock', 'ipam-routed.sock'].map((name) => join(directory, name))
        const servers = await Promise.all(paths.map((path) => listen(app, path)))
        for (const path of paths) {
          const { body } = await exchange(path, '/Plugin.Activate', {})
          expect(at(body, 'Implements')).to.deep.equal(['NetworkDriver', 'IpamDriver'])
          for (const method of ['NetworkDriver.GetCapabilities', 'IpamDriver.GetCapabilities'])
            expectAccepted(method, undefined, await exchange(path, `/${method}`, {}))
        }
        await Promise.all(servers.map(close))
      })
    ))
})

describe('rule 19: an automatic pool is never offered twice in a row', () => {
  it('but each once, then an error, however often dockerd asks and keeps', () =>
    withRig(
      { config: { defaultAddressPool: [{ base: parsePrefix('10.46.0.0/22'), size: 24 }] } },
      async ({ call }) => {
        const request = { AddressSpace: LOCAL_SPACE, Pool: '', SubPool: '', Options: {}, V6: false }
        const offers: string[] = []
        for (let index = 0; index < 4; index++)
          offers.push(textAt(await call('IpamDriver.RequestPool', request), 'Pool'))
        expect(new Set(offers).size).to.equal(4)
        for (let index = 0; index < 3; index++)
          expect((await errorOf(call('IpamDriver.RequestPool', request))).message).to.contain('is in use')
      }
    ))
})

describe('rule 20: nothing is expected of names, labels and aliases, which are never sent', () => {
  it(
    'and the container name that Docker 29 sends to the IPAM changes nothing',
    served(async ({ plugin }) => {
      const Options = { 'com.docker.network.endpoint.name': 'web' }
      const request = { PoolID: POOL, Address: '', Options }
      const reply = await plugin.post('/IpamDriver.RequestAddress', request)
      expectAccepted('IpamDriver.RequestAddress', request, reply)
      expect(textAt(reply.body, 'Address')).to.equal('10.1.0.1/32')
    })
  )
})

function emptyApplication(): ReturnType<typeof application> {
  return application({
    methods: {},
    pages: {},
    log: silentLog,
    metrics: new Metrics(),
    onBug: () => undefined
  })
}
