import { expect } from 'chai'
import { expectDone, expectRefused, netnsOf, withCni } from '../support/cni.js'
import type { CallOptions, Cni, CniAnswer, DelegateInput } from '../support/cni.js'
import { snapshot } from '../support/daemon.js'

const BRIDGE = {
  type: 'bridge',
  bridge: 'mesos-cni0',
  ipam: { type: 'host-local', subnet: '192.168.0.0/16' }
}
const CONF = {
  name: 'port-mapper-test',
  type: 'mesos-cni-port-mapper',
  excludeDevices: ['mesos-cni0', 'mesos-cni1'],
  chain: 'MESOS-TEST-PORT-MAPPER',
  delegate: BRIDGE
}
const publishing = (...mappings: readonly object[]): typeof CONF & { args: object } => ({
  ...CONF,
  args: {
    'org.apache.mesos': {
      network_info: {
        name: 'port-mapper-test',
        labels: { labels: [{ key: 'app', value: 'myapp' }] },
        port_mappings: mappings
      }
    }
  }
})
const HTTP = { host_port: 8080, container_port: 80 }
const PUBLISHED = publishing(HTTP, { host_port: 8081, container_port: 443, protocol: 'UDP' })
const ANSWER = { ip4: { ip: '192.168.0.3/16', gateway: '192.168.0.1' }, dns: {} }

interface Scripted {
  readonly calls: (DelegateInput & { readonly portsThen: number })[]
  readonly call: (command: string, conf: object | string, options?: CallOptions) => Promise<CniAnswer>
}

/** Calls with a delegate that answers so. */
function scripted(
  cni: Cni,
  ports: () => number,
  answers: Partial<Record<string, { exit: number; output: string }>> = {}
): Scripted {
  const calls: (DelegateInput & { portsThen: number })[] = []
  const delegate = (call: DelegateInput): { exit: number; output: string } => {
    calls.push({ ...call, portsThen: ports() })
    const usual = { exit: 0, output: call.command === 'ADD' ? JSON.stringify(ANSWER) : '' }
    return answers[call.command] ?? usual
  }
  return {
    calls,
    call: (command, conf, options = {}) =>
      cni.call(command, conf, { plugin: 'mesos-cni-port-mapper', delegate, ...options })
  }
}

