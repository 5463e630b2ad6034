import { expect } from 'chai'
import { expectDone, expectRefused, netnsOf, withCni } from '../support/cni.js'
import type { CallOptions, CniAnswer, DelegateInput } from '../support/cni.js'
import type { Rig } from '../support/daemon.js'
import { snapshot } from '../support/daemon.js'
import { hostLinkName } from '../../src/model/endpoint.js'

const CONF = {
  cniVersion: '0.2.0',
  name: 'spartan-net',
  type: 'dcos-l4lb',
  args: { 'org.apache.mesos': {} },
  delegate: {
    type: 'bridge',
    bridge: 'sprt-cni0',
    ipam: { type: 'host-local', subnet: '192.168.30.0/24', routes: [{ dst: '10.0.0.0/8' }] }
  }
}
const ANSWER = { ip4: { ip: '192.168.30.2/24', gateway: '192.168.30.1' } }
const LEG = 'cni:spartan-network:c1:spartan'
const REGISTERED = '/var/run/dcos/cni/l4lb/c1'

interface Subject {
  readonly rig: Rig
  readonly calls: DelegateInput[]
  readonly answers: Record<string, { exit: number; output: string }>
  readonly call: (command: string, conf?: object, options?: CallOptions) => Promise<CniAnswer>
  /** Names of the links in the container. */
  readonly links: () => string[]
}

/** Delegates that answer as they should, unless `answers` has something else for `TYPE COMMAND`. */
function withL4lb(test: (subject: Subject) => Promise<void>): () => Promise<void> {
  return withCni(async ({ rig, cni }) => {
    const calls: DelegateInput[] = []
    const answers: Record<string, { exit: number; output: string }> = {}
    const usual: Record<string, string> = {
      'bridge ADD': JSON.stringify(ANSWER),
      'host-local ADD': '{"cniVersion":"0.3.1","ips":[{"version":"4","address":"198.51.100.10/24"}]}'
    }
    const delegate = (input: DelegateInput): { exit: number; output: string } => {
      calls.push(input)
      const key = `${input.type} ${input.command}`
      return answers[key] ?? { exit: 0, output: usual[key] ?? '' }
    }
    await test({
      rig,
      calls,
      answers,
      call: (command, conf = CONF, options = {}) =>
        cni.call(command, conf, { plugin: 'dcos-l4lb', delegate, ...options }),
      links: () => [...(rig.host.sandboxes.get(netnsOf('c1'))?.keys() ?? [])].sort()
    })
  })
}

const said = (calls: readonly DelegateInput[]): string[] =>
  calls.map(({ type, command, env }) => `${type} ${command} ${env['CNI_IFNAME'] ?? ''}`)

