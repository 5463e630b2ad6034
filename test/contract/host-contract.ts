/** What every Host must do. Run against FakeHost in memory and against LinuxHost in a scratch namespace. */
import { expect } from 'chai'
import type { Host } from '../../src/host/host.js'
import { UPLINK_SYSCTLS, keyOf } from '../../src/host/objects.js'
import { applied, expected, opsOf, ours } from './host-checks.js'
import { GUARD, SOURCE, SOURCE6, guards } from './guard-contract.js'
import { testLink } from './test-link.js'
import { starts } from './start-contract.js'
import { POLICER, POLICIES, policies } from './policy-contract.js'
import { PORTS, PUBLISHER, ports } from './port-contract.js'
import { MARK, SHAPER, rates } from './rate-contract.js'
import type { Announcement, Firewall } from '../../src/host/objects.js'
import type { HostObject, Link, Proxy, Route, Sysctl } from '../../src/host/objects.js'

/** A host with nothing of ours on it. */
export interface HostUnderTest {
  readonly host: Host
  /** Makes an object behind the host's back that belongs to somebody else; a route then leads through a link of theirs. */
  addForeign(object: Link | Route): void | Promise<void>
  /** True if that object is still there. */
  hasForeign(object: Link | Route): boolean | Promise<boolean>
  /** Brings up the other end of a link that the host has made. */
  start(link: Link): void | Promise<void>
  close(): void | Promise<void>
}

