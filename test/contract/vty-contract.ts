/** What every door to the routing daemons must do, with ospfd behind it. FakeVty and FRR run it from their own files. */
import { expect } from 'chai'
import { UnavailableError } from '../../src/errors.js'
import { parseRunning } from '../../src/host/router-lines.js'
import type { OpenVty, VtySession } from '../../src/host/vty.js'
import { errorOf } from '../support/expect-error.js'

export interface VtyRig {
  readonly open: OpenVty
  /** As by an accident. */
  readonly kill: (daemon: string) => Promise<void>
  readonly start: (daemon: string) => Promise<void>
}

export function describeVtyContract(withRig: (test: (rig: VtyRig) => Promise<void>) => Promise<void>): void {
  const withSession = (test: (session: VtySession, rig: VtyRig) => Promise<void>): (() => Promise<void>) => {
    return () =>
      withRig(async (rig) => {
        const session = await rig.open('ospfd')
        try {
          await test(session, rig)
        } finally {
          session.close()
        }
      })
  }

  it(
    'keeps lines and stanzas, and shows them',
    withSession(async (session) => {
      await runAll(session, ROUTER)
      expect(await ours(session)).to.deep.equal([
        'ip prefix-list net-routed seq 5 permit 10.1.0.0/16 ge 32',
        'route-map net-routed permit 10',
        'route-map net-routed permit 10 / match ip address prefix-list net-routed',
        'router ospf',
        'router ospf / redistribute kernel route-map net-routed'
      ])
    })
  )

  it(
    'changes nothing where a line is there already',
    withSession(async (session) => {
      await runAll(session, ROUTER)
      const before = await ours(session)
      await runAll(session, ROUTER)
      expect(await ours(session)).to.deep.equal(before)
    })
  )

  it(
    'keeps the negation of a default',
    withSession(async (session) => {
      await runAll(session, ['configure terminal', 'interface eth0', 'no ip ospf passive', 'end'])
      expect(await ours(session)).to.deep.equal(['interface eth0', 'interface eth0 / no ip ospf passive'])
    })
  )

  it(
    'overwrites a setting',
    withSession(async (session) => {
      await runAll(session, [
        'configure terminal',
        'ip prefix-list net-routed seq 5 permit 10.1.0.0/16 ge 32'
      ])
      await runAll(session, ['ip prefix-list net-routed seq 5 permit 10.2.0.0/16 ge 32', 'end'])
      expect(await ours(session)).to.deep.equal(['ip prefix-list net-routed seq 5 permit 10.2.0.0/16 ge 32'])
    })
  )

  it(
    'takes lines back, and a stanza with what is in it',
    withSession(async (session) => {
      await runAll(session, ROUTER)
      await runAll(session, [
        'configure terminal',
        'router ospf',
        'no redistribute kernel route-map net-routed',
        'end'
      ])
      expect(await ours(session)).to.include('router ospf')
      expect(await ours(session)).to.not.include('router ospf / redistribute kernel route-map net-routed')
      await runAll(session, [
        'configure terminal',
        'no route-map net-routed permit 10',
        'no router ospf',
        'end'
      ])
      expect(await ours(session)).to.deep.equal(['ip prefix-list net-routed seq 5 permit 10.1.0.0/16 ge 32'])
    })
  )

  it(
    'says what it does not know, and goes on',
    withSession(async (session) => {
      await session.run('configure terminal')
      const { status, text } = await session.run('frobnicate everything')
      expect(status).to.not.equal(0)
      expect(text).to.contain('Unknown command')
      expect((await session.run('end')).status).to.equal(0)
    })
  )

  it(
    'knows no configuration command outside of that mode',
    withSession(async (session) => {
      const { status } = await session.run('router ospf')
      expect(status).to.not.equal(0)
    })
  )

  it(
    'answers in the order of the commands',
    withSession(async (session) => {
      const [first, second, third] = await Promise.all([
        session.run('configure terminal'),
        session.run('frobnicate'),
        session.run('end')
      ])
      expect([first.status, third.status]).to.deep.equal([0, 0])
      expect(second.status).to.not.equal(0)
    })
  )

  it(
    'tells the end of the daemon, and answers no more',
    withSession(async (session, { kill }) => {
      await kill('ospfd')
      await session.closed
      expect(await errorOf(session.run('show running-config'))).to.be.instanceOf(UnavailableError)
    })
  )

  it(
    'forgets with the daemon what it was told',
    withSession(async (session, { kill, start, open }) => {
      await runAll(session, ROUTER)
      await kill('ospfd')
      await start('ospfd')
      const again = await open('ospfd')
      expect(await ours(again)).to.deep.equal([])
      again.close()
    })
  )

  it('says that a daemon does not run', () =>
    withRig(async ({ open, kill }) => {
      for (const daemon of ['bgpd', 'ospfd']) {
        await kill(daemon)
        const error = await errorOf(open(daemon))
        expect(error).to.be.instanceOf(UnavailableError)
        expect(error.message).to.contain(`${daemon} does not run`)
      }
    }))
}

const ROUTER = [
  'configure terminal',
  'ip prefix-list net-routed seq 5 permit 10.1.0.0/16 ge 32',
  'route-map net-routed permit 10',
  'match ip address prefix-list net-routed',
  'end',
  'configure terminal',
  'router ospf',
  'redistribute kernel route-map net-routed',
  'end'
]

async function runAll(session: VtySession, commands: readonly string[]): Promise<void> {
  for (const command of commands) {
    const { status, text } = await session.run(command)
    expect(status, `${command}: ${text}`).to.equal(0)
  }
}

/** Sorted, without what every FRR says of itself. */
async function ours(session: VtySession): Promise<string[]> {
  const { text } = await session.run('show running-config')
  return parseRunning(text)
    .map(({ within, text: line }) => [...within, line].join(' / '))
    .filter((key) => /^(ip prefix-list|route-map|router|interface)/.test(key))
    .sort()
}
