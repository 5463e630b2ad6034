import { expect } from 'chai'
import { parsePorts } from '../../src/cni/ports.js'
import { CONF, expectDone, expectRefused, withCni } from '../support/cni.js'
import { hostLinkName } from '../../src/model/endpoint.js'

const HTTP = { hostPort: 8080, containerPort: 80 }
const publishing = (...portMappings: readonly object[]): object => ({
  ...CONF,
  runtimeConfig: { portMappings }
})

describe('parsePorts', () => {
  it('takes what runtimes say', () => {
    expect(
      parsePorts(
        [HTTP, { ...HTTP, protocol: 'UDP', hostIP: '' }, { ...HTTP, hostPort: 8081, hostIP: '127.0.0.1' }],
        'f'
      )
    ).to.deep.equal([
      { ...HTTP, protocol: 'tcp' },
      { ...HTTP, protocol: 'udp' },
      { ...HTTP, hostPort: 8081, protocol: 'tcp', hostIp: '127.0.0.1' }
    ])
  })

  const WRONG: readonly (readonly [object, RegExp])[] = [
    [{ ...HTTP, hostPort: 0 }, /^f\[0\]\.hostPort: 0: give a port from 1 to 65535$/],
    [{ ...HTTP, containerPort: 65_536 }, /^f\[0\]\.containerPort: 65536/],
    [{ ...HTTP, hostPort: 1.5 }, /^f\[0\]\.hostPort: 1\.5/],
    [{ ...HTTP, protocol: 'icmp' }, /^f\[0\]\.protocol: "icmp": give one of tcp, udp, sctp$/],
    [{ ...HTTP, hostIP: 'eth0' }, /^f\[0\]\.hostIP: "eth0"/]
  ]
  for (const [given, message] of WRONG) {
    it(`names the field in ${JSON.stringify(given)}`, () => {
      expect(() => parsePorts([given as typeof HTTP], 'f')).to.throw(message)
    })
  }

  it('refuses one port of the host twice', () => {
    for (const other of [{}, { hostIP: '192.0.2.1' }, { hostIP: '::1' }])
      expect(() => parsePorts([HTTP, { ...other, hostPort: 8080, containerPort: 81 }], 'f')).to.throw(
        'f: tcp port 8080 is in it twice'
      )
    const [one, two] = ['192.0.2.1', '127.0.0.1'].map((hostIP) => ({ ...HTTP, hostIP }))
    expect(
      parsePorts(
        [
          { ...HTTP, ...one },
          { ...HTTP, ...two }
        ],
        'f'
      )
    ).to.have.length(2)
  })
})

describe('portMappings', () => {
  it(
    'are published with the container and withdrawn with it, and then nothing is tracked because of us',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', publishing(HTTP)))
      expect(rig.host.objects.get('port tcp 0.0.0.0 8080')).to.include({ address: '10.1.0.1', port: 80 })
      expect(rig.host.objects.has('publisher')).to.equal(true)
      expectDone(await cni.call('DEL', CONF))
      expect(
        [...rig.host.objects.keys()].filter((key) => /^(port|publisher|hairpin)/.test(key))
      ).to.deep.equal([])
    })
  )

  it(
    'of another container are refused before anything is done, those of a dead one taken over',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', publishing(HTTP)))
      const other = { containerId: 'c2' }
      expectRefused(
        await cni.call('ADD', publishing(HTTP), other),
        110,
        /^tcp port 8080 belongs to endpoint cni:mine:c1:eth0 already$/
      )
      expectDone(await cni.call('ADD', publishing({ ...HTTP, protocol: 'udp' }), { containerId: 'c2' }))
      expectDone(await cni.call('DEL', CONF, other))
      rig.host.endSandbox('/run/netns/c1')
      expectDone(await cni.call('ADD', publishing(HTTP), other))
      expect(rig.host.objects.get('port tcp 0.0.0.0 8080')).to.include({ address: '10.1.0.4' })
    })
  )

  it(
    'go with the link of the container, not only with DEL',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', publishing(HTTP)))
      rig.host.vanish(`link ${hostLinkName('cni:mine:c1:eth0')}`)
      await rig.daemon.upkeep()
      expect(rig.host.objects.has('port tcp 0.0.0.0 8080')).to.equal(false)
    })
  )
})
