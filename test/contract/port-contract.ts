/** What every Host must do with published ports. */
import { expect } from 'chai'
import type { Host } from '../../src/host/host.js'
import { keyOf } from '../../src/host/objects.js'
import type { HostObject, Port } from '../../src/host/objects.js'
import { testLink } from './test-link.js'
import { applied, expected, opsOf, ours } from './host-checks.js'

export const PUBLISHER: HostObject = { kind: 'publisher', intact: true }
const PORT: Port = {
  kind: 'port',
  protocol: 'tcp',
  host: '0.0.0.0',
  hostPort: 8080,
  address: '10.1.0.2',
  port: 80
}
/** Ports that can be told apart by nothing but one field. */
export const PORTS: readonly HostObject[] = [
  PORT,
  { ...PORT, protocol: 'udp' },
  { ...PORT, protocol: 'sctp' },
  { ...PORT, hostPort: 8081, port: 65_535 },
  { ...PORT, host: '192.0.2.1' },
  { ...PORT, host: '192.0.2.2' },
  { ...PORT, host: '::', address: 'fd00::2' },
  { ...PORT, host: '2001:db8::1', address: 'fd00::2' },
  { kind: 'exclusion', device: 'mesos-cni0', protocol: 'tcp', hostPort: 8080 },
  { kind: 'exclusion', device: 'mesos-cni1', protocol: 'tcp', hostPort: 8080 },
  { kind: 'hairpin', prefix: '10.1.0.2/32', address: '10.1.0.2' },
  { kind: 'hairpin', prefix: '192.168.0.0/17', address: '192.168.0.3' },
  { kind: 'hairpin', prefix: 'fd00::/64', address: 'fd00::2' },
  { kind: 'hairpin', prefix: 'fd01::2/128', address: 'fd01::2' }
]

/** Declares the tests. */
export function ports(host: () => Host): void {
  it('has no ports without a publisher', async () => {
    const failed = await host().apply(opsOf('add', PORTS))
    expect([...failed.keys()]).to.have.members(PORTS.map(keyOf))
    for (const error of failed.values()) expect(error).to.include({ code: 'kernel', errno: 'ENOENT' })
    await applied(host(), 'delete', PORTS)
    expect(await ours(host())).to.deep.equal([])
  })

  it('deletes with a publisher its ports, and keeps them when it is replaced', async () => {
    await applied(host(), 'add', [PUBLISHER, ...PORTS])
    await applied(host(), 'replace', [PUBLISHER])
    expect(await ours(host())).to.deep.equal(expected([PUBLISHER, ...PORTS]))
    await applied(host(), 'delete', [PUBLISHER])
    await applied(host(), 'add', [PUBLISHER])
    expect(await ours(host())).to.deep.equal([PUBLISHER])
  })

  it('lets ::1 in through several links, each by itself', async () => {
    const links = [testLink('a'), testLink('b')]
    const ways = links.map(({ name }): HostObject => ({ kind: 'loopback', link: name }))
    await applied(host(), 'add', [...links, ...ways, ...ways])
    expect(await ours(host())).to.deep.equal(expected([...links, ...ways]))
    await applied(host(), 'delete', ways.slice(0, 1))
    expect(await ours(host())).to.deep.equal(expected([...links, ...ways.slice(1)]))
  })

  it('deletes one port and no other', async () => {
    await applied(host(), 'add', [PUBLISHER, ...PORTS])
    for (const [at, port] of PORTS.entries()) {
      await applied(host(), 'delete', [port])
      expect(await ours(host())).to.deep.equal(expected([PUBLISHER, ...PORTS.slice(at + 1)]))
    }
  })

  it('replaces what a port leads to', async () => {
    await applied(host(), 'add', [PUBLISHER, PORT])
    await applied(host(), 'replace', [{ ...PORT, address: '10.1.0.3', port: 81 }])
    expect(await ours(host())).to.deep.equal(
      expected([PUBLISHER, { ...PORT, address: '10.1.0.3', port: 81 }])
    )
  })

  it('adds thousands at once beside those that are there, and deletes them beside those that are not', async () => {
    const many = Array.from({ length: 1_500 }, (_, at): Port => ({
      ...PORT,
      hostPort: 20_000 + at,
      port: at + 1
    }))
    const there = many.filter((_, at) => at % 500 === 0)
    await applied(host(), 'add', [PUBLISHER, ...there.map((port) => ({ ...port, address: '10.1.0.9' }))])
    await applied(host(), 'add', many)
    expect(await ours(host())).to.deep.equal(expected([PUBLISHER, ...many]))
    await applied(host(), 'delete', there)
    await applied(host(), 'delete', many)
    expect(await ours(host())).to.deep.equal([PUBLISHER])
  })
}
