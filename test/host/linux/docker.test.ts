import { expect } from 'chai'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ContainerHealth } from '../../../src/host/engine.js'
import { dockerEngine } from '../../../src/host/linux/docker.js'
import { UnavailableError } from '../../../src/errors.js'
import { errorOf } from '../../support/expect-error.js'
import { eventually } from '../../support/eventually.js'

/** A dockerd with one container, `c1`, on network `ours`, and another one elsewhere. */
class Dockerd {
  health: object | undefined = { Status: 'starting', Log: null }
  readonly asked: string[] = []
  readonly #streams = new Set<ServerResponse>()
  #server: Server | undefined

  listen(path: string): Promise<void> {
    const server = createServer((request, response) => {
      const url = decodeURIComponent(request.url ?? '')
      this.asked.push(url)
      if (url.startsWith('/events')) {
        this.#streams.add(response)
        response.writeHead(200).flushHeaders()
      } else if (url === '/containers/json') {
        const listed = (Id: string, NetworkID: string): object => {
          return { Id, NetworkSettings: { Networks: { some: { NetworkID } } } }
        }
        response.end(JSON.stringify([listed('c1', 'ours'), listed('c2', 'theirs')]))
      } else if (url === '/containers/c1/json') {
        const NetworkSettings = { Networks: { mine: { EndpointID: 'e1' }, other: { EndpointID: 'e2' } } }
        const State = this.health ? { Health: this.health } : {}
        response.end(JSON.stringify({ State, NetworkSettings }))
      } else if (url === '/networks/mine') response.end('{"Id":"ours","Driver":"net-routed"}')
      else if (url === '/networks/twice')
        response.writeHead(400).end('{"message":"network twice is ambiguous (2 matches found on name)"}')
      else response.writeHead(404).end('{"message":"No such container"}')
    })
    this.#server = server
    return new Promise((resolve) => server.listen(path, resolve))
  }

  event(event: object): void {
    for (const stream of this.#streams) stream.write(`${JSON.stringify(event)}\n`)
  }

  async close(): Promise<void> {
    const server = this.#server
    server?.closeAllConnections()
    await new Promise((resolve) => server?.close(resolve))
    this.#streams.clear()
  }
}

describe('dockerEngine', () => {
  const dockerd = new Dockerd()
  let directory: string
  let socket: string
  let seen: ContainerHealth[]
  let reasons: (string | undefined)[]
  let stop: () => void
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'net-routed-docker-'))
    socket = join(directory, 'docker.sock')
    dockerd.health = { Status: 'starting', Log: null }
    seen = []
    reasons = []
    dockerd.asked.length = 0
    stop = dockerEngine(socket).watchHealth({
      concerns: (id) => id === 'ours',
      onHealth: (health) => seen.push(health),
      onAnswer: (reason) => reasons.push(reason)
    })
  })
  afterEach(async () => {
    stop()
    await dockerd.close()
    rmSync(directory, { recursive: true })
  })
  const endpoints = ['e1', 'e2']

  it('tells of the containers that there are on our networks, then of changes', async () => {
    await dockerd.listen(socket)
    await eventually('it tells of the container', () => seen.length === 1)
    expect(seen).to.deep.equal([{ endpoints, state: 'starting', output: '' }])
    dockerd.health = { Status: 'unhealthy', Log: [{ Output: 'good' }, { Output: 'no\n route' }] }
    dockerd.event({ Type: 'container', Action: 'health_status: unhealthy', Actor: { ID: 'c1' } })
    await eventually('it tells of the change', () => seen.length === 2)
    expect(seen[1]).to.deep.equal({ endpoints, state: 'unhealthy', output: 'no route' })
    expect(dockerd.asked.some((url) => url.includes('c2'))).to.equal(false)
    expect(reasons.at(-1)).to.equal(undefined)
  })

  it('reads a container that is connected to a network of ours, and no other', async () => {
    await dockerd.listen(socket)
    await eventually('it tells of the container', () => seen.length === 1)
    dockerd.health = undefined
    dockerd.event({ Type: 'network', Actor: { ID: 'theirs', Attributes: { container: 'c3' } } })
    dockerd.event({ Type: 'network', Actor: { ID: 'ours', Attributes: { container: 'gone' } } })
    dockerd.event({ Type: 'network', Actor: { ID: 'ours', Attributes: { container: 'c1' } } })
    await eventually('it tells of the container', () => seen.length === 2)
    expect(seen[1]).to.deep.equal({ endpoints, state: 'none', output: '' })
    expect(dockerd.asked.some((url) => url.includes('c3'))).to.equal(false)
  })

  it('says that nobody answers, and asks again, also after dockerd was away', async () => {
    await eventually('it complains', () => reasons.length > 0)
    expect(reasons[0]).to.contain(`${socket}: connect ENOENT`)
    await dockerd.listen(socket)
    await eventually('it tells of the container', () => seen.length === 1)
    expect(reasons.at(-1)).to.equal(undefined)
    await dockerd.close()
    await eventually('it complains', () => reasons.at(-1) !== undefined)
    await dockerd.listen(socket)
    await eventually('it tells of the container again', () => seen.length === 2)
  })

  it('knows names, and says why where it does not', async () => {
    const engine = dockerEngine(socket)
    const away = await errorOf(engine.networkNamed('mine'))
    expect(away).to.be.instanceOf(UnavailableError)
    expect(away.message).to.contain(`${socket}: connect ENOENT`)
    await dockerd.listen(socket)
    expect(await engine.networkNamed('mine')).to.deep.equal({ id: 'ours', driver: 'net-routed' })
    expect(await engine.containerNamed('c1')).to.deep.equal({ endpoints })
    expect(await engine.networkNamed('no/ne')).to.equal(undefined)
    expect(dockerd.asked).to.include('/networks/no/ne')
    expect(await engine.containerNamed('none')).to.equal(undefined)
    const twice = await errorOf(engine.networkNamed('twice'))
    expect(twice).to.be.instanceOf(UnavailableError)
    expect(twice.message).to.contain('network twice is ambiguous')
  })
})
