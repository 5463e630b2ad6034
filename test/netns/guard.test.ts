import { expect } from 'chai'
import type { HostChange } from '../../src/host/host.js'
import type { LinuxHost } from '../../src/host/linux/linux-host.js'
import type { HostObject, Op, Source } from '../../src/host/objects.js'
import { add } from './containers.js'
import { Scratch, describeAsRoot, inNetns, runIn, until } from './scratch.js'

const GUARD: HostObject = { kind: 'guard', intact: true }
const SOURCE: Source = { kind: 'source', link: 'nr-a', address: '10.1.0.2' }
const SOURCE6: Source = { kind: 'source', link: 'nr-a', address: 'fd00::2' }
const ALL: readonly HostObject[] = [GUARD, SOURCE, SOURCE6]
const KEY = 'source 10.1.0.2 nr-a'
const KEY6 = 'source fd00::2 nr-a'

describeAsRoot('the guard of linuxHost', () => {
  let scratch: Scratch
  let netns: string
  let host: LinuxHost
  beforeEach(() => {
    scratch = new Scratch()
    netns = scratch.netns()
    host = scratch.host(netns)
  })
  afterEach(() => scratch.close())
  const nft = (words: string): string => inNetns(netns, 'nft', ...words.split(' '))
  const list = (): Promise<HostObject[]> => host.list(['guard', 'source'])
  const problems = async (verb: Op['verb'], object: HostObject): Promise<string[]> =>
    [...(await host.apply([{ verb, object }])).values()].map(({ message }) => message)

  it('is text that a human understands, and does not grow with what it allows', async () => {
    await add(host, ALL)
    const lines = nft('list table inet net-routed').split('\n').length
    await add(host, sources(0, 200))
    expect(nft('-t list table inet net-routed').split('\n').length).to.be.at.most(lines)
    expect(nft('list counters').match(/counter \S+/g)).to.include.members(
      ['spoofed-ipv4', 'spoofed-ipv6', 'spoofed-arp', 'ospf-packet', 'bgp-packet'].map(
        (name) => `counter ${name}`
      )
    )
  })

  const damages: Record<string, string> = {
    'a chain is emptied': 'flush chain inet net-routed from-tcp',
    'a rule is added': 'add rule inet net-routed from-ipv4 accept',
    'a rule is put first': 'insert rule inet net-routed from-container accept',
    'a chain is added': 'add chain inet net-routed other',
    'a set is added': 'add set inet net-routed other { type ipv4_addr; }',
    'a policy drops': 'add chain inet net-routed prerouting { policy drop; }',
    'a table sleeps': 'add table inet net-routed { flags dormant; }',
    'the ARP table is deleted': 'delete table arp net-routed',
    'the ARP chain is emptied': 'flush table arp net-routed'
  }
  for (const [what, command] of Object.entries(damages)) {
    it(`is not intact when ${what}, and can be repaired with its sources`, async () => {
      await add(host, ALL)
      nft(command)
      expect(await host.list(['guard'])).to.deep.equal([{ ...GUARD, intact: false }])
      expect(await problems('replace', GUARD)).to.deep.equal([])
      expect(await list()).to.deep.equal(ALL)
    })
  }

  it('is not intact when a rule is another one, in the same place', async () => {
    await add(host, ALL)
    const [, handle = ''] =
      /dport 179 .*# handle (\d+)/.exec(nft('-a list chain inet net-routed from-tcp')) ?? []
    nft(`replace rule inet net-routed from-tcp handle ${handle} tcp dport 178 drop`)
    expect(await host.list(['guard'])).to.deep.equal([{ ...GUARD, intact: false }])
  })

  it('is left alone when it is intact', async () => {
    await add(host, ALL)
    const before = nft('-a list ruleset')
    expect(await problems('add', GUARD)).to.deep.equal([])
    expect(await problems('replace', GUARD)).to.deep.equal([])
    expect(nft('-a list ruleset')).to.equal(before)
  })

  const halves: Record<string, string> = {
    'its packets': 'delete element inet net-routed sources4 { nr-a . 10.1.0.2 }',
    'its ARP': 'delete element arp net-routed sources4 { nr-a . 10.1.0.2 }'
  }
  for (const [what, command] of Object.entries(halves)) {
    it(`does not list a source of which only ${what} is missing, and completes it`, async () => {
      await add(host, ALL)
      nft(command)
      expect(await list()).to.deep.equal([GUARD, SOURCE6])
      await add(host, [SOURCE])
      expect(await list()).to.deep.equal(ALL)
      nft(command)
      expect(await problems('delete', SOURCE)).to.deep.equal([])
      expect(await list()).to.deep.equal([GUARD, SOURCE6])
      expect(nft('list ruleset')).to.not.include('10.1.0.2')
    })
  }

  it('lists what somebody else has allowed, so that it can be taken back', async () => {
    await add(host, ALL)
    nft('add element inet net-routed sources4 { nr-b . 10.1.0.3 }')
    nft('add element arp net-routed sources4 { nr-b . 10.1.0.3 }')
    expect(await list()).to.deep.include({ kind: 'source', link: 'nr-b', address: '10.1.0.3' })
  })

  it('leaves everything of others alone', async () => {
    nft('add table inet other')
    nft('add table ip net-routed')
    await add(host, ALL)
    await host.apply([{ verb: 'delete', object: GUARD }])
    expect(nft('list ruleset')).to.equal('table inet other {\n}\ntable ip net-routed {\n}\n')
  })

  it('says that a source needs the guard, and that nft is missing', async () => {
    expect(await problems('add', SOURCE)).to.deep.equal([
      'cannot add source 10.1.0.2 of nr-a: ENOENT: the nftables tables of net-routed are not there'
    ])
    const path = process.env['PATH']
    process.env['PATH'] = '/nowhere'
    try {
      expect(await problems('add', GUARD)).to.deep.equal([
        'cannot add nftables tables of net-routed: ENOENT: there is no program nft: install the package nftables'
      ])
    } finally {
      process.env['PATH'] = path
    }
  })

  it('deletes sources that are there together with some that are gone', async () => {
    await add(host, [GUARD, ...sources(0, 100)])
    await host.apply(sources(50, 150).map((object) => ({ verb: 'delete', object })))
    expect(await list()).to.have.deep.members([GUARD, ...sources(0, 50)])
  })

  it('allows thousands as quickly as a few', async () => {
    await add(host, [GUARD])
    const few = await timed(() => add(host, sources(0, 100)))
    await add(host, sources(100, 4000))
    const many = await timed(() => add(host, sources(4000, 4100)))
    const listing = await timed(async () => expect(await list()).to.have.lengthOf(4101))
    expect(many).to.be.below(few * 5 + 20)
    expect(listing).to.be.below(500)
    expect(await timed(() => host.list(['guard']))).to.be.below(100)
  })

  describe('and its events', () => {
    let seen: HostChange[]
    let stop: () => void
    beforeEach(async () => {
      await add(host, ALL)
      seen = []
      stop = host.watch((change) => seen.push(change))
    })
    afterEach(() => {
      stop()
    })
    const gone = { kind: 'guard', key: 'guard', gone: true }

    const events: Record<string, readonly [string, readonly object[]]> = {
      'a flushed ruleset': ['flush ruleset', [gone, { kind: 'source', gone: true }]],
      'a deleted rule': ['flush chain inet net-routed from-tcp', [gone]],
      'an added rule': ['add rule inet net-routed from-ipv4 accept', [gone]],
      'a sleeping table': ['add table inet net-routed { flags dormant; }', [gone]],
      'a deleted source': [
        'delete element inet net-routed sources4 { nr-a . 10.1.0.2 }',
        [{ kind: 'source', key: KEY, gone: true }]
      ],
      'deleted ARP of a source': [
        'delete element arp net-routed sources4 { nr-a . 10.1.0.2 }',
        [{ kind: 'source', key: KEY, gone: true }]
      ],
      'emptied sets': ['flush set inet net-routed sources6', [{ kind: 'source', key: KEY6, gone: true }]]
    }
    for (const [what, [command, changes]] of Object.entries(events)) {
      it(`tell of ${what}, once`, async () => {
        nft(command)
        await until(() => seen.length >= changes.length, what)
        await until(endOfEvents(), 'no more events')
        expect(seen).to.have.deep.members(changes)
      })
    }

    it('are not raised by sources that are added, and not told as changes of the firewall', async () => {
      await add(host, sources(0, 300))
      await host.apply([{ verb: 'delete', object: SOURCE }])
      await until(endOfEvents(), 'no more events')
      expect(seen).to.deep.equal([{ kind: 'source', key: KEY, gone: true }])
    })

    it('still tell of the firewall', async () => {
      inNetns(netns, 'iptables-nft', '-A', 'FORWARD', '-j', 'DROP')
      await until(() => seen.length > 0, 'a change')
      expect(seen).to.deep.equal([{ kind: 'firewall', gone: false }])
    })

    /** A change of another kind, raised on purpose: what comes before it has been told when it is. Then it is removed. */
    function endOfEvents(): () => boolean {
      runIn(netns, ['nft', '-f', '-'], 'add table ip filter\ndelete table ip filter')
      return () => {
        const at = seen.findIndex(({ kind }) => kind === 'firewall')
        if (at >= 0) seen.splice(at, 1)
        return at >= 0
      }
    }
  })
})

function sources(from: number, to: number): HostObject[] {
  return Array.from({ length: to - from }, (_, index) => ({
    kind: 'source',
    link: `nr-${String(from + index)}`,
    address: `10.${String(2 + ((from + index) >> 16))}.${String(((from + index) >> 8) & 255)}.${String((from + index) & 255)}`
  }))
}

/** Milliseconds that something takes. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
