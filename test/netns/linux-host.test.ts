import { createServer } from 'node:net'
import { expect } from 'chai'
import { withNetns } from '../../src/host/linux/netns.js'
import type { LinuxHost } from '../../src/host/linux/linux-host.js'
import type { HostObject, Link } from '../../src/host/objects.js'
import { MARK, SHAPER } from '../contract/rate-contract.js'
import { testLink } from '../contract/test-link.js'
import { PROTOCOL, Scratch, describeAsRoot, inNetns, ip, pathOf } from './scratch.js'

describeAsRoot('linuxHost', () => {
  let scratch: Scratch
  let netns: string
  let host: LinuxHost
  beforeEach(() => {
    scratch = new Scratch()
    netns = scratch.netns()
    host = scratch.host(netns)
  })
  afterEach(() => scratch.close())
  const add = async (...objects: readonly HostObject[]): Promise<string[]> => {
    const failed = await host.apply(objects.map((object) => ({ verb: 'add', object })))
    return [...failed.values()].map(({ message }) => message)
  }
  const link = async (): Promise<Link | undefined> => {
    const [found] = await host.list(['link'])
    return found?.kind === 'link' ? found : undefined
  }

  it('tells what processes of the host listen on, for IPv4 and IPv6', async () => {
    const server = withNetns(pathOf(netns), () => createServer().listen(8080))
    try {
      const listeners = ['0.0.0.0', '::'].map((address) => ({ protocol: 'tcp', address, port: 8080 }))
      expect(await host.listeners()).to.have.deep.members(listeners)
    } finally {
      server.close()
    }
    expect(await host.listeners()).to.deep.equal([])
  })

  const rateDrifts: Record<string, readonly (readonly string[])[]> = {
    'that nothing leads to': [['tc', 'filter', 'del', 'dev', 'nr-a', 'ingress']],
    'whose link is down': [['ip', 'link', 'set', 'ni-a', 'down']],
    'without a bucket': [['tc', 'qdisc', 'del', 'dev', 'ni-a', 'root']],
    'that other filters come before': [
      ['tc', 'qdisc', 'del', 'dev', 'nr-a', 'ingress'],
      ['tc', 'qdisc', 'add', 'dev', 'nr-a', 'ingress']
    ]
  }
  for (const [what, commands] of Object.entries(rateDrifts)) {
    it(`lists a rate ${what} as unsettled, and settles it`, async () => {
      const out: HostObject = { ...SHAPER, direction: 'out' }
      const found = async (): Promise<HostObject | undefined> => (await host.list(['shaper']))[0]
      expect(await add(testLink('a'), out)).to.deep.equal([])
      for (const command of commands) inNetns(netns, ...command)
      expect(await found()).to.include({ direction: 'out', settled: false })
      await host.apply([{ verb: 'replace', object: out }])
      expect(await found()).to.deep.equal(out)
    })
  }

  it('lists no bucket of somebody else, and puts ours in its place', async () => {
    await add(testLink('a'))
    inNetns(netns, ...'tc qdisc add dev nr-a root tbf rate 1mbit burst 32k limit 64k'.split(' '))
    expect(await host.list(['shaper'])).to.deep.equal([])
    expect(await add(SHAPER)).to.deep.equal([])
    expect(await host.list(['shaper'])).to.deep.equal([SHAPER])
  })

  it('refuses to lead packets through a link of somebody else', async () => {
    ip(netns, 'link add ni-a type ifb')
    ip(netns, 'link set ni-a alias mine')
    expect(await add(testLink('a'), { ...SHAPER, direction: 'out' })).to.deep.equal([
      'cannot add rate of 1261667 bytes/s from nr-a: EEXIST: there is a link ni-a that is not ours'
    ])
    await host.apply([{ verb: 'delete', object: { ...SHAPER, direction: 'out' } }])
    expect(ip(netns, 'link show ni-a')).to.include('mine')
  })

  it('lists marks of a table that somebody has changed as unsettled, and makes it anew', async () => {
    await add(MARK)
    inNetns(netns, ...'nft flush chain inet net-routed-marks dscp-46'.split(' '))
    expect(await host.list(['mark'])).to.deep.equal([{ ...MARK, settled: false }])
    await host.apply([{ verb: 'replace', object: MARK }])
    expect(await host.list(['mark'])).to.deep.equal([MARK])
  })

  const drifts: Record<string, readonly string[]> = {
    'is down': ['ip', 'link', 'set', 'nr-a', 'down'],
    'does not forward': ['sysctl', '-w', 'net.ipv4.conf.nr-a.forwarding=0'],
    'has a strict reverse path filter': ['sysctl', '-w', 'net.ipv4.conf.nr-a.rp_filter=1'],
    'follows source routes': ['sysctl', '-w', 'net.ipv4.conf.nr-a.accept_source_route=1'],
    'sends redirects': ['sysctl', '-w', 'net.ipv4.conf.nr-a.send_redirects=1'],
    'makes link-local addresses': ['sysctl', '-w', 'net.ipv6.conf.nr-a.addr_gen_mode=0'],
    'delays its ARP answers': ['sysctl', '-w', 'net.ipv4.neigh.nr-a.proxy_delay=80']
  }
  for (const [what, command] of Object.entries(drifts)) {
    it(`lists a link that ${what} as unsettled, and settles it`, async () => {
      const desired = testLink('a', { proxyArp: true })
      expect(await add(desired)).to.deep.equal([])
      expect((await link())?.settled).to.equal(true)
      inNetns(netns, ...command)
      expect((await link())?.settled).to.equal(false)
      await host.apply([{ verb: 'replace', object: desired }])
      expect((await link())?.settled).to.equal(true)
    })
  }

  it('makes links with one queue per end, the MTU at both, and the MAC address at the other', async () => {
    await add(testLink('a', { mtu: 1234 }))
    for (const name of ['nr-a', 'nc-a']) {
      const shown = ip(netns, `-d link show ${name}`)
      expect(shown).to.include('mtu 1234').and.include('numtxqueues 1 numrxqueues 1')
    }
    expect(ip(netns, 'link show nc-a')).to.include('02:42:0a:01:00:02')
  })

  it('gives a link no link-local address by itself', async () => {
    await add(testLink('a'), testLink('b', { ipv6: false }))
    ip(netns, 'link set nc-a up')
    ip(netns, 'link set nc-b up')
    expect(ip(netns, '-6 addr show dev nr-a') + ip(netns, '-6 addr show dev nr-b')).to.equal('')
  })

  it('makes a link that believes no router advertisements, also where all others do (flaw 1)', async () => {
    inNetns(netns, 'sysctl', '-w', 'net.ipv6.conf.default.accept_ra=2')
    expect(await add(testLink('a'))).to.deep.equal([])
    expect(inNetns(netns, 'sysctl', '-n', 'net.ipv6.conf.nr-a.accept_ra')).to.equal('0\n')
  })

  it('takes over a link that a crash has left unmarked', async () => {
    ip(netns, `link add nr-a group ${String(0x6e720000)} type veth peer name nc-a`)
    expect(await link()).to.include({ name: 'nr-a', alias: '', settled: false })
    expect(await add(testLink('a'))).to.deep.equal([])
    expect(await link()).to.include({ alias: 'net-routed endpoint a', settled: true })
    expect(ip(netns, 'link show nr-a')).to.include('group default')
  })

  it('says whose the name of a link is, and leaves it alone (flaw 13)', async () => {
    ip(netns, 'link add nr-a type veth peer name other')
    ip(netns, 'link set nr-a alias theirs')
    expect(await add(testLink('a'))).to.deep.equal([
      'cannot add link nr-a: EEXIST: there is a veth link with alias "theirs" of that name that is not ours'
    ])
    expect(ip(netns, 'link show nr-a')).to.include('alias theirs').and.include('group default')
  })

  it('says that the name of the other end is taken', async () => {
    ip(netns, 'link add nc-a type veth peer name other')
    const [message] = await add(testLink('a'))
    expect(message)
      .to.include('cannot add link nr-a: EEXIST')
      .and.include('the name nc-a of the other end is taken')
  })

  it('shows the route that is in the way', async () => {
    ip(netns, 'link add foreign0 type veth peer name foreign1')
    ip(netns, 'addr add 192.0.2.1/24 dev foreign0')
    ip(netns, 'link set foreign0 up')
    ip(netns, 'route add 10.1.0.2/32 via 192.0.2.9 proto bgp')
    expect(
      await add(testLink('a'), { kind: 'route', dst: '10.1.0.2/32', link: 'nr-a', metric: 0 })
    ).to.deep.equal([
      'cannot add route 10.1.0.2/32 dev nr-a metric 0: EEXIST: there is 10.1.0.2/32 via 192.0.2.9 dev foreign0 proto bgp metric 0'
    ])
  })

  it('lists nothing, and without complaint, where not even a route exists', async () => {
    const bare = scratch.host(scratch.netns({ isBare: true }))
    expect((await bare.list()).filter(({ kind }) => kind !== 'sysctl')).to.deep.equal([])
    expect(await bare.facts()).to.deep.include({ addresses: [], connected: [] })
  })

  it('does not list what others have put on their links with our number', async () => {
    ip(netns, 'link add foreign0 type veth peer name foreign1')
    ip(netns, 'link set foreign0 up')
    ip(netns, `route add 10.1.0.2/32 dev foreign0 proto ${String(PROTOCOL)}`)
    ip(netns, `neigh add 10.1.0.2 dev foreign0 lladdr 02:42:0a:01:00:09 protocol ${String(PROTOCOL)}`)
    expect(await host.list(['link', 'address', 'neighbour', 'route'])).to.deep.equal([])
  })

  it('refuses to put anything on a link that is not ours', async () => {
    ip(netns, 'link add foreign0 type veth peer name foreign1')
    ip(netns, 'addr add 192.0.2.1/24 dev foreign0')
    const [message] = await add({ kind: 'address', link: 'foreign0', address: '10.0.0.1/32' })
    expect(message).to.equal('cannot add address 10.0.0.1/32 dev foreign0: EPERM: foreign0 is not ours')
    await host.apply([
      { verb: 'delete', object: { kind: 'address', link: 'foreign0', address: '192.0.2.1/24' } }
    ])
    expect(ip(netns, 'addr show foreign0')).to.include('192.0.2.1/24')
  })

  it('says what to do about a sysctl that does not exist', async () => {
    expect(await add({ kind: 'sysctl', key: 'net.ipv4.no_such_thing', value: '1' })).to.deep.equal([
      'cannot add sysctl net.ipv4.no_such_thing=1: ENOENT: there is no net.ipv4.no_such_thing on this host'
    ])
  })

  it('knows uplinks, addresses and subnets of the host', async () => {
    expect(await host.facts()).to.not.have.property('uplinkMtu')
    await add(testLink('a'), { kind: 'address', link: 'nr-a', address: '10.0.0.1/32' })
    for (const [name, mtu, address] of [
      ['up0', 1450, '192.0.2.1/24'],
      ['up1', 1300, '198.51.100.1/24'],
      ['docker0', 1200, '172.17.0.1/16']
    ] as const) {
      ip(netns, `link add ${name} mtu ${String(mtu)} type veth peer name p-${name}`)
      ip(netns, `link set ${name} up`)
      ip(netns, `link set p-${name} up`)
      ip(netns, `addr add ${address} dev ${name}`)
    }
    ip(netns, '-6 addr add 2001:db8::1/64 dev up0 nodad')
    const facts = await host.facts()
    expect(facts.uplinkMtu).to.equal(1300)
    expect(facts.addresses)
      .to.include.members(['192.0.2.1', '198.51.100.1', '2001:db8::1'])
      .and.not.include('10.0.0.1')
    expect(facts.connected).to.have.members([
      '192.0.2.0/24',
      '198.51.100.0/24',
      '172.17.0.0/16',
      '2001:db8::/64'
    ])
    ip(netns, 'route add 203.0.113.0/24 via 198.51.100.2')
    expect((await host.facts()).uplinkMtu).to.equal(1300)
    ip(netns, 'route add default via 192.0.2.2')
    expect((await host.facts()).uplinkMtu).to.equal(1450)
    expect((await host.facts()).routeMtus).to.deep.equal({})
    ip(netns, 'route add 203.0.114.0/24 via 192.0.2.2 mtu 1280')
    ip(netns, '-6 route add 2001:db8:1::/48 via 2001:db8::2 advmss 1220')
    expect(await host.facts()).to.deep.include({
      uplinkMtu: 1450,
      routeMtus: { '203.0.114.0/24': 1280, '2001:db8:1::/48': 1280 }
    })
    ip(netns, 'route change default via 192.0.2.2 mtu 1350')
    expect((await host.facts()).uplinkMtu).to.equal(1350)
  })
})