const FORWARDING: Sysctl = { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' }
const FIREWALL: Firewall = { kind: 'firewall', family: 4, intact: true }
const ANNOUNCEMENT: Announcement = { kind: 'announcement', dst: '10.1.0.2/32' }
const ANNOUNCEMENT6: Announcement = { kind: 'announcement', dst: 'fd00::2/128' }
const PROXY: Proxy = { kind: 'proxy', device: 'lo', address: 'fd00::2' }
/** What does not live on the link, though the sources name it. */
const BESIDE: readonly HostObject[] = [
  FIREWALL,
  GUARD,
  PUBLISHER,
  POLICER,
  SOURCE,
  SOURCE6,
  ANNOUNCEMENT,
  ANNOUNCEMENT6,
  PROXY,
  ...PORTS,
  MARK,
  ...POLICIES
]
const ROUTE: Route = { kind: 'route', dst: '10.1.0.2/32', link: 'nr-a', metric: 0 }
const ROUTE6: Route = { kind: 'route', dst: 'fd00::2/128', link: 'nr-a', metric: 1024 }
const ON_LINK: readonly HostObject[] = [
  { kind: 'address', link: 'nr-a', address: '10.0.0.1/32' },
  { kind: 'address', link: 'nr-a', address: 'fe80::1/64' },
  { kind: 'address', link: 'nr-a', address: 'fd00::1/128' },
  { kind: 'neighbour', link: 'nr-a', address: '10.1.0.2', mac: '02:42:0a:01:00:02' },
  { kind: 'neighbour', link: 'nr-a', address: 'fd00::2', mac: '02:42:0a:01:00:02' },
  ROUTE,
  ROUTE6,
  { kind: 'loopback', link: 'nr-a' },
  SHAPER,
  { ...ROUTE, table: 'local' },
  { ...ROUTE6, table: 'local' }
]
const ALL: readonly HostObject[] = [FORWARDING, ...BESIDE, testLink('a'), ...ON_LINK]

/** Declares the tests. `open` is called before each. */
export function hostContract(name: string, open: () => HostUnderTest | Promise<HostUnderTest>): void {
  describe(`${name} as a Host`, () => {
    let opened: HostUnderTest
    beforeEach(async () => {
      opened = await open()
    })
    afterEach(() => opened.close())
    roundTrips(() => opened.host)
    repeats(() => opened.host)
    deletes(() => opened.host)
    replaces(() => opened.host)
    failures(() => opened.host)
    starts(() => opened)
    guards(() => opened.host)
    ports(() => opened.host)
    rates(() => opened.host)
    policies(() => opened.host)
    foreigners(() => opened)
  })
}

function roundTrips(host: () => Host): void {
  describe('lists exactly what was applied', () => {
    const variants: Record<string, readonly HostObject[]> = {
      'an announcement of many addresses': [{ kind: 'announcement', dst: '10.1.0.64/26' }],
      'an object of every kind': ALL,
      'a link without IPv6': [testLink('a', { ipv6: false })],
      'a link with proxy ARP': [testLink('a', { proxyArp: true })],
      'several links': ['a', 'b', 'c'].map((id) => testLink(id, { ipv6: id === 'b' })),
      nothing: []
    }
    for (const [what, objects] of Object.entries(variants)) {
      it(what, async () => {
        await applied(host(), 'add', objects)
        expect(await ours(host())).to.deep.equal(expected(objects))
      })
    }

    it('of the kinds that were asked for', async () => {
      await applied(host(), 'add', ALL)
      expect((await host().list(['route'])).map(keyOf).sort()).to.deep.equal(
        ON_LINK.filter(({ kind }) => kind === 'route')
          .map(keyOf)
          .sort()
      )
      expect(await host().list(['announcement'])).to.have.deep.members([ANNOUNCEMENT, ANNOUNCEMENT6])
      expect((await host().list(['sysctl'])).every(({ kind }) => kind === 'sysctl')).to.equal(true)
      expect(await host().list(['guard'])).to.deep.equal([GUARD])
      expect((await host().list(['source'])).map(keyOf).sort()).to.deep.equal([SOURCE, SOURCE6].map(keyOf))
      expect(await host().list([])).to.deep.equal([])
    })

    it('and the known sysctls always', async () => {
      const ofLink: Sysctl = { ...FORWARDING, key: UPLINK_SYSCTLS.proxyNdp('lo') }
      await applied(host(), 'add', [FORWARDING, ofLink])
      expect(await host().list(['sysctl'])).to.deep.include.members([FORWARDING, ofLink])
      expect((await host().facts()).sysctls).to.include({ 'net.ipv4.ip_forward': '1' })
    })
  })
}

function repeats(host: () => Host): void {
  it('adds what is there', async () => {
    await applied(host(), 'add', ALL)
    await applied(host(), 'add', ALL)
    expect(await ours(host())).to.deep.equal(expected(ALL))
  })

  it('can make again what it has just deleted', async () => {
    await applied(host(), 'add', ALL)
    await applied(host(), 'delete', [testLink('a')])
    await applied(host(), 'add', ALL)
    expect(await ours(host())).to.deep.equal(expected(ALL))
  })

  it('adopts a link that is there', async () => {
    await applied(host(), 'add', ALL)
    const { veth: _veth, ...adopted } = testLink('a', { proxyArp: true })
    await applied(host(), 'replace', [adopted])
    expect(await ours(host())).to.deep.equal(
      expected(ALL.map((object) => (object.kind === 'link' ? adopted : object)))
    )
  })
}

function deletes(host: () => Host): void {
  it('deletes what is gone', async () => {
    await applied(host(), 'add', ALL)
    await applied(host(), 'delete', ALL.toReversed())
    await applied(host(), 'delete', ALL.toReversed())
    expect(await ours(host())).to.deep.equal([])
  })

  it('deletes one by one, and then again what has no link any more', async () => {
    await applied(host(), 'add', ALL)
    for (const object of ALL.toReversed()) await applied(host(), 'delete', [object])
    for (const object of ON_LINK) await applied(host(), 'delete', [object])
    expect(await ours(host())).to.deep.equal([])
  })

  it('deletes with a link what lives on it', async () => {
    await applied(host(), 'add', [...ALL, testLink('b')])
    await applied(host(), 'delete', [testLink('a')])
    expect(await ours(host())).to.deep.equal(expected([...BESIDE, testLink('b')]))
  })

  it('deletes many at a time and concurrently', async () => {
    const links = Array.from({ length: 20 }, (_, index) => testLink(`n${String(index)}`))
    await applied(host(), 'add', links)
    await Promise.all([
      applied(host(), 'delete', links.slice(0, 6)),
      applied(host(), 'delete', links.slice(6, 12)),
      applied(host(), 'delete', links.slice(12, 19))
    ])
    expect(await ours(host())).to.deep.equal(expected(links.slice(19)))
  })
}

function replaces(host: () => Host): void {
  const changes: Record<string, readonly [HostObject, HostObject]> = {
    'the alias of a link': [testLink('a'), testLink('a', { alias: 'net-routed endpoint other' })],
    'the MTU of a link': [testLink('a'), testLink('a', { mtu: 1300 })],
    'IPv6 of a link, on': [testLink('a', { ipv6: false }), testLink('a')],
    'IPv6 of a link, off': [testLink('a'), testLink('a', { ipv6: false })],
    'proxy ARP of a link, on': [testLink('a'), testLink('a', { proxyArp: true })],
    'proxy ARP of a link, off': [testLink('a', { proxyArp: true }), testLink('a')],
    'the way of 127.0.0.1 through a link, on': [testLink('a'), testLink('a', { localnet: true })],
    'the way of 127.0.0.1 through a link, off': [testLink('a', { localnet: true }), testLink('a')],
    'the MAC address of a neighbour': [
      { kind: 'neighbour', link: 'nr-b', address: '10.1.0.2', mac: '02:42:0a:01:00:02' },
      { kind: 'neighbour', link: 'nr-b', address: '10.1.0.2', mac: '02:42:0a:01:00:03' }
    ],
    'the link of a route': [
      { ...ROUTE, link: 'nr-b' },
      { ...ROUTE, link: 'nr-c' }
    ],
    'the link of a route in the local table': [
      { ...ROUTE, link: 'nr-b', table: 'local' },
      { ...ROUTE, link: 'nr-c', table: 'local' }
    ],
    'the link of an IPv6 route': [
      { ...ROUTE6, link: 'nr-b' },
      { ...ROUTE6, link: 'nr-c' }
    ]
  }
  const others = [testLink('b'), testLink('c')]
  for (const [what, [before, after]] of Object.entries(changes)) {
    it(`replaces ${what}`, async () => {
      await applied(host(), 'add', [...others, before])
      await applied(host(), 'replace', [after])
      expect(await ours(host())).to.deep.equal(expected([...others, after]))
    })
  }
}

function failures(host: () => Host): void {
  it('goes on after a failure and says what failed', async () => {
    const lost: HostObject[] = [
      { ...ROUTE, link: 'nr-none', dst: '10.1.0.9/32' },
      { kind: 'address', link: 'nr-none', address: '10.0.0.1/32' }
    ]
    const failed = await host().apply(opsOf('add', [testLink('a'), ...lost, ...ON_LINK]))
    expect([...failed.keys()]).to.have.members(lost.map(keyOf))
    for (const error of failed.values()) expect(error).to.include({ code: 'kernel', errno: 'ENODEV' })
    expect(failed.get(keyOf(lost[0] ?? ROUTE))?.message).to.include('add route 10.1.0.9/32 dev nr-none')
    expect(await ours(host())).to.deep.equal(expected([testLink('a'), ...ON_LINK]))
  })

  it('does not make a link that it is only to adopt', async () => {
    const { veth: _veth, ...adopted } = testLink('a')
    const failed = await host().apply(opsOf('add', [adopted]))
    expect(failed.get('link nr-a')).to.include({ errno: 'ENODEV' })
    expect(await ours(host())).to.deep.equal([])
  })
}

function foreigners(opened: () => HostUnderTest): void {
  it('neither lists, nor changes, nor deletes a link of somebody else', async () => {
    const { host } = opened()
    await opened().addForeign(testLink('a'))
    expect(await ours(host)).to.deep.equal([])
    const failed = await host.apply(opsOf('add', [testLink('a')]))
    expect(failed.get('link nr-a')).to.include({ errno: 'EEXIST' })
    await applied(host, 'delete', [testLink('a')])
    expect(await opened().hasForeign(testLink('a'))).to.equal(true)
    expect(await ours(host)).to.deep.equal([])
  })

  for (const route of [ROUTE, ROUTE6]) {
    it(`neither lists, nor replaces, nor deletes a route of somebody else to ${route.dst}`, async () => {
      const { host } = opened()
      await applied(host, 'add', [testLink('a')])
      await opened().addForeign(route)
      for (const verb of ['add', 'replace'] as const) {
        const failed = await host.apply(opsOf(verb, [route]))
        expect(failed.get(keyOf(route))).to.include({ errno: 'EEXIST' })
      }
      await applied(host, 'delete', [route])
      expect(await opened().hasForeign(route)).to.equal(true)
      expect(await ours(host)).to.deep.equal(expected([testLink('a')]))
    })
  }
}
