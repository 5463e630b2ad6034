/** What every door to containers' namespaces must do. Run against FakeHost and against linuxEnds in scratch namespaces. */
import { expect } from 'chai'
import { KernelError } from '../../src/errors.js'
import { END_MARK, differences } from '../../src/host/ends.js'
import type { ContainerEnd, ContainerEnds, EndAddition } from '../../src/host/ends.js'
import type { Host } from '../../src/host/host.js'
import type { Link } from '../../src/host/objects.js'
import { errorOf } from '../support/expect-error.js'
import { testLink } from './test-link.js'

export interface EndsUnderTest {
  readonly host: Host
  readonly ends: ContainerEnds
  /** Does what an engine does: moves the other end of a pair of `host`, sets it up with an address. */
  move(link: Link, netns: string, address: string): void
  /** Makes a namespace with nothing in it. Returns its path. */
  sandbox(): string
  /** Ends that namespace. */
  endSandbox(path: string): void | Promise<void>
  close(): void | Promise<void>
}

const MAC = '02:42:0a:01:00:02'
const NOWHERE = '/run/netns/nrtest-does-not-exist'

/** A link whose other end is made in that namespace. */
export function linkInto(id: string, netns: string, fields: Partial<Link> = {}): Link {
  return testLink(id, { veth: { name: 'eth0', mac: MAC, netns }, ...fields })
}

export const END: ContainerEnd = {
  name: 'eth0',
  alias: `${END_MARK} a`,
  mac: MAC,
  mtu: 1400,
  ipv6: true,
  addresses: ['10.1.0.2/32', '10.1.0.3/32', 'fd00::2/128'],
  routes: [
    { dst: '169.254.1.1/32' },
    { dst: '0.0.0.0/0', via: '169.254.1.1' },
    { dst: '10.1.0.0/16', via: '169.254.1.1' },
    { dst: '::/0', via: 'fe80::1' }
  ]
}

