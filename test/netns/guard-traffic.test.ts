import { spawn } from 'node:child_process'
import { expect } from 'chai'
import type { LinuxHost } from '../../src/host/linux/linux-host.js'
import type { HostObject } from '../../src/host/objects.js'
import { A, B, GATEWAY, add, forward, sourcesOf, start } from './containers.js'
import {
  ALL_NODES,
  CONTRABAND,
  LINK_LOCAL,
  MARKER,
  NOISE,
  V4,
  V6,
  advertisement,
  routerAdvertisement,
  udp
} from './contraband.js'
import { Wire, arp, icmpv6 } from './packets.js'
import { Scratch, describeAsRoot, inNetns, ip, runIn, until } from './scratch.js'

const GUARD: HostObject = { kind: 'guard', intact: true }
/** Counts what reaches a port of the host itself. */
const PROBE = `table inet probe {
  counter hits {
  }
  chain input {
    type filter hook input priority 0
    udp dport 9999 counter name hits
  }
}`

describeAsRoot('the guard of linuxHost and traffic', () => {
  let scratch: Scratch
  let netns: string
  let host: LinuxHost
  let a: string
  let b: string
  let from: Wire
  let to: Wire
  beforeEach(async () => {
    scratch = new Scratch()
    netns = scratch.netns()
    host = scratch.host(netns)
    await forward(host)
    a = await start({ scratch, host }, A)
    b = await start({ scratch, host }, B)
    const [, mac = ''] = /ether (\S+)/.exec(ip(netns, 'link show nr-a')) ?? []
    from = new Wire(a, 'eth0', mac)
    to = new Wire(b, 'eth0', mac)
  })
  afterEach(async () => {
    from.close()
    to.close()
    await scratch.close()
  })

  it('lets pass what only the guard keeps back, where there is no guard', () => {
    for (const [what, [, bytes]] of Object.entries(CONTRABAND)) expect(arrives(bytes), what).to.equal(true)
  })

  it('keeps back what pretends and what routes (flaw 3, flaw 9)', async () => {
    await guard()
    const expected = counters()
    for (const [what, [counter, bytes]] of Object.entries(CONTRABAND)) {
      expect(arrives(bytes), what).to.equal(false)
      expected[counter] = (expected[counter] ?? NaN) + 1
      expect(counters(), what).to.deep.equal(expected)
    }
    expect(Object.fromEntries(await host.dropped())).to.deep.equal(expected)
  }).timeout(30_000)

  it('keeps back what should not even reach the host', async () => {
    await guard()
    for (const [what, [counter, bytes]] of Object.entries(NOISE)) {
      const before = counters()[counter] ?? NaN
      from.send(bytes)
      await until(() => counters()[counter] === before + 1, what)
    }
  })

  it('a router advertisement makes no route (flaw 1)', async () => {
    runIn(netns, ['sysctl', '-w', 'net.ipv6.conf.nr-a.accept_ra=2'], '')
    const hasRoute = (): boolean => ip(netns, '-6 route show default').includes('proto ra')
    from.send(routerAdvertisement())
    await until(hasRoute, 'without the guard it does')
    ip(netns, '-6 route flush proto ra')
    await guard()
    from.send(routerAdvertisement())
    await until(() => counters()['router-advertisement'] === 1, 'the guard sees it')
    expect(hasRoute()).to.equal(false)
  })

  for (const what of ['request', 'reply'] as const) {
    it(`an ARP ${what} from a foreign address makes no neighbour (flaw 3)`, async () => {
      runIn(netns, ['sysctl', '-w', 'net.ipv4.conf.nr-a.arp_accept=1'], '')
      const lie = arp(what, A.mac, { from: '10.1.0.3', to: GATEWAY })
      const hasEntry = (): boolean => ip(netns, 'neigh show dev nr-a').includes('10.1.0.3')
      from.send(lie)
      await until(hasEntry, 'without the guard it does')
      ip(netns, 'neigh del 10.1.0.3 dev nr-a')
      await guard()
      from.send(lie)
      await until(() => counters()['spoofed-arp'] === 1, 'the guard sees it')
      expect(hasEntry()).to.equal(false)
      from.send(arp(what, A.mac, { from: A.address, to: GATEWAY }))
      inNetns(a, 'ping', '-c', '1', '-W', '1', GATEWAY)
      expect(counters()['spoofed-arp']).to.equal(1)
    })
  }

  it('nothing reaches the loopback addresses of the host, not even where it routes them (flaw 7)', async () => {
    runIn(netns, ['nft', '-f', '-'], PROBE)
    const hits = (): number | undefined => counters('probe')['hits']
    const packets = [
      udp({ from: A.address, to: '127.0.0.1' }, 9999),
      udp({ from: A.address6, to: '::1' }, 9999)
    ]
    const send = (): void => {
      for (const bytes of packets) from.send(bytes)
      expect(arrives(udp(V4))).to.equal(true)
    }
    send()
    expect(hits()).to.equal(0)
    runIn(netns, ['sysctl', '-w', 'net.ipv4.conf.nr-a.route_localnet=1'], '')
    send()
    expect(hits()).to.equal(1)
    await guard()
    send()
    expect(hits()).to.equal(1)
    expect(counters()['loopback-destination']).to.equal(1)
  })

  it('lets pass everything that a container may send, and drops nothing of it', async () => {
    await guard()
    for (const address of [GATEWAY, B.address, B.address6]) {
      inNetns(a, 'ping', '-n', '-c', '2', '-i', '0.01', '-W', '1', address)
      inNetns(a, 'ping', '-n', '-c', '1', '-W', '1', '-s', '5000', address)
    }
    for (const address of [B.address, B.address6]) await talk(address)
    expect(arrives(udp(V4))).to.equal(true)
    expect(arrives(udp(V6))).to.equal(true)
    expect(dropped()).to.deep.equal({})
  })

  it('lets pass neighbour discovery and the search for duplicates', async () => {
    await guard()
    await add(host, sourcesOf({ ...A, address: '10.1.0.9', address6: 'fd00::9' }))
    await add(host, [
      { kind: 'route', dst: 'fd00::9/128', link: 'nr-a', metric: 1024 },
      { kind: 'route', dst: '10.1.0.9/32', link: 'nr-a', metric: 0 }
    ])
    ip(a, 'addr add fd00::9/128 dev eth0')
    ip(a, 'addr add 10.1.0.9/32 dev eth0')
    await until(() => !ip(a, '-6 addr show dev eth0').includes('tentative'), 'the address is unique')
    expect(ip(a, '-6 addr show dev eth0')).to.not.include('dadfailed')
    // There is no permanent neighbour for the second addresses: the host asks.
    expect(inNetns(netns, 'ping', '-n', '-c', '1', '-W', '1', 'fd00::9')).to.include('1 received')
    expect(inNetns(netns, 'ping', '-n', '-c', '1', '-W', '1', '10.1.0.9')).to.include('1 received')
    expect(inNetns(a, 'ping', '-n', '-c', '1', '-W', '1', '-I', 'fd00::9', B.address6)).to.include(
      '1 received'
    )
    from.send(arp('request', A.mac, { from: '10.1.0.9', to: '10.1.0.9' }))
    from.send(icmpv6('fd00::9', ALL_NODES, [136, advertisement('fd00::9')]))
    from.send(icmpv6(LINK_LOCAL, ALL_NODES, [136, advertisement(LINK_LOCAL)]))
    expect(arrives(udp(V4))).to.equal(true)
    expect(dropped()).to.deep.equal({})
  })

  it('allows an address until its source is deleted', async () => {
    await guard()
    expect(arrives(udp(V4))).to.equal(true)
    const object: HostObject = { kind: 'source', link: 'nr-a', address: A.address }
    await host.apply([{ verb: 'delete', object }])
    expect(arrives(udp(V4))).to.equal(false)
    expect(arrives(udp(V6))).to.equal(true)
    await add(host, [object])
    expect(arrives(udp(V4))).to.equal(true)
  })

  it('leaves alone what does not come from containers', async () => {
    ip(netns, 'link add foreign0 type veth peer name foreign1')
    ip(netns, `link set foreign1 netns ${b}`)
    ip(netns, 'addr add 192.0.2.1/24 dev foreign0')
    ip(netns, 'link set foreign0 up')
    ip(b, 'addr add 192.0.2.2/24 dev foreign1')
    ip(b, 'link set foreign1 up')
    await guard()
    expect(inNetns(netns, 'ping', '-n', '-c', '1', '-W', '1', '192.0.2.2')).to.include('1 received')
  })

  const breakages: Record<string, readonly string[]> = {
    'one of its chains is emptied': ['flush', 'chain', 'inet', 'net-routed', 'from-icmpv6'],
    'its ARP table is deleted': ['delete', 'table', 'arp', 'net-routed'],
    'everything is flushed': ['flush', 'ruleset']
  }
  for (const [what, command] of Object.entries(breakages)) {
    it(`is repaired without loss when ${what} (flaw 6)`, async () => {
      const many = manySources(500)
      await add(host, [GUARD, ...sourcesOf(A, B), ...many])
      const probe = spawn('ip', [
        'netns',
        'exec',
        a,
        'ping',
        '-n',
        '-q',
        '-i',
        '0.001',
        '-c',
        '1500',
        B.address
      ])
      let output = ''
      probe.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
      const isOver = new Promise((resolve) => probe.on('close', resolve))
      for (let round = 0; round < 5; round++) {
        inNetns(netns, 'nft', ...command)
        await add(host, [GUARD, ...sourcesOf(A, B), ...many])
        expect(await host.list(['guard'])).to.deep.equal([GUARD])
      }
      await isOver
      expect(output).to.include('1500 received')
    }).timeout(20_000)
  }

  it('lets nothing slip through while it is made anew', async () => {
    await add(host, [GUARD, ...sourcesOf(A, B), ...manySources(500)])
    const spoofed = udp({ ...V4, from: B.address })
    let sent = 0
    for (let round = 0; round < 5; round++) {
      inNetns(netns, 'nft', 'flush', 'chain', 'inet', 'net-routed', 'from-icmpv6')
      const repair = { isDone: false }
      const repaired = host.apply([{ verb: 'replace', object: GUARD }]).finally(() => (repair.isDone = true))
      while (!repair.isDone) {
        for (let count = 0; count < 50; count++) from.send(spoofed)
        sent += 50
        await new Promise(setImmediate)
      }
      await repaired
    }
    inNetns(netns, 'ping', '-n', '-c', '1', '-W', '1', B.address)
    expect(to.seen()).to.not.include(MARKER)
    expect(sent).to.be.above(200)
    expect(arrives(udp(V4))).to.equal(true)
    expect(await host.list(['guard'])).to.deep.equal([GUARD])
  }).timeout(20_000)

  function guard(): Promise<void> {
    return add(host, [GUARD, ...sourcesOf(A, B)])
  }

  /** Sends a packet and then one that certainly arrives. True if the first did too. */
  function arrives(bytes: Buffer): boolean {
    to.seen()
    from.send(bytes)
    inNetns(netns, 'ping', '-n', '-c', '1', '-W', '1', B.address)
    return to.seen().includes(MARKER)
  }

  function counters(table = 'net-routed'): Record<string, number> {
    const output = inNetns(netns, 'nft', 'list', 'ruleset')
    const parts = output.split(/^table /m).filter((part) => part.split(' ')[1] === table)
    const found = parts.join('').matchAll(/counter (\S+) \{\s+packets (\d+)/g)
    return Object.fromEntries(Array.from(found, ([, name = '', packets = '']) => [name, Number(packets)]))
  }

  function dropped(): Record<string, number> {
    return Object.fromEntries(Object.entries(counters()).filter(([, packets]) => packets > 0))
  }

  /** One question and one answer over TCP. */
  async function talk(address: string): Promise<void> {
    const server = spawn('ip', ['netns', 'exec', b, 'nc', '-l', address, '5000'])
    server.stdin.end('answer')
    let heard = ''
    server.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()))
    const isOver = new Promise((resolve) => server.on('close', resolve))
    await until(() => inNetns(b, 'ss', '-Hltn').includes(':5000'), 'it listens')
    expect(runIn(a, ['nc', '-N', '-w', '2', address, '5000'], 'question')).to.equal('answer')
    await isOver
    expect(heard).to.equal('question')
  }
})

function manySources(count: number): HostObject[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'source',
    link: `nr-${String(index)}`,
    address: `10.9.${String(index >> 8)}.${String(index & 255)}`
  }))
}
