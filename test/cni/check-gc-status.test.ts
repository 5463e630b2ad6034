import { expect } from 'chai'
import { hostLinkName } from '../../src/model/endpoint.js'
import { CONF, expectDone, expectRefused, heldAddresses, netnsOf, withCni } from '../support/cni.js'
import type { Cni, Subject } from '../support/cni.js'
import { snapshot } from '../support/daemon.js'
import type { Rig } from '../support/daemon.js'

const ID = 'cni:mine:c1:eth0'
const LINK = `link ${hostLinkName(ID)}`
const ROUTE = 'route 10.1.0.1/32 0'

describe('CHECK', () => {
  async function added(cni: Cni): Promise<object> {
    const { document } = await cni.call('ADD', CONF)
    return { ...CONF, prevResult: document }
  }

  it(
    'is content with what ADD made',
    withCni(async ({ cni }) => {
      expectDone(await cni.call('CHECK', await added(cni)))
    })
  )

  it(
    'needs a prevResult',
    withCni(async ({ cni }) => {
      await added(cni)
      expectRefused(await cni.call('CHECK', CONF), 7, /prevResult is missing/)
    })
  )

  const BREAKS: Readonly<Record<string, readonly [(subject: Subject) => void, RegExp]>> = {
    'a namespace that is gone': [
      ({ rig }) => {
        rig.host.endSandbox(netnsOf('c1'))
      },
      /pair of links .* is gone/
    ],
    'a link that is gone': [
      ({ rig }) => {
        rig.host.vanish(LINK)
      },
      /is gone/
    ],
    'an address that is gone': [
      ({ rig }) => {
        change(rig, { addresses: [] })
      },
      /address 10.1.0.1\/32 is missing on eth0/
    ],
    'a route that is gone': [
      ({ rig }) => {
        change(rig, { routes: [] })
      },
      /route 0.0.0.0\/0 via 169.254.1.1 is missing/
    ],
    'another MAC address': [
      ({ rig }) => {
        change(rig, { mac: '02:00:00:00:00:09' })
      },
      /has MAC address 02:00:00:00:00:09/
    ],
    'a route that the kernel refuses': [
      ({ rig }) => {
        rig.host.vanish(ROUTE)
        rig.host.foreign.add(ROUTE)
      },
      /cannot add route 10.1.0.1\/32/
    ]
  }
  for (const [what, [spoil, message]] of Object.entries(BREAKS)) {
    it(
      `says that it has found ${what}`,
      withCni(async (subject) => {
        const conf = await added(subject.cni)
        spoil(subject)
        expectRefused(await subject.cni.call('CHECK', conf), 113, message)
      })
    )
  }

  it(
    'repairs what it may on the host',
    withCni(async ({ rig, cni }) => {
      const conf = await added(cni)
      rig.host.vanish(ROUTE)
      expectDone(await cni.call('CHECK', conf))
      expect(rig.host.objects.has(ROUTE)).to.equal(true)
    })
  )

  it(
    'does not agree with a prevResult of something else',
    withCni(async ({ cni }) => {
      await added(cni)
      const prevResult = {
        interfaces: [{ name: 'eth0', sandbox: '/elsewhere' }],
        ips: [{ address: '10.9.9.9/32' }]
      }
      expectRefused(
        await cni.call('CHECK', { ...CONF, prevResult }),
        113,
        /no interface eth0 in .*; .*does not have the address 10.1.0.1/
      )
    })
  )

  function change(rig: Rig, fields: object): void {
    const ends = rig.host.sandboxes.get(netnsOf('c1'))
    const end = ends?.get('eth0')
    if (end) ends?.set('eth0', { ...end, ...fields })
  }
})

