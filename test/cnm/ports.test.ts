import { expect } from 'chai'
import { portWishes } from '../../src/cnm/ports.js'
import { ConflictError, ExhaustedError, InvalidError, KernelError } from '../../src/errors.js'
import { hostLinkName } from '../../src/model/endpoint.js'
import { snapshot, withRig } from '../support/daemon.js'
import type { Rig } from '../support/daemon.js'
import { dockerId } from '../support/docker.js'
import { errorOf } from '../support/expect-error.js'

const NET = dockerId(1)
const [ONE, TWO] = [dockerId(11), dockerId(12)]
const KEY = 'com.docker.network.portmap'
const HTTP = { Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 }
const ANY = { ...HTTP, HostPort: 0, HostPortEnd: 0 }

/** A network with two containers. */
function withContainers(test: (rig: Rig) => Promise<void>, internal = false): () => Promise<void> {
  return () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', internal })
      for (const id of [ONE, TWO]) await rig.docker.run({ id, network: NET })
      await test(rig)
    })
}

const program = ({ call }: Rig, id: string, ...bindings: readonly object[]): Promise<unknown> =>
  call('NetworkDriver.ProgramExternalConnectivity', {
    NetworkID: NET,
    EndpointID: id,
    Options: { [KEY]: bindings }
  })
const revoke = ({ call }: Rig, id: string): Promise<unknown> =>
  call('NetworkDriver.RevokeExternalConnectivity', { NetworkID: NET, EndpointID: id })
const portsOf = ({ host }: Rig): string[] =>
  [...host.objects.keys()].filter((key) => /^(port|publisher|hairpin)/.test(key)).sort()
const isOpen = ({ host }: Rig, id: string): unknown => {
  const link = host.objects.get(`link ${hostLinkName(id)}`)
  return link?.kind === 'link' ? link.localnet : undefined
}

describe('portWishes', () => {
  it('reads what engines send', () => {
    const bindings = [HTTP, { ...ANY, Proto: 17, HostIP: '::1' }, { ...HTTP, Proto: 132, HostPortEnd: 8090 }]
    expect(portWishes({ [KEY]: [...bindings, HTTP] })).to.deep.equal([
      { protocol: 'tcp', range: [8080, 8080], containerPort: 80 },
      { protocol: 'udp', hostIp: '::1', containerPort: 80 },
      { protocol: 'sctp', range: [8080, 8090], containerPort: 80 }
    ])
    for (const options of [{}, { [KEY]: null }, { [KEY]: [] }]) expect(portWishes(options)).to.deep.equal([])
  })

  it('names the field that is wrong', () => {
    const wrong: readonly (readonly [unknown, string])[] = [
      ['x', `${KEY}: "x" is not a list`],
      [[7], `${KEY}[0]: 7 is not a port binding`],
      [[{ ...HTTP, Proto: 1 }], `${KEY}[0].Proto: 1: give 6`],
      [[{ ...HTTP, HostIP: 'eth0' }], `${KEY}[0].HostIP: "eth0"`],
      [[HTTP, { ...HTTP, Port: 0 }], `${KEY}[1].Port: 0`],
      [[{ ...HTTP, HostPort: 65_536 }], `${KEY}[0].HostPort: 65536`],
      [[{ ...HTTP, HostPortEnd: '9' }], `${KEY}[0].HostPortEnd: "9"`]
    ]
    for (const [bindings, text] of wrong)
      expect(() => portWishes({ [KEY]: bindings }), text).to.throw(InvalidError, text)
  })
})