describe('mesos-cni-port-mapper', () => {
  const withMapper = (
    test: (subject: {
      readonly mapper: Scripted
      readonly scriptedWith: (answers: Partial<Record<string, { exit: number; output: string }>>) => Scripted
      readonly keys: (beginning: RegExp) => string[]
      readonly state: () => unknown
    }) => Promise<void>
  ): (() => Promise<void>) =>
    withCni(async ({ rig, cni }) => {
      const keys = (beginning: RegExp): string[] =>
        [...rig.host.objects.keys()].filter((key) => beginning.test(key)).sort()
      const ports = (): number => keys(/^port /).length
      await test({
        mapper: scripted(cni, ports),
        scriptedWith: (answers) => scripted(cni, ports, answers),
        keys,
        state: () => snapshot(rig)
      })
    })

  it(
    'hands name, version and args to the delegate, and prints its answer',
    withMapper(async ({ mapper }) => {
      const { document } = await mapper.call('ADD', { ...PUBLISHED, cniVersion: '0.3.1' })
      expect(mapper.calls).to.have.length(1)
      expect(JSON.parse(mapper.calls[0]?.input ?? '')).to.deep.equal({
        ...BRIDGE,
        name: CONF.name,
        cniVersion: '0.3.1',
        args: PUBLISHED.args
      })
      expect(document).to.deep.include({
        cniVersion: '0.3.1',
        ips: [{ version: '4', address: '192.168.0.3/16', gateway: '192.168.0.1' }]
      })
    })
  )

  it(
    'publishes every port, but not for any of the excluded devices',
    withMapper(async ({ mapper, keys }) => {
      expectDone(await mapper.call('ADD', PUBLISHED))
      expect(keys(/^(port|exclusion|hairpin)/)).to.deep.equal([
        'exclusion mesos-cni0 tcp 8080',
        'exclusion mesos-cni0 udp 8081',
        'exclusion mesos-cni1 tcp 8080',
        'exclusion mesos-cni1 udp 8081',
        'hairpin 192.168.0.0/16 192.168.0.3',
        'port tcp 0.0.0.0 8080',
        'port udp 0.0.0.0 8081'
      ])
    })
  )

  it(
    'withdraws its ports before the delegate is called with DEL, with the words of ADD',
    withMapper(async ({ mapper, keys }) => {
      expectDone(await mapper.call('ADD', PUBLISHED))
      const changed = { ...CONF, delegate: { type: 'other' } }
      expectDone(await mapper.call('DEL', changed))
      expect(mapper.calls[1]).to.include({
        type: 'bridge',
        command: 'DEL',
        portsThen: 0,
        input: mapper.calls[0]?.input
      })
      expect(keys(/^(port|exclusion|hairpin|publisher)/)).to.deep.equal([])
      expectDone(await mapper.call('DEL', CONF, { netns: '' }))
      expect(mapper.calls.at(-1)).to.include({ type: 'bridge', command: 'DEL' })
    })
  )

  for (const [what, answer] of Object.entries({
    '0.2.0': ANSWER,
    '0.3.1': { cniVersion: '0.3.1', ips: [{ version: '4', address: '192.168.0.3/16', interface: 0 }] },
    '0.4.0': {
      cniVersion: '0.4.0',
      interfaces: [{ name: 'eth0' }],
      ips: [{ version: '4', address: '192.168.0.3/16' }]
    },
    '1.0.0': {
      cniVersion: '1.0.0',
      interfaces: [{ name: 'eth0', mac: '0a:00:00:00:00:01', sandbox: netnsOf('c1') }],
      ips: [{ address: '192.168.0.3/16', interface: 0 }]
    }
  })) {
    it(
      `accepts an answer of ${what}`,
      withMapper(async ({ scriptedWith, keys }) => {
        const mapper = scriptedWith({ ADD: { exit: 0, output: JSON.stringify(answer) } })
        expectDone(await mapper.call('ADD', PUBLISHED))
        expect(keys(/^port/)).to.have.length(2)
      })
    )
  }

  it(
    'has nothing to publish without args, and still calls the delegate',
    withMapper(async ({ mapper, keys }) => {
      expectDone(await mapper.call('ADD', CONF))
      expect(mapper.calls).to.have.length(1)
      expect(keys(/^(port|publisher)/)).to.deep.equal([])
      expectDone(await mapper.call('DEL', CONF))
    })
  )

  it(
    'tells containers apart whose ids begin alike',
    withMapper(async ({ mapper, scriptedWith, keys }) => {
      expectDone(await mapper.call('ADD', publishing(HTTP), { containerId: 'abc' }))
      const other = scriptedWith({ ADD: { exit: 0, output: '{"ip4":{"ip":"192.168.0.4/16"}}' } })
      expectDone(await other.call('ADD', publishing({ ...HTTP, host_port: 9090 }), { containerId: 'abc1' }))
      expectDone(await mapper.call('DEL', CONF, { containerId: 'abc' }))
      expect(keys(/^port/)).to.deep.equal(['port tcp 0.0.0.0 9090'])
    })
  )

  it(
    'keeps its ports apart from those of a delegate that is net-routed too',
    withMapper(async ({ mapper, keys, scriptedWith }) => {
      expectDone(await mapper.call('ADD', publishing(HTTP)))
      const inner = scriptedWith({})
      const conf = {
        cniVersion: '1.0.0',
        name: CONF.name,
        type: 'net-routed',
        ipam: { subnet: '10.1.0.0/24' }
      }
      expectDone(await inner.call('ADD', conf, { plugin: 'net-routed' }))
      expectDone(await inner.call('DEL', conf, { plugin: 'net-routed' }))
      expect(keys(/^port/)).to.deep.equal(['port tcp 0.0.0.0 8080'])
    })
  )

  describe('when something is wrong', () => {
    const WRONG: Readonly<Record<string, readonly [conf: object, message: RegExp]>> = {
      'no chain': [{ ...CONF, chain: undefined }, /'chain'/],
      'a chain that is none': [{ ...CONF, chain: 'a b' }, /^chain must match .*, not "a b"$/],
      'no delegate': [{ ...CONF, delegate: undefined }, /^delegate: there is none/],
      'a delegate without type': [{ ...CONF, delegate: {} }, /^delegate\.type: there is none/],
      'a delegate out of the way': [
        { ...CONF, delegate: { type: '../bridge' } },
        /^delegate\.type: "\.\.\/bridge"/
      ],
      'args without those of Mesos': [
        { ...CONF, args: {} },
        /^args must have required property 'org\.apache\.mesos'/
      ],
      'a port that is none': [
        publishing({ host_port: 0, container_port: 80 }),
        /^port_mappings\[0\]\.hostPort: 0/
      ],
      'a port twice': [publishing(HTTP, HTTP), /^port_mappings: tcp port 8080 is in it twice$/]
    }
    for (const [what, [conf, message]] of Object.entries(WRONG)) {
      it(
        `has code 101, and calls nobody: ${what}`,
        withMapper(async ({ mapper, state }) => {
          const before = state()
          expectRefused(await mapper.call('ADD', conf), 101, message)
          expect(mapper.calls).to.deep.equal([])
          expect(state()).to.deep.equal(before)
        })
      )
    }

    it(
      'has code 101 with what is no configuration at all, and with an environment that is incomplete',
      withMapper(async ({ mapper }) => {
        expectRefused(await mapper.call('ADD', '{'), 101, /not JSON/)
        expectRefused(await mapper.call('ADD', { ...CONF, cniVersion: '9.9.9' }), 101, /"9.9.9"/)
        expectRefused(await mapper.call('ADD', CONF, { netns: '' }), 101, /CNI_NETNS/)
      })
    )

    it(
      'has code 102 with the delegate, which is called with DEL again',
      withMapper(async ({ scriptedWith, state }) => {
        const before = state()
        const failing = scriptedWith({ ADD: { exit: 1, output: '{"code":5,"msg":"no bridge"}' } })
        expectRefused(await failing.call('ADD', PUBLISHED), 102, /^bridge: no bridge$/)
        expect(failing.calls.map(({ command }) => command)).to.deep.equal(['ADD', 'DEL'])
        const empty = scriptedWith({ ADD: { exit: 0, output: '{}' } })
        expectRefused(await empty.call('ADD', PUBLISHED), 102, /bridge has no address/)
        expect(state()).to.deep.equal(before)
      })
    )

    it(
      'has code 103 with ports that another container has, before the delegate is called',
      withMapper(async ({ mapper }) => {
        expectDone(await mapper.call('ADD', PUBLISHED))
        expectRefused(
          await mapper.call('ADD', PUBLISHED, { containerId: 'c2' }),
          103,
          /^tcp port 8080, udp port 8081 belongs to endpoint cni:mesos-cni-port-mapper\/port-mapper-test:c1:eth0 already$/
        )
        expect(mapper.calls).to.have.length(1)
      })
    )

    it(
      'has code 104 with a command that is none, or that the version does not have',
      withMapper(async ({ mapper }) => {
        expectRefused(await mapper.call('MOVE', CONF), 104, /CNI_COMMAND is "MOVE"/)
        expectRefused(await mapper.call('CHECK', CONF), 104, /does not have CHECK/)
      })
    )
  })

  it(
    'checks its ports and the delegate, and gets dead containers back at GC',
    withMapper(async ({ mapper, keys }) => {
      const conf = { ...PUBLISHED, cniVersion: '1.1.0' }
      const { document } = await mapper.call('ADD', conf)
      expectDone(await mapper.call('CHECK', { ...conf, prevResult: document }))
      expectDone(await mapper.call('STATUS', conf))
      expectDone(await mapper.call('GC', { ...conf, 'cni.dev/valid-attachments': [] }))
      expect(keys(/^port/)).to.deep.equal([])
      expect(mapper.calls.map(({ command }) => command)).to.deep.equal([
        'ADD',
        'CHECK',
        'VERSION',
        'STATUS',
        'DEL',
        'VERSION',
        'GC'
      ])
    })
  )
})
