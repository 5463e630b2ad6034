import { expect } from 'chai'
import { CONF, expectDone, expectRefused, heldAddresses, withCni } from '../support/cni.js'
import type { DelegateInput } from '../support/cni.js'
import { snapshot } from '../support/daemon.js'

describe('another IPAM', () => {
  const HOST_LOCAL = { ...CONF, ipam: { type: 'host-local', subnet: '10.2.0.0/16' } }
  const ANSWER = {
    cniVersion: '1.1.0',
    ips: [{ address: '10.2.0.5/16', gateway: '10.2.0.1' }, { address: 'fd02::5/64' }],
    routes: [{ dst: '0.0.0.0/0' }],
    dns: { nameservers: ['10.2.0.53'] }
  }

  function recording(
    answer: object | string = ANSWER,
    exit = 0
  ): { calls: DelegateInput[]; delegate: (call: DelegateInput) => { exit: number; output: string } } {
    const calls: DelegateInput[] = []
    return {
      calls,
      delegate: (call) => {
        calls.push(call)
        if (call.command !== 'ADD') return { exit: 0, output: '' }
        return { exit, output: typeof answer === 'string' ? answer : JSON.stringify(answer) }
      }
    }
  }

  it(
    'gives the addresses, next hops, routes and name servers',
    withCni(async ({ rig, cni }) => {
      const { calls, delegate } = recording()
      const { document } = await cni.call('ADD', HOST_LOCAL, { delegate })
      expect(calls).to.have.length(1)
      expect(calls[0]).to.include({ type: 'host-local', command: 'ADD', input: JSON.stringify(HOST_LOCAL) })
      expect(document).to.deep.include({
        ips: [
          { interface: 1, address: '10.2.0.5/32', gateway: '10.2.0.1' },
          { interface: 1, address: 'fd02::5/128', gateway: 'fe80::1' }
        ],
        routes: [
          { dst: '0.0.0.0/0', gw: '10.2.0.1' },
          { dst: '10.2.0.0/16', gw: '10.2.0.1' },
          { dst: 'fd02::/64', gw: 'fe80::1' }
        ],
        dns: ANSWER.dns
      })
      expect(rig.host.objects.has('route 10.2.0.5/32 0')).to.equal(true)
      expect(heldAddresses(rig)).to.deep.equal([])
    })
  )

  it(
    'gets its address back with the words it was asked with, after our part is undone',
    withCni(async ({ rig, cni }) => {
      const { calls, delegate } = recording()
      expectDone(await cni.call('ADD', HOST_LOCAL, { delegate }))
      const changed = { ...HOST_LOCAL, ipam: { type: 'dhcp' } }
      let endpoints = -1
      const watching = (call: DelegateInput): { exit: number; output: string } => {
        endpoints = rig.daemon.records.count('endpoint')
        return delegate(call)
      }
      expectDone(await cni.call('DEL', changed, { delegate: watching }))
      expect(calls.at(-1)).to.include({
        type: 'host-local',
        command: 'DEL',
        input: JSON.stringify(HOST_LOCAL)
      })
      expect(endpoints).to.equal(0)
      expectDone(await cni.call('DEL', changed, { delegate }))
      expect(calls.at(-1)).to.include({ type: 'dhcp', command: 'DEL' })
    })
  )

  it(
    'is checked as well',
    withCni(async ({ cni }) => {
      const { calls, delegate } = recording()
      const { document } = await cni.call('ADD', HOST_LOCAL, { delegate })
      expectDone(await cni.call('CHECK', { ...HOST_LOCAL, prevResult: document }, { delegate }))
      expect(calls.at(-1)?.command).to.equal('CHECK')
      const failing = (): { exit: number; output: string } => ({
        exit: 1,
        output: '{"code":42,"msg":"no such address"}'
      })
      expectRefused(
        await cni.call('CHECK', { ...HOST_LOCAL, prevResult: document }, { delegate: failing }),
        42,
        /^host-local: no such address$/
      )
    })
  )

  it(
    'gets back at GC what dead containers had, and is told itself if it knows GC',
    withCni(async ({ cni }) => {
      const { calls, delegate } = recording()
      expectDone(await cni.call('ADD', HOST_LOCAL, { delegate }))
      calls.length = 0
      const old = (call: DelegateInput): { exit: number; output: string } =>
        call.command === 'GC'
          ? { exit: 1, output: '{"code":4,"msg":"unknown CNI_COMMAND: GC"}' }
          : delegate(call)
      expectDone(
        await cni.call(
          'GC',
          { ...HOST_LOCAL, 'cni.dev/valid-attachments': [] },
          { containerId: '', netns: '', ifName: '', delegate: old }
        )
      )
      expect(
        calls.map(({ command, env }) => [
          command,
          env['CNI_CONTAINERID'],
          env['CNI_IFNAME'],
          env['CNI_NETNS']
        ])
      ).to.deep.equal([['DEL', 'c1', 'eth0', '']])
    })
  )

  const MISBEHAVIOURS: Readonly<
    Record<string, readonly [answer: object | string, exit: number, code: number, message: RegExp]>
  > = {
    'an error': [{ code: 11, msg: 'later', details: 'please' }, 1, 11, /^host-local: later; please$/],
    'a crash': ['panic: oh', 2, 112, /^host-local: panic: oh$/],
    'a silent end': ['', 3, 112, /^host-local: exit status 3$/],
    'no JSON': ['fine!', 0, 112, /^host-local did not answer with JSON/],
    nothing: ['', 0, 112, /^the answer of host-local has no address$/],
    'no address': [{ cniVersion: '1.1.0', ips: [] }, 0, 112, /has no address$/],
    'an address that is none': [
      { ips: [{ address: 'x/8' }] },
      0,
      7,
      /^the answer of host-local: ips.address: "x\/8"/
    ],
    'an error without code': [{ msg: 'hm' }, 1, 112, /^host-local: hm$/]
  }
  for (const [what, [answer, exit, code, message]] of Object.entries(MISBEHAVIOURS)) {
    it(
      `that answers with ${what} makes ADD fail, is told DEL, and nothing is left`,
      withCni(async ({ rig, cni }) => {
        const before = snapshot(rig)
        const { calls, delegate } = recording(answer, exit)
        expectRefused(await cni.call('ADD', HOST_LOCAL, { delegate }), code, message)
        expect(calls.map(({ command }) => command)).to.deep.equal(['ADD', 'DEL'])
        expect(snapshot(rig)).to.deep.equal(before)
      })
    )
  }

  for (const type of ['../bridge', '/bin/sh', '..', '.hidden', 'a b', 'a\nb']) {
    it(
      `cannot be ${JSON.stringify(type)}`,
      withCni(async ({ cni }) => {
        const { calls, delegate } = recording()
        const conf = { ...CONF, ipam: { type } }
        expectRefused(await cni.call('ADD', conf, { delegate }), 7, /without "\/"/)
        expectRefused(await cni.call('DEL', conf, { delegate }), 7, /without "\/"/)
        expect(calls).to.deep.equal([])
      })
    )
  }
})