describe('ProgramExternalConnectivity', () => {
  it(
    'publishes until it is revoked, also over a restart of the daemon',
    withContainers(async (rig) => {
      await program(rig, ONE, HTTP)
      const published = [
        'hairpin 10.1.0.1/32 10.1.0.1',
        'port tcp 0.0.0.0 8080',
        'port tcp 127.0.0.1 8080',
        'publisher'
      ]
      expect(portsOf(rig)).to.deep.equal(published)
      expect([isOpen(rig, ONE), isOpen(rig, TWO)]).to.deep.equal([true, false])
      const next = await rig.restart()
      await program(next, ONE, HTTP)
      expect(portsOf(next)).to.deep.equal(published)
      await revoke(next, ONE)
      await revoke(next, ONE)
      await revoke(next, dockerId(99))
      expect(portsOf(next)).to.deep.equal([])
      expect(isOpen(next, ONE)).to.equal(false)
    })
  )

  it(
    'replaces what was published before, and nothing is left by Leave and DeleteEndpoint',
    withContainers(async (rig) => {
      await program(rig, ONE, HTTP, { ...HTTP, HostPort: 9000, HostPortEnd: 9000 })
      await program(rig, ONE, { ...HTTP, HostPort: 9000, HostPortEnd: 9000 })
      expect(portsOf(rig)).to.include('port tcp 0.0.0.0 9000').and.not.to.include('port tcp 0.0.0.0 8080')
      await rig.call('NetworkDriver.Leave', { NetworkID: NET, EndpointID: ONE })
      expect(portsOf(rig)).to.deep.equal([])
      expect(rig.daemon.records.get('endpoint', ONE)).not.to.have.property('ports')
      await program(rig, TWO, HTTP)
      await rig.call('NetworkDriver.DeleteEndpoint', { NetworkID: NET, EndpointID: TWO })
      expect(portsOf(rig)).to.deep.equal([])
    })
  )

  it(
    'refuses a port that another container has, before anything is changed, and names it',
    withContainers(async (rig) => {
      await program(rig, ONE, HTTP)
      const before = snapshot(rig)
      for (const HostIP of ['', '127.0.0.1', '192.0.2.1']) {
        const error = await errorOf(program(rig, TWO, { ...ANY, Port: 81 }, { ...HTTP, HostIP }))
        expect(error).to.be.instanceOf(ConflictError)
        expect(error.message).to.match(
          /^tcp port 8080.* belongs to endpoint 000b.* \(10\.1\.0\.1\/32\) already$/
        )
      }
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )

  it(
    'takes the port of a container that is gone without a word',
    withContainers(async (rig) => {
      await program(rig, ONE, HTTP)
      rig.host.vanish(`link ${hostLinkName(ONE)}`)
      await program(rig, TWO, HTTP)
      expect(rig.host.objects.get('port tcp 0.0.0.0 8080')).to.include({ address: '10.1.0.2' })
      expect(rig.daemon.records.get('endpoint', ONE)).to.equal(undefined)
    })
  )

  it(
    'chooses ports, each once, around those of other containers and of the host',
    withContainers(async (rig) => {
      rig.host.listening.push(
        { protocol: 'tcp', address: '0.0.0.0', port: 61_000 },
        { protocol: 'udp', address: '0.0.0.0', port: 61_001 },
        { protocol: 'tcp', address: '127.0.0.1', port: 8000 }
      )
      const range = { ...HTTP, HostPort: 8000, HostPortEnd: 8001 }
      await Promise.all([program(rig, ONE, ANY, range), program(rig, TWO, ANY)])
      expect(portsOf(rig).filter((key) => key.startsWith('port tcp 0.0.0.0'))).to.deep.equal([
        'port tcp 0.0.0.0 61001',
        'port tcp 0.0.0.0 61002',
        'port tcp 0.0.0.0 8001'
      ])
      const chosen = portsOf(rig)
      await program(rig, ONE, ANY, range)
      expect(portsOf(rig)).to.deep.equal(chosen)
      expect(await errorOf(program(rig, TWO, ANY, range))).to.be.instanceOf(ExhaustedError)
      const busy = await errorOf(program(rig, TWO, { ...HTTP, HostPort: 61_000, HostPortEnd: 61_000 }))
      expect(busy.message).to.equal(
        'tcp port 61000 of 0.0.0.0 is in use by a process of this host, which listens on 0.0.0.0'
      )
      expect(portsOf(rig)).to.deep.equal(chosen)
    })
  )

  it('publishes each family where the container has its default route, as engines tell both', () =>
    withRig({}, async (rig) => {
      const dual = dockerId(2)
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      await rig.docker.createNetwork({ id: dual, subnet: '10.2.0.0/24', subnet6: 'fd00:2::/64' })
      const sandbox = '/var/run/docker/netns/1'
      await rig.docker.run({ id: ONE, network: NET, sandbox })
      await rig.docker.run({ id: TWO, network: dual, sandbox })
      for (const id of [ONE, TWO]) await program(rig, id, HTTP)
      const leadsTo = (key: string): unknown => rig.host.objects.get(key)
      expect(leadsTo('port tcp 0.0.0.0 8080')).to.include({ address: '10.1.0.1' })
      expect(leadsTo('port tcp :: 8080')).to.include({ address: 'fd00:2::1' })
      await revoke(rig, ONE)
      await program(rig, TWO, HTTP)
      expect(leadsTo('port tcp 0.0.0.0 8080')).to.include({ address: '10.2.0.1' })
    }))

  it(
    'leaves all as it was when the kernel refuses',
    withContainers(async (rig) => {
      const before = snapshot(rig)
      rig.host.refuse = ({ verb, object }) =>
        verb === 'add' && object.kind === 'port' ? 'ENOMEM' : undefined
      expect(await errorOf(program(rig, ONE, HTTP))).to.be.instanceOf(KernelError)
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )

  it(
    'publishes nothing of an internal network, and nothing for what is not known',
    withContainers(async (rig) => {
      await program(rig, ONE, HTTP)
      await program(rig, dockerId(99), HTTP)
      expect(portsOf(rig)).to.deep.equal([])
    }, true)
  )
})
