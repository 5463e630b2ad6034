import { expect } from 'chai'
import type { HostChange } from '../../src/host/host.js'
import type { LinuxHost } from '../../src/host/linux/linux-host.js'
import type { HostObject, Shaper } from '../../src/host/objects.js'
import { testLink } from '../contract/test-link.js'
import { PROTOCOL, Scratch, describeAsRoot, inNetns, ip, runIn, until } from './scratch.js'

const OBJECTS: readonly HostObject[] = [
  testLink('a'),
  { kind: 'address', link: 'nr-a', address: '10.0.0.1/32' },
  { kind: 'address', link: 'nr-a', address: 'fd00::1/128' },
  { kind: 'neighbour', link: 'nr-a', address: '10.1.0.2', mac: '02:42:0a:01:00:02' },
  { kind: 'route', dst: '10.1.0.2/32', link: 'nr-a', metric: 0 },
  { kind: 'route', dst: 'fd00::2/128', link: 'nr-a', metric: 1024 },
  { kind: 'route', dst: '10.1.0.3/32', link: 'nr-a', metric: 0, table: 'local' },
  { kind: 'announcement', dst: '10.1.0.3/32' }
]

describeAsRoot('watch of linuxHost', () => {
  let scratch: Scratch
  let netns: string
  let host: LinuxHost
  let seen: HostChange[]
  let stop: () => void
  beforeEach(async () => {
    scratch = new Scratch()
    netns = scratch.netns()
    host = scratch.host(netns)
    await host.apply(OBJECTS.map((object) => ({ verb: 'add', object })))
    ip(netns, 'route add 10.1.0.9/32 dev nr-a proto 4')
    seen = []
    stop = host.watch((change) => seen.push(change))
    // The names of links that were there before must have been read: the list of them comes after that.
    await host.list(['link'])
  })
  afterEach(async () => {
    stop()
    await scratch.close()
  })

  it('tells of links that may lead out, and of default routes, of nothing else that is not ours', async () => {
    const outward = (): string[] => seen.flatMap(({ outward, kind }) => (outward ? [kind] : []))
    ip(netns, 'link add veth0 type veth peer name up0')
    await until(() => outward().includes('link'), 'a link that may lead out')
    for (const end of ['up0', 'veth0']) ip(netns, `link set ${end} up`)
    ip(netns, 'addr add 192.0.2.1/24 dev up0')
    ip(netns, 'route add 198.51.100.0/24 via 192.0.2.254')
    ip(netns, 'route add default via 192.0.2.254 mtu 1350')
    await until(() => outward().includes('route'), 'the default route')
    expect(outward().filter((kind) => kind === 'route')).to.have.length(1)
  })

  it('tells of routes of others to one address, which routing daemons take in the place of ours', async () => {
    const hidden = (): unknown[] => seen.filter(({ hides }) => hides)
    ip(netns, 'route add 10.1.0.77/32 dev nr-a proto 4 metric 5000')
    ip(netns, 'route add 10.1.0.0/24 dev nr-a proto 4')
    ip(netns, 'route add 10.1.0.77/32 dev nr-a proto 4')
    await until(() => hidden().length > 0, 'the route')
    expect(hidden()).to.deep.equal([
      { kind: 'announcement', key: 'announcement 10.1.0.77/32', gone: false, hides: true }
    ])
  })

  const disturbances: Record<string, readonly [string, HostChange]> = {
    'a deleted link': ['link del nr-a', { kind: 'link', key: 'link nr-a', gone: true }],
    'a link whose other end is deleted': ['link del nc-a', { kind: 'link', key: 'link nr-a', gone: true }],
    'a link that is set down': [
      'link set nr-a down',
      { kind: 'link', key: 'link nr-a', gone: true, runs: false }
    ],
    'a changed link': [
      'link set nr-a mtu 1300',
      { kind: 'link', key: 'link nr-a', gone: false, runs: false }
    ],
    'a link whose other end comes up': [
      'link set nc-a up',
      { kind: 'link', key: 'link nr-a', gone: false, runs: true }
    ],
    'a deleted address': [
      'addr del 10.0.0.1/32 dev nr-a',
      { kind: 'address', key: 'address 10.0.0.1/32 nr-a', gone: true }
    ],
    'a deleted IPv6 address': [
      'addr del fd00::1/128 dev nr-a',
      { kind: 'address', key: 'address fd00::1/128 nr-a', gone: true }
    ],
    'a deleted neighbour': [
      'neigh del 10.1.0.2 dev nr-a',
      { kind: 'neighbour', key: 'neighbour 10.1.0.2 nr-a', gone: true }
    ],
    'a replaced neighbour': [
      'neigh replace 10.1.0.2 dev nr-a lladdr 02:42:0a:01:00:09 nud reachable',
      { kind: 'neighbour', key: 'neighbour 10.1.0.2 nr-a', gone: true }
    ],
    'a neighbour with another MAC address': [
      'neigh replace 10.1.0.2 dev nr-a lladdr 02:42:0a:01:00:09 nud permanent',
      {
        kind: 'neighbour',
        key: 'neighbour 10.1.0.2 nr-a',
        gone: false,
        object: { kind: 'neighbour', link: 'nr-a', address: '10.1.0.2', mac: '02:42:0a:01:00:09' }
      }
    ],
    'a deleted route': ['route del 10.1.0.2/32', { kind: 'route', key: 'route 10.1.0.2/32 0', gone: true }],
    'a deleted route of the local table': [
      'route del 10.1.0.3/32 table local proto 200',
      { kind: 'route', key: 'route 10.1.0.3/32 0 local', gone: true }
    ],
    'a deleted announcement': [
      'route del blackhole 10.1.0.3/32 metric 4096',
      { kind: 'announcement', key: 'announcement 10.1.0.3/32', gone: true }
    ],
    'a deleted IPv6 route': [
      '-6 route del fd00::2/128',
      { kind: 'route', key: 'route fd00::2/128 1024', gone: true }
    ],
    "somebody else's route to one address that goes": [
      'route del 10.1.0.9/32 dev nr-a proto 4',
      { kind: 'route', key: 'route 10.1.0.9/32 0', gone: true }
    ],
    'a replaced route': [
      'route replace 10.1.0.2/32 dev lo',
      { kind: 'route', key: 'route 10.1.0.2/32 0', gone: true }
    ]
  }
  const shaper = { kind: 'shaper', link: 'nr-a', burst: 204_800, limit: 60_000, settled: true } as const
  const rates: readonly Shaper[] = [
    { ...shaper, direction: 'in', rate: 1_250_000 },
    { ...shaper, direction: 'out', rate: 625_000 }
  ]
  const goneIn: HostChange = { kind: 'shaper', key: 'shaper nr-a in', gone: true }
  const goneOut: HostChange = { kind: 'shaper', key: 'shaper nr-a out', gone: true }
  const queues: Record<string, readonly [string, HostChange]> = {
    'a deleted bucket': ['qdisc del dev nr-a root', goneIn],
    'a replaced bucket': ['qdisc replace dev nr-a root pfifo limit 10', goneIn],
    'a deleted bucket of a link beside': ['qdisc del dev ni-a root', goneOut],
    'a deleted filter': ['filter del dev nr-a parent ffff: pref 28274', goneOut],
    'all filters deleted': ['filter del dev nr-a parent ffff:', goneOut],
    'a deleted place for filters': ['qdisc del dev nr-a ingress', goneOut]
  }
  for (const [what, [command, change]] of Object.entries(queues)) {
    it(`tells of ${what}, and it can be put back`, async () => {
      const ops = rates.map((object) => ({ verb: 'add', object }) as const)
      expect([...(await host.apply(ops)).values()].map(({ message }) => message)).to.deep.equal([])
      seen.length = 0
      inNetns(netns, 'tc', ...command.split(' '))
      await until(
        () => seen.some((one) => JSON.stringify(one) === JSON.stringify(change)),
        JSON.stringify(change)
      )
      await host.apply(ops)
      expect((await host.list(['shaper'])).map((found) => ({ ...found }))).to.have.deep.members(rates)
    })
  }

  it('tells other numbers of a bucket with what they are', async () => {
    await host.apply(rates.map((object) => ({ verb: 'add', object })))
    seen.length = 0
    inNetns(
      netns,
      'tc',
      ...'qdisc change dev nr-a root handle 6e72: tbf rate 1mbit burst 32k limit 64k'.split(' ')
    )
    await until(() => seen.some(({ key }) => key === 'shaper nr-a in'), 'a change')
    const [found] = seen.filter(({ key }) => key === 'shaper nr-a in')
    expect(found).to.deep.include({ kind: 'shaper', gone: false })
    expect(found?.object).to.include({ direction: 'in', rate: 125_000, limit: 65_536, settled: true })
  })

  const marks: Record<string, string> = {
    'a deleted table of marks': 'delete table inet net-routed-marks',
    'a deleted mark': 'delete element inet net-routed-marks marks { "nr-a" }',
    'a rule that marks nothing any more': 'flush chain inet net-routed-marks dscp-46'
  }
  for (const [what, command] of Object.entries(marks)) {
    it(`tells of ${what}, and it can be put back`, async () => {
      const mark: HostObject = { kind: 'mark', link: 'nr-a', dscp: 46, settled: true }
      await host.apply([{ verb: 'add', object: mark }])
      await until(() => seen.some(({ kind }) => kind === 'mark'), 'the table that is made by a program')
      seen.length = 0
      await host.apply([{ verb: 'replace', object: { ...mark, dscp: 8 } }])
      await host.apply([{ verb: 'replace', object: mark }])
      await host.list()
      expect(seen.filter(({ kind }) => kind === 'mark')).to.deep.equal([])
      inNetns(netns, 'nft', command)
      await until(() => seen.some(({ kind }) => kind === 'mark'), 'a change')
      await host.apply([{ verb: 'replace', object: mark }])
      expect(await host.list(['mark'])).to.deep.equal([mark])
    })
  }

  for (const [what, [command, change]] of Object.entries(disturbances)) {
    it(`tells of ${what}`, async () => {
      ip(netns, command)
      await until(
        () => seen.some((one) => JSON.stringify(one) === JSON.stringify(change)),
        JSON.stringify(change)
      )
    })
  }

  const settings: Record<string, HostChange> = {
    'net.ipv4.ip_forward=0': {
      kind: 'sysctl',
      key: 'sysctl net.ipv4.ip_forward',
      gone: false,
      object: { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '0' }
    },
    'net.ipv6.conf.all.forwarding=1': {
      kind: 'sysctl',
      key: 'sysctl net.ipv6.conf.all.forwarding',
      gone: false,
      object: { kind: 'sysctl', key: 'net.ipv6.conf.all.forwarding', value: '1' }
    },
    'net.ipv4.conf.nr-a.forwarding=0': { kind: 'link', key: 'link nr-a', gone: true },
    'net.ipv4.conf.nr-a.rp_filter=1': { kind: 'link', key: 'link nr-a', gone: true }
  }
  for (const [setting, change] of Object.entries(settings)) {
    it(`tells of ${setting}`, async () => {
      inNetns(netns, 'sysctl', '-w', 'net.ipv4.ip_forward=1')
      seen.length = 0
      inNetns(netns, 'sysctl', '-w', setting)
      await until(
        () => seen.some((one) => JSON.stringify(one) === JSON.stringify(change)),
        JSON.stringify(change)
      )
    })
  }

  it('tells nothing of the settings of a link that is made', async () => {
    await host.apply([{ verb: 'add', object: testLink('b') }])
    ip(netns, 'link set nr-a down')
    await until(() => seen.some(({ gone }) => gone), 'the last change')
    expect(seen.filter(({ key, gone }) => key === 'link nr-b' && gone)).to.deep.equal([])
  })

  for (const program of ['iptables-nft', 'ip6tables-nft']) {
    it(`tells of changed rules of ${program}`, async () => {
      inNetns(netns, program, '-A', 'FORWARD', '-j', 'DROP')
      await until(() => seen.some(({ kind }) => kind === 'firewall'), 'a change')
      expect(seen.filter(({ kind }) => kind === 'firewall')).to.deep.equal([
        { kind: 'firewall', gone: false }
      ])
    })
  }

  it('tells nothing of what is not ours', async () => {
    ip(netns, 'link add veth0 type veth peer name veth1')
    ip(netns, 'link set veth0 up')
    ip(netns, 'addr add 192.0.2.1/24 dev veth0')
    ip(netns, 'route add 198.51.100.0/24 via 192.0.2.2')
    ip(netns, 'neigh add 192.0.2.7 lladdr 02:42:0a:01:00:09 dev veth0')
    inNetns(netns, 'iptables-nft', '-t', 'nat', '-A', 'POSTROUTING', '-j', 'MASQUERADE')
    ip(netns, 'link del veth0')
    ip(netns, 'link set nr-a down')
    await until(() => seen.some(({ gone }) => gone), 'the last change')
    for (const { key } of seen) expect(key).to.match(/nr-a|fd00::[12]\/128/)
  })

  it('tells that anything may have changed when it could not keep up (flaw 10)', async () => {
    const commands = Array.from(
      { length: 20_000 },
      (_, index) =>
        `route add 10.7.${String(index >> 8)}.${String(index & 255)} dev nr-a proto ${String(PROTOCOL)}`
    )
    runIn(netns, ['ip', '-batch', '-'], commands.join('\n'))
    await until(() => seen.some(({ key }) => key === undefined), 'a loss')
  })

  it('stops at once', async () => {
    stop()
    ip(netns, 'link del nr-a')
    await host.list()
    expect(seen).to.deep.equal([])
  })
})