describe('dcos-l4lb', () => {
  it(
    'prints the answer of the delegate word for word, which got name, version and args',
    withL4lb(async ({ call, calls }) => {
      expect((await call('ADD')).document).to.deep.equal(ANSWER)
      const { name, cniVersion, args, delegate } = CONF
      expect(JSON.parse(calls[0]?.input ?? '')).to.deep.equal({ ...delegate, name, cniVersion, args })
    })
  )

  it(
    'gives the container a leg with four routes, a registration and a link for services',
    withL4lb(async ({ rig, call, calls, links }) => {
      expectDone(await call('ADD'))
      expect(links()).to.deep.equal(['minuteman', 'spartan'])
      const leg = rig.host.sandboxes.get(netnsOf('c1'))?.get('spartan')
      expect(leg?.addresses).to.deep.equal(['198.51.100.10/32'])
      expect(leg?.routes).to.deep.equal(
        [1, 2, 3, 4].map((last) => ({ dst: `198.51.100.${String(last)}/32`, src: '198.51.100.10' }))
      )
      expect(rig.host.objects.get('route 198.51.100.10/32 0')).to.include({ link: hostLinkName(LEG) })
      expect([...rig.registry.files]).to.deep.equal([[REGISTERED, netnsOf('c1')]])
      expect(said(calls)).to.deep.equal(['bridge ADD eth0', 'host-local ADD spartan'])
      expect(JSON.parse(calls[1]?.input ?? '')).to.deep.include({
        name: 'spartan-network',
        ipam: {
          type: 'host-local',
          subnet: '198.51.100.0/24',
          rangeStart: '198.51.100.10',
          rangeEnd: '198.51.100.253'
        }
      })
    })
  )

  it(
    'takes everything away before the delegate is called, also again, and without namespace',
    withL4lb(async ({ rig, call, calls, links }) => {
      expectDone(await call('ADD'))
      calls.length = 0
      expectDone(await call('DEL'))
      expect(said(calls)).to.deep.equal(['host-local DEL spartan', 'bridge DEL eth0'])
      expect(links()).to.deep.equal([])
      expect(rig.registry.files.size).to.equal(0)
      expect(rig.daemon.records.count('endpoint')).to.equal(0)
      expectDone(await call('ADD'))
      rig.host.endSandbox(netnsOf('c1'))
      for (let time = 0; time < 2; time++) expectDone(await call('DEL', CONF, { netns: '' }))
      expect(rig.registry.files.size).to.equal(0)
      expect([...rig.host.objects.keys()].filter((key) => key.startsWith('route'))).to.deep.equal([])
    })
  )

  const SWITCHES: readonly (readonly [
    fields: object,
    links: readonly string[],
    registered: string | undefined
  ])[] = [
    [{ spartan: false }, ['minuteman'], REGISTERED],
    [{ spartan: { enable: false } }, ['minuteman'], REGISTERED],
    [{ minuteman: false }, ['spartan'], undefined],
    [{ minuteman: { enable: false } }, ['spartan'], undefined],
    [{ spartan: true, minuteman: { path: '/run/elsewhere' } }, ['minuteman', 'spartan'], '/run/elsewhere/c1'],
    [{ spartan: {}, minuteman: { enable: true } }, ['minuteman', 'spartan'], REGISTERED]
  ]
  for (const [fields, expected, registered] of SWITCHES) {
    it(
      `can be switched: ${JSON.stringify(fields)}`,
      withL4lb(async ({ rig, call, links }) => {
        expectDone(await call('ADD', { ...CONF, ...fields }))
        expect(links()).to.deep.equal(expected)
        expect([...rig.registry.files.keys()]).to.deep.equal(registered === undefined ? [] : [registered])
        expectDone(await call('DEL', CONF))
        expect(links()).to.deep.equal([])
        expect(rig.registry.files.size).to.equal(0)
      })
    )
  }

  const WRONG: readonly (readonly [fields: object, message: RegExp])[] = [
    [{ spartan: false, minuteman: false }, /both off/],
    [{ spartan: 'no' }, /^spartan must be boolean,object, not "no"$/],
    [{ minuteman: { path: 'here' } }, /^minuteman\.path must match/],
    [{ delegate: undefined }, /^delegate: there is none/]
  ]
  for (const [fields, message] of WRONG) {
    it(
      `refuses, and calls nobody: ${JSON.stringify(fields)}`,
      withL4lb(async ({ call, calls }) => {
        expectRefused(await call('ADD', { ...CONF, ...fields }), 7, message)
        expect(calls).to.deep.equal([])
      })
    )
  }

  for (const [what, fail] of Object.entries({
    'the delegate': ({ answers }: Subject) => {
      answers['bridge ADD'] = { exit: 1, output: '{"code":5,"msg":"no bridge"}' }
    },
    'host-local': ({ answers }: Subject) => {
      answers['host-local ADD'] = { exit: 1, output: '{"code":11,"msg":"full"}' }
    },
    'the leg': ({ rig }: Subject) => {
      rig.host.refuseEnd = (_, { name }) => (name === 'spartan' ? 'EPERM' : undefined)
    },
    'the link for services': ({ rig }: Subject) => {
      rig.host.refuseEnd = (_, { name }) => (name === 'minuteman' ? 'EPERM' : undefined)
    },
    'the registration': ({ rig }: Subject) => {
      rig.registry.refuse = true
    }
  })) {
    it(
      `leaves nothing when this fails: ${what}`,
      withL4lb(async (subject) => {
        const { rig, call, calls, links } = subject
        const before = snapshot(rig)
        fail(subject)
        expect((await call('ADD')).exit).to.equal(1)
        expect(said(calls).at(-1)).to.equal('bridge DEL eth0')
        expect(links()).to.deep.equal([])
        expect(rig.registry.files.size).to.equal(0)
        expect(rig.daemon.records.count('endpoint')).to.equal(0)
        for (let time = 0; time < 3; time++) await rig.daemon.upkeep()
        expect(snapshot(rig)).to.deep.equal(before)
      })
    )
  }

  it(
    'calls the delegate with DEL also when something else cannot be taken away, and says so',
    withL4lb(async ({ rig, call, calls, answers }) => {
      expectDone(await call('ADD'))
      answers['host-local DEL'] = { exit: 1, output: '{"code":5,"msg":"locked"}' }
      expectRefused(await call('DEL'), 5, /^host-local: locked$/)
      expect(said(calls).slice(-2)).to.deep.equal(['host-local DEL spartan', 'bridge DEL eth0'])
      expect(rig.registry.files.size).to.equal(0)
    })
  )

  it(
    'serves a container with two networks once, until the last one goes',
    withL4lb(async ({ rig, call, links }) => {
      const other = { ...CONF, name: 'other-net' }
      expectDone(await call('ADD'))
      expectDone(await call('ADD', other, { ifName: 'eth1' }))
      expectDone(await call('DEL'))
      expect(links()).to.deep.equal(['minuteman', 'spartan'])
      expect(rig.registry.files.size).to.equal(1)
      expectDone(await call('DEL', other, { ifName: 'eth1' }))
      expect(links()).to.deep.equal([])
      expect(rig.registry.files.size).to.equal(0)
    })
  )

  it(
    'checks leg, registration and link, and cleans up dead containers at GC',
    withL4lb(async ({ rig, call, calls }) => {
      const conf = { ...CONF, cniVersion: '1.1.0' }
      const { document } = await call('ADD', conf)
      expectDone(await call('CHECK', { ...conf, prevResult: document }))
      rig.registry.files.clear()
      expectRefused(await call('CHECK', { ...conf, prevResult: document }), 113, /does not say/)
      rig.host.endSandbox(netnsOf('c1'))
      calls.length = 0
      expectDone(await call('GC', { ...conf, 'cni.dev/valid-attachments': [] }))
      expect(rig.daemon.records.count('endpoint')).to.equal(0)
      expect(said(calls).slice(0, 2)).to.deep.equal(['host-local DEL spartan', 'bridge DEL eth0'])
    })
  )
})