/** Declares the tests. `open` is called before each. */
export function endsContract(name: string, open: () => EndsUnderTest): void {
  describe(`${name} as the container ends`, () => {
    let opened: EndsUnderTest
    let netns: string
    beforeEach(() => {
      opened = open()
      netns = opened.sandbox()
    })
    afterEach(() => opened.close())
    const made = async (link: Link): Promise<void> => {
      const failed = await opened.host.apply([{ verb: 'add', object: link }])
      expect([...failed.values()].map(({ message }) => message)).to.deep.equal([])
    }

    it('has the end where the pair was made, and it can be set up', async () => {
      await made(linkInto('a', netns))
      expect(await opened.ends.configure(netns, END)).to.deep.equal(END.routes)
      expect(differences(END, await opened.ends.find(netns, 'eth0'))).to.deep.equal([])
    })

    it('finds MTU, MAC address and whether IPv6 is on as they were asked for', async () => {
      const plain = { ...END, ipv6: false, addresses: ['10.1.0.2/32'], routes: [] }
      await made(linkInto('a', netns))
      await opened.ends.configure(netns, plain)
      expect(await opened.ends.find(netns, 'eth0')).to.deep.equal(plain)
    })

    it('sets up what is set up', async () => {
      await made(linkInto('a', netns))
      await opened.ends.configure(netns, END)
      expect(await opened.ends.configure(netns, END)).to.have.deep.members([...END.routes])
      expect(differences(END, await opened.ends.find(netns, 'eth0'))).to.deep.equal([])
    })

    it('leaves a route to who had it first, and says which ones there are', async () => {
      await made(linkInto('a', netns))
      await opened.ends.configure(netns, END)
      await made(linkInto('b', netns, { veth: { name: 'eth1', mac: '02:42:0a:02:00:02', netns } }))
      const own = [{ dst: '169.254.1.2/32' }, { dst: '10.2.0.0/16', via: '169.254.1.2' }]
      const second: ContainerEnd = {
        ...END,
        name: 'eth1',
        alias: `${END_MARK} b`,
        mac: '02:42:0a:02:00:02',
        addresses: ['10.2.0.2/32'],
        routes: [...own, { dst: '0.0.0.0/0', via: '169.254.1.2' }]
      }
      expect(await opened.ends.configure(netns, second)).to.have.deep.members(own)
      expect(differences(END, await opened.ends.find(netns, 'eth0'))).to.deep.equal([])
    })

    it('has no end where there is no link', async () => {
      expect(await opened.ends.find(netns, 'eth0')).to.equal(undefined)
      const error = await errorOf(opened.ends.configure(netns, END))
      expect(error).to.include({ code: 'kernel', errno: 'ENODEV' })
    })

    it('does not touch a link that it did not make', async () => {
      await made(linkInto('a', netns))
      await opened.ends.configure(netns, END)
      const other = { ...END, alias: `${END_MARK} b` }
      const error = await errorOf(opened.ends.configure(netns, other))
      expect(error).to.include({ code: 'kernel', errno: 'EEXIST' })
      expect(differences(END, await opened.ends.find(netns, 'eth0'))).to.deep.equal([])
    })

    it('makes no pair into a namespace that has a link of that name, or that does not exist', async () => {
      await made(linkInto('a', netns))
      const failed = await opened.host.apply([
        { verb: 'add', object: linkInto('b', netns) },
        { verb: 'add', object: linkInto('c', NOWHERE) },
        { verb: 'add', object: testLink('d') }
      ])
      expect([...failed.keys()]).to.deep.equal(['link nr-b', 'link nr-c'])
      expect(failed.get('link nr-b')).to.include({ errno: 'EEXIST' })
      expect(failed.get('link nr-c')).to.include({ errno: 'ENOENT' })
    })

    it('says when a namespace cannot be entered', async () => {
      for (const attempt of [opened.ends.find(NOWHERE, 'eth0'), opened.ends.configure(NOWHERE, END)]) {
        const error = await errorOf(attempt)
        expect(error).to.include({ code: 'kernel', errno: 'ENOENT' })
        expect(error.message).to.include(NOWHERE)
      }
    })

    it('prefers a source for what goes to a destination on the link', async () => {
      await made(linkInto('a', netns))
      const end = { ...END, routes: [{ dst: '198.51.100.1/32', src: '10.1.0.3' }] }
      expect(await opened.ends.configure(netns, end)).to.deep.equal(end.routes)
      expect(differences(end, await opened.ends.find(netns, 'eth0'))).to.deep.equal([])
      expect(differences({ ...end, routes: [{ dst: '198.51.100.1/32' }] }, end)).to.have.length(1)
    })

    it('makes a link that leads nowhere, again and again, and removes it', async () => {
      for (let time = 0; time < 2; time++) await opened.ends.addStub(netns, 'stub', 'ours')
      expect(await opened.ends.find(netns, 'stub')).to.include({ alias: 'ours' })
      for (let time = 0; time < 2; time++) await opened.ends.remove(netns, 'stub', 'ours')
      expect(await opened.ends.find(netns, 'stub')).to.equal(undefined)
    })

    it('neither takes nor removes a link of that name that is not ours', async () => {
      await opened.ends.addStub(netns, 'stub', 'theirs')
      const error = await errorOf(opened.ends.addStub(netns, 'stub', 'ours'))
      expect(error).to.include({ code: 'kernel', errno: 'EEXIST' })
      await opened.ends.remove(netns, 'stub', 'ours')
      expect(await opened.ends.find(netns, 'stub')).to.include({ alias: 'theirs' })
    })

    it('removes nothing from a namespace that is gone, and adds nothing there', async () => {
      await opened.ends.remove(NOWHERE, 'stub', 'ours')
      expect(await errorOf(opened.ends.addStub(NOWHERE, 'stub', 'ours'))).to.include({ errno: 'ENOENT' })
    })

    const pair = testLink('a', { veth: { name: 'nrca', mac: MAC } })
    const addition: EndAddition = {
      mac: MAC,
      addresses: ['10.1.0.3/32', 'fd00::3/128'],
      passive: [],
      routes: [{ dst: 'fe80::1/128' }, { dst: '::/0', via: 'fe80::1' }],
      sysctls: { 'net.ipv6.conf.IFNAME.disable_ipv6': '0' }
    }

    it('adds to an end that an engine has moved, again and again', async () => {
      await made(pair)
      opened.move(pair, netns, '10.1.0.2/32')
      for (let time = 0; time < 2; time++) {
        expect(await opened.ends.extend(netns, addition)).to.equal('done')
        const found = await opened.ends.find(netns, 'eth0')
        expect(found?.addresses.slice(0, 2)).to.deep.equal(['10.1.0.2/32', '10.1.0.3/32'])
        expect(found?.addresses).to.include('fd00::3/128')
        expect(found?.routes).to.deep.include.members(addition.routes)
        expect(found).to.include({ ipv6: true })
      }
    })

    it('adds everything else where the kernel refuses a setting, and says which', async () => {
      await made(pair)
      opened.move(pair, netns, '10.1.0.2/32')
      const sysctls = { 'net.ipv4.conf.IFNAME.rp_filter': '4294967295', ...addition.sysctls }
      const error = await errorOf(opened.ends.extend(netns, { ...addition, sysctls }))
      expect(error).to.be.instanceOf(KernelError).with.property('errno', 'EINVAL')
      expect(error.message).to.contain('net.ipv4.conf.IFNAME.rp_filter')
      const found = await opened.ends.find(netns, 'eth0')
      expect(found?.addresses).to.include.members(['10.1.0.3/32', 'fd00::3/128'])
    })

    it('knows which settings there are', () => {
      expect(opened.ends.knowsSysctl('net.ipv4.conf.IFNAME.rp_filter')).to.equal(true)
      expect(opened.ends.knowsSysctl('net.ipv6.neigh.IFNAME.retrans_time_ms')).to.equal(true)
      expect(opened.ends.knowsSysctl('net.ipv4.neigh.IFNAME.no_such')).to.equal(false)
    })

    it('adds nothing before the end is there, or its namespace', async () => {
      await made(pair)
      expect(await opened.ends.extend(NOWHERE, addition)).to.equal('no namespace')
      expect(await opened.ends.extend(netns, addition)).to.equal('no link')
      expect(opened.ends.refusal()).to.equal(undefined)
    })

    it('loses both ends with either', async () => {
      await made(linkInto('a', netns))
      await opened.host.apply([{ verb: 'delete', object: linkInto('a', netns) }])
      expect(await opened.ends.find(netns, 'eth0')).to.equal(undefined)
      await made(linkInto('a', netns))
      await opened.endSandbox(netns)
      expect(await opened.host.list(['link'])).to.deep.equal([])
    })
  })
}
