/** What takes more than one packet, or no packet as they should be, to get around the guard. */
import { expect } from 'chai'
import { macToBytes } from '../../src/host/linux/bytes.js'
import type { LinuxHost } from '../../src/host/linux/linux-host.js'
import type { HostObject } from '../../src/host/objects.js'
import { A, B, GATEWAY, GATEWAY6, add, forward, sourcesOf, start } from './containers.js'
import { MARKER, V4, solicitation, udp } from './contraband.js'
import { PROTOCOL, Wire, arp, fragment4, icmpv6, packet, ports, sourceRouted } from './packets.js'
import { Scratch, describeAsRoot, inNetns, ip, runIn, until } from './scratch.js'

const GUARD: HostObject = { kind: 'guard', intact: true }
const MANY = 60
const STRANGER = macToBytes('02:00:00:00:00:66')
/** As on every host with NAT: with connection tracking, fragments are put together before most hooks. */
const TRACKING = `table inet tracking {
  chain input {
    type filter hook input priority 0
    ct state new accept
  }
}`

describeAsRoot('the guard of linuxHost and tricks (flaw 3)', () => {
  let scratch: Scratch
  let netns: string
  let host: LinuxHost
  let from: Wire
  let to: Wire
  beforeEach(async () => {
    scratch = new Scratch()
    netns = scratch.netns()
    host = scratch.host(netns)
    await forward(host)
    const a = await start({ scratch, host }, A)
    const b = await start({ scratch, host }, B)
    from = new Wire(a, 'eth0', macOf('nr-a'))
    to = new Wire(b, 'eth0', macOf('nr-b'))
  })
  afterEach(async () => {
    from.close()
    to.close()
    await scratch.close()
  })

  it('a fragment in the name of another container does not end up in a packet of that one', async () => {
    runIn(netns, ['nft', '-f', '-'], TRACKING)
    const [true1, , forged2] = partsFrom(B.address)
    const attack = (): void => {
      from.send(forged2)
      settled()
      to.send(true1)
    }
    const before = unwanted()
    attack()
    await until(() => unwanted() === before + 1, 'without the guard it does')
    await guard()
    attack()
    await until(() => counter('spoofed-ipv4') === 1, 'the guard sees it')
    expect(unwanted()).to.equal(before + 1)
    const [, true2] = partsFrom(B.address)
    to.send(true2)
    await until(() => unwanted() === before + 2, 'what is right is still put together')
  })

  for (const tags of [[0], [0xe000], [0, 0]]) {
    it(`the tags ${tags.join()} of VLAN 0 hide nothing`, async () => {
      const lies = (): boolean => {
        from.send(udp({ ...V4, from: B.address }), { tags })
        return arrived()
      }
      expect(lies()).to.equal(true)
      await guard()
      expect(lies()).to.equal(false)
      expect(counter('spoofed-ipv4')).to.equal(1)
      from.send(udp(V4), { tags })
      expect(arrived()).to.equal(true)
    })
  }

  it('a VLAN leads nowhere', () => {
    from.send(udp(V4), { tags: [5] })
    expect(arrived()).to.equal(false)
  })

  it('ARP of another kind, which the kernel takes for its own, is looked at too', async () => {
    runIn(netns, ['sysctl', '-w', 'net.ipv4.conf.nr-a.arp_accept=1'], '')
    const lie = arp('reply', A.mac, { from: '10.1.0.3', to: GATEWAY, hardware: 6 })
    from.send(lie)
    await until(() => neighbours('nr-a').includes('10.1.0.3'), 'without the guard it is believed')
    ip(netns, 'neigh del 10.1.0.3 dev nr-a')
    await guard()
    from.send(lie)
    await until(() => counter('spoofed-arp') === 1, 'the guard sees it')
    expect(neighbours('nr-a')).to.not.include('10.1.0.3')
  })

  it('another MAC address changes nothing at the host', async () => {
    await guard()
    const before = neighbours('nr-a')
    from.send(arp('reply', '02:00:00:00:00:66', { from: A.address, to: GATEWAY }), { from: STRANGER })
    from.send(arp('request', '02:00:00:00:00:66', { from: A.address, to: GATEWAY }), { from: STRANGER })
    from.send(icmpv6(A.address6, 'ff02::1:ff00:1', [135, solicitation(GATEWAY6)]), { from: STRANGER })
    from.send(udp(V4), { from: STRANGER })
    expect(arrived()).to.equal(true)
    expect(neighbours('nr-a')).to.equal(before)
  })

  const floods: Record<string, (index: number) => Buffer> = {
    'made-up senders of ARP': (index) =>
      arp('request', A.mac, { from: `10.7.0.${String(index)}`, to: GATEWAY }),
    'made-up link-local addresses': (index) =>
      icmpv6(`fe80::7:${String(index)}`, 'ff02::1:ff00:1', [135, solicitation(GATEWAY6)]),
    'questions of made-up hosts for a router': (index) =>
      icmpv6(`fe80::8:${String(index)}`, 'ff02::2', [133, Buffer.of(0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1)]),
    'packets to made-up link-local addresses': (index) =>
      udp({ from: A.address6, to: `fe80::9:${String(index)}` })
  }
  for (const [what, packetAt] of Object.entries(floods)) {
    it(`the host's neighbour table does not grow by ${what}`, async () => {
      runIn(netns, ['sysctl', '-w', 'net.ipv4.conf.nr-a.arp_accept=1'], '')
      const flood = (): void => {
        sendAll(Array.from({ length: MANY }, (_, index) => packetAt(index + 1)))
      }
      ip(netns, 'route add 10.7.0.0/16 dev nr-b')
      flood()
      await until(() => countOf(neighbours('nr-a')) >= MANY, 'without the guard it does')
      ip(netns, 'neigh flush dev nr-a nud all')
      await guard()
      settled()
      const before = countOf(neighbours('nr-a'))
      flood()
      expect(countOf(neighbours('nr-a'))).to.equal(before)
    })
  }

  it('a packet does not choose its way, also where the host would let it', () => {
    runIn(netns, ['sysctl', '-w', 'net.ipv4.conf.all.accept_source_route=1'], '')
    const wayward = sourceRouted(udp({ from: A.address, to: GATEWAY }), B.address)
    const passes = (): boolean => {
      from.send(wayward)
      return arrived()
    }
    expect(passes()).to.equal(false)
    runIn(netns, ['sysctl', '-w', 'net.ipv4.conf.nr-a.accept_source_route=1'], '')
    expect(passes()).to.equal(true)
  })

  function guard(): Promise<void> {
    return add(host, [GUARD, ...sourcesOf(A, B)])
  }

  function sendAll(packets: readonly Buffer[]): void {
    for (const bytes of packets) from.send(bytes)
    settled()
  }

  /** Until what was sent has been handled: it is, when something that was sent later has come back. */
  function settled(): void {
    inNetns(netns, 'ping', '-n', '-c', '1', '-W', '1', A.address)
  }

  function arrived(): boolean {
    inNetns(netns, 'ping', '-n', '-c', '1', '-W', '1', B.address)
    return to.seen().includes(MARKER)
  }

  function macOf(link: string): string {
    return /ether (\S+)/.exec(ip(netns, `link show ${link}`))?.[1] ?? ''
  }

  function neighbours(link: string): string {
    return ip(netns, `neigh show dev ${link}`)
  }

  function counter(name: string): number {
    const output = inNetns(netns, 'nft', 'list', 'counters')
    return Number(new RegExp(`counter ${name} \\{\\s+packets (\\d+)`).exec(output)?.[1])
  }

  /** Datagrams for which the host has no program. */
  function unwanted(): number {
    const output = inNetns(netns, 'nstat', '-asz', 'UdpNoPorts')
    return Number(/UdpNoPorts\s+(\d+)/.exec(output)?.[1])
  }
})

/** A datagram to the host in two parts, and another second part that fits. */
function partsFrom(address: string): [Buffer, Buffer, Buffer] {
  const addresses = { from: address, to: GATEWAY }
  const whole = packet({ ...addresses, protocol: PROTOCOL.UDP }, ports(40000, 7777, 'true'.repeat(4)))
  const forged = Buffer.from(whole)
  forged.write('lie'.repeat(2), whole.length - 8)
  return [fragment4(whole, 0, 16), fragment4(whole, 16), fragment4(forged, 16)]
}

function countOf(lines: string): number {
  return lines.split('\n').filter((line) => line !== '').length
}
