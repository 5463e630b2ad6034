import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { linuxProber } from '../../../src/host/linux/prober.js'

const ADDRESS = '127.0.0.1'
const TIMEOUT_MS = 3_000
const SHORT_MS = 100

describe('linuxProber', () => {
  let server: Server
  let directory: string
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'net-routed-checks-'))
    server = createServer((request, response) => {
      if (request.url === '/silent') return
      if (request.url === '/slow') response.write('x')
      else response.writeHead(request.url === '/ready?deep=1' ? 204 : 503).end('body')
    })
    await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve))
  })
  afterEach(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    rmSync(directory, { recursive: true })
  })
  const port = (): number => (server.address() as AddressInfo).port
  const http = (path: string, timeoutMs = TIMEOUT_MS): Promise<string | undefined> =>
    linuxProber(undefined).probe({ type: 'http', address: ADDRESS, port: port(), path }, timeoutMs)

  it('connects over TCP', async () => {
    const prober = linuxProber(undefined)
    expect(await prober.probe({ type: 'tcp', address: ADDRESS, port: port() }, TIMEOUT_MS)).to.equal(
      undefined
    )
    const closed = createTcpServer().listen(0, ADDRESS)
    await new Promise((resolve) => closed.once('listening', resolve))
    const { port: free } = closed.address() as AddressInfo
    await new Promise((resolve) => closed.close(resolve))
    expect(await prober.probe({ type: 'tcp', address: ADDRESS, port: free }, TIMEOUT_MS)).to.match(
      /ECONNREFUSED/
    )
  })

  it('takes any good answer over HTTP, however long its body is', async () => {
    expect(await http('/ready?deep=1')).to.equal(undefined)
    expect(await http('/slow')).to.equal(undefined)
    expect(await http('/')).to.match(/^http:\/\/127\.0\.0\.1:\d+\/ answers with status 503$/)
  })

  it('waits only so long', async () => {
    expect(await http('/silent', SHORT_MS)).to.match(/does not answer within 100 ms$/)
  })

  const program = (name: string, timeoutMs = TIMEOUT_MS): Promise<string | undefined> =>
    linuxProber(directory).probe(
      { type: 'exec', name, environment: { NET_ROUTED_ADDRESSES: '10.1.0.7' } },
      timeoutMs
    )

  it('runs a program of the directory, with the addresses and nothing of its own environment', async () => {
    const text = '#!/bin/sh\n[ "$NET_ROUTED_ADDRESSES" = 10.1.0.7 ] && [ -z "$HOME" ]\n'
    writeFileSync(join(directory, 'good'), text, { mode: 0o700 })
    writeFileSync(join(directory, 'bad'), '#!/bin/sh\necho no; echo database >&2; exit 3\n', { mode: 0o700 })
    writeFileSync(join(directory, 'slow'), '#!/bin/sh\nexec sleep 60\n', { mode: 0o700 })
    expect(await program('good')).to.equal(undefined)
    expect(await program('bad')).to.equal(`${directory}/bad ends with 3: database no`)
    expect(await program('slow', SHORT_MS)).to.equal(`${directory}/slow fails with ETIMEDOUT`)
    expect(await program('none')).to.equal(`${directory}/none fails with ENOENT`)
  })

  it('runs many programs after one another, and all of them', async () => {
    writeFileSync(join(directory, 'good'), '#!/bin/sh\nexit 0\n', { mode: 0o700 })
    const prober = linuxProber(directory)
    const probe = { type: 'exec', name: 'good', environment: {} } as const
    const results = await Promise.all(Array.from({ length: 30 }, () => prober.probe(probe, TIMEOUT_MS)))
    expect(new Set(results)).to.deep.equal(new Set([undefined]))
  })

  it('runs none where the operator has named no directory', async () => {
    const found = await linuxProber(undefined).probe(
      { type: 'exec', name: 'sh', environment: {} },
      TIMEOUT_MS
    )
    expect(found).to.equal('exec:sh: this host has no programs for checks: see --check-programs')
  })
})