describe('GC', () => {
  const KEPT = { 'cni.dev/valid-attachments': [{ containerID: 'c2', ifname: 'eth0' }] }

  it(
    'removes what is not in the list, also without namespace',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', CONF))
      expectDone(await cni.call('ADD', CONF, { containerId: 'c2' }))
      rig.host.endSandbox(netnsOf('c1'))
      expectDone(await cni.call('GC', { ...CONF, ...KEPT }))
      expect(rig.daemon.records.all('endpoint').map(({ id }) => id)).to.deep.equal(['cni:mine:c2:eth0'])
      expect(heldAddresses(rig)).to.deep.equal(['10.1.0.2'])
    })
  )

  it(
    'leaves other networks alone',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', { ...CONF, name: 'other' }))
      expectDone(await cni.call('GC', { ...CONF, 'cni.dev/valid-attachments': [] }))
      expect(rig.daemon.records.count('endpoint')).to.equal(1)
    })
  )

  it(
    'removes with an empty list the network as well, and the host is as before',
    withCni(async ({ rig, cni }) => {
      const before = snapshot(rig)
      expectDone(await cni.call('ADD', CONF))
      expectDone(await cni.call('GC', { ...CONF, 'cni.dev/attachments': [] }))
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )

  it(
    'does nothing without a list',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', CONF))
      expectRefused(await cni.call('GC', CONF), 7, /valid-attachments: there is no list/)
      expectRefused(await cni.call('GC', { ...CONF, 'cni.dev/valid-attachments': [{}] }), 7, /"containerID"/)
      expect(rig.daemon.records.count('endpoint')).to.equal(1)
    })
  )
})

describe('STATUS', () => {
  it(
    'is well before and after the first container',
    withCni(async ({ cni }) => {
      expectDone(await cni.call('STATUS', CONF))
      expectDone(await cni.call('ADD', CONF))
      expectDone(await cni.call('STATUS', CONF))
    })
  )

  it(
    'says that no address is left',
    withCni(async ({ cni }) => {
      const conf = { ...CONF, ipam: { subnet: '10.1.0.0/31' } }
      expectDone(await cni.call('ADD', conf))
      expectDone(await cni.call('ADD', conf, { containerId: 'c2' }))
      expectRefused(await cni.call('STATUS', conf), 50, /no address is left in 10.1.0.0\/31/)
      expectRefused(
        await cni.call('ADD', conf, { containerId: 'c2', ifName: 'eth1' }),
        111,
        /no address is left/
      )
    })
  )

  it(
    'says what is wrong with the host',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', CONF))
      rig.host.refuse = ({ object }) => (object.kind === 'guard' ? 'EPERM' : undefined)
      rig.host.vanish('guard')
      await rig.daemon.reconciler.resync()
      expectRefused(await cni.call('STATUS', CONF), 50, /cannot add nftables tables/)
    })
  )
})

describe('commands and versions', () => {
  for (const [command, version, since] of [
    ['CHECK', '0.3.1', '0.4.0'],
    ['GC', '1.0.0', '1.1.0'],
    ['STATUS', '0.4.0', '1.1.0']
  ] as const) {
    it(
      `${command} came with ${since}`,
      withCni(async ({ cni }) => {
        const answer = await cni.call(command, { ...CONF, cniVersion: version })
        expectRefused(answer, 1, /does not have/)
        expect(answer.document).to.include({ cniVersion: version })
      })
    )
  }

  it(
    'answers in the version of the configuration, which is 0.1.0 without one',
    withCni(async ({ cni }) => {
      const { cniVersion: _version, ...old } = CONF
      const { document } = await cni.call('ADD', old)
      expect(document).to.have.keys('cniVersion', 'ip4', 'dns')
      expect(document).to.include({ cniVersion: '0.1.0' })
    })
  )

  it(
    'refuses what cannot be understood with the right code',
    withCni(async ({ cni }) => {
      expectRefused(await cni.call('ADD', 'no JSON'), 6, /not JSON/)
      expectRefused(await cni.call('ADD', { ...CONF, cniVersion: '2.0.0' }), 1, /"2.0.0" is not supported/)
      expectRefused(await cni.call('MOVE', CONF), 4, /CNI_COMMAND is "MOVE"/)
      expectRefused(await cni.call('ADD', CONF, { ifName: '' }), 4, /CNI_IFNAME/)
      expectRefused(await cni.call('ADD', { ...CONF, name: undefined }), 7, /^name: /)
    })
  )
})
