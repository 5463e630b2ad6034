import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { expect } from 'chai'
import type { Fields } from '../../src/log.js'
import { linuxHost } from '../../src/host/linux/linux-host.js'
import type { LinuxHost } from '../../src/host/linux/linux-host.js'
import type { HostObject } from '../../src/host/objects.js'
import { A, B, forward, start } from './containers.js'
import { PROTOCOL, Scratch, describeAsRoot, inNetns, pathOf, runIn, until } from './scratch.js'

const TRACK = `table inet track {
  chain forward {
    type filter hook forward priority 0
    ct state invalid drop
  }
}
table ip nat {
  chain postrouting {
    type nat hook postrouting priority 100
    ip saddr ${A.address} ip daddr 192.0.2.2 masquerade
  }
}`

describeAsRoot('conntrack entries of linuxHost', () => {
  let scratch: Scratch
  let netns: string
  let host: LinuxHost
  let inner: string
  let warnings: (Fields | undefined)[]
  let children: ChildProcess[]
  beforeEach(async () => {
    scratch = new Scratch()
    netns = scratch.netns()
    warnings = []
    children = []
    const ignore = (): undefined => undefined
    const log = {
      error: ignore,
      info: ignore,
      debug: ignore,
      warn: (_: string, fields?: Fields) => warnings.push(fields)
    }
    host = linuxHost({ protocol: PROTOCOL, netns: pathOf(netns), log })
    await forward(host)
    inner = await start({ scratch, host }, A)
    await start({ scratch, host }, B)
  })
  afterEach(async () => {
    for (const child of children) child.kill()
    await host.close()
    await scratch.close()
    expect(warnings).to.deep.equal([])
  })
  const entries = (): string =>
    inNetns(netns, 'conntrack', '-L') + inNetns(netns, 'conntrack', '-L', '-f', 'ipv6')
  const drop = (...objects: readonly HostObject[]): Promise<unknown> =>
    host.apply(objects.map((object) => ({ verb: 'delete', object })))
  const route = (dst: string): HostObject => ({
    kind: 'route',
    dst,
    link: 'nr-a',
    metric: dst.includes(':') ? 1024 : 0
  })

  it('go with the route of their address, whichever end it is', async () => {
    runIn(netns, ['nft', '-f', '-'], TRACK)
    for (const address of [A.address, A.address6, B.address]) inNetns(netns, 'ping', '-n', '-c', '1', address)
    expect(entries()).to.include(A.address).and.include('fd00').and.include(B.address)
    await drop(route(`${A.address}/32`))
    await until(() => !entries().includes(A.address), 'the entries are gone')
    expect(entries()).to.include('fd00').and.include(B.address)
    await drop(route(`${A.address6}/128`))
    await until(() => !entries().includes('fd00'), 'those of IPv6 too')
    expect(entries()).to.include(B.address)
  })

  it('go with the source of their address, and with a link (flaw 15)', async () => {
    runIn(netns, ['nft', '-f', '-'], TRACK)
    for (const address of [A.address, B.address]) inNetns(netns, 'ping', '-n', '-c', '1', address)
    await drop({ kind: 'source', link: 'nr-a', address: A.address })
    await until(() => !entries().includes(A.address), 'the entries are gone')
    await drop({ ...route(`${B.address}/32`), link: 'nr-b' } as HostObject, {
      kind: 'link',
      name: 'nr-b',
      alias: 'net-routed',
      ipv6: true,
      proxyArp: false,
      settled: true
    })
    await until(() => !entries().includes(B.address), 'the entries are gone')
  })

  it('go with several addresses at once', async () => {
    runIn(netns, ['nft', '-f', '-'], TRACK)
    for (const address of [A.address, A.address6, B.address]) inNetns(netns, 'ping', '-n', '-c', '1', address)
    await drop(route(`${A.address}/32`), route(`${A.address6}/128`))
    await until(() => !/10\.1\.0\.2|fd00/.test(entries()), 'the entries are gone')
    expect(entries()).to.include(B.address)
  })

  it('go where the address was translated', async () => {
    runIn(netns, ['nft', '-f', '-'], TRACK)
    runIn(
      netns,
      ['sh', '-e'],
      'ip link add foreign0 type veth peer name foreign1; ip addr add 192.0.2.1/24 dev foreign0; ip link set foreign0 up; ip link set foreign1 up; ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:01 dev foreign0'
    )
    const child = spawn('ip', ['netns', 'exec', inner, 'ping', '-n', '-c', '1', '-W', '1', '192.0.2.2'])
    children.push(child)
    await until(() => entries().includes('dst=192.0.2.1'), 'a translated entry')
    await drop(route(`${A.address}/32`))
    await until(() => !entries().includes('192.0.2.2'), 'the entry is gone')
  })

  it('are not looked for where nothing is tracked', async () => {
    await drop(route(`${A.address}/32`), route('fd00::/32'))
  })
})
