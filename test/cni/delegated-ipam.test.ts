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

  for (const [newest, heard] of Object.entries({
    '1.0.0': ['DEL c1', 'VERSION '],
    '1.1.0': ['DEL c1', 'VERSION ', 'GC ']
  })) {
    it(
      `gets back at GC what dead containers had, and is told itself if it knows GC: ${newest}`,
      withCni(async ({ cni }) => {
        const { calls, delegate } = recording()
        expectDone(await cni.call('ADD', HOST_LOCAL, { delegate }))
        calls.length = 0
        const versioned = (call: DelegateInput): { exit: number; output: string } => {
          const { output } = delegate(call)
          return {
            exit: 0,
            output: call.command === 'VERSION' ? JSON.stringify({ supportedVersions: [newest] }) : output
          }
        }
        const nothing = { containerId: '', netns: '', ifName: '', delegate: versioned }
        expectDone(await cni.call('GC', { ...HOST_LOCAL, 'cni.dev/valid-attachments': [] }, nothing))
        const said = calls.map(({ command, env }) => `${command} ${env['CNI_CONTAINERID'] ?? ''}`)
        expect(said).to.deep.equal(heard)
        expect(calls[0]?.env).to.include({ CNI_IFNAME: 'eth0', CNI_NETNS: '' })
      })
    )
  }

  it(
    'is spoken to in its own version if it is older, and asked for that only once',
    withCni(async ({ cni }) => {
      const calls: [string, unknown][] = []
      const old = ({ command, input }: DelegateInput): { exit: number; output: string } => {
        const { cniVersion, prevResult } = JSON.parse(input) as { cniVersion: string; prevResult?: object }
        calls.push([command, cniVersion])
        if (command === 'VERSION') return { exit: 0, output: '{"supportedVersions":["0.2.0","0.3.1"]}' }
        if (cniVersion !== '0.3.1') return { exit: 1, output: '{"code":1,"msg":"incompatible CNI versions"}' }
        if (command === 'CHECK') expect(prevResult).to.deep.include({ cniVersion: '0.3.1' })
        return {
          exit: 0,
          output:
            command === 'ADD' ? '{"cniVersion":"0.3.1","ips":[{"version":"4","address":"10.2.0.5/16"}]}' : ''
        }
      }
      const { document } = await cni.call('ADD', HOST_LOCAL, { delegate: old })
      expect(document).to.include({ cniVersion: '1.1.0' })
      expectDone(await cni.call('CHECK', { ...HOST_LOCAL, prevResult: document }, { delegate: old }))
      expectDone(await cni.call('DEL', HOST_LOCAL, { delegate: old }))
      expect(calls).to.deep.equal([
        ['ADD', '1.1.0'],
        ['VERSION', '0.1.0'],
        ['ADD', '0.3.1'],
        ['CHECK', '0.3.1'],
        ['DEL', '0.3.1']
      ])
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
