import { expect } from 'chai'
import { hostLinkName } from '../../src/model/endpoint.js'
import { CONF, expectDone, expectRefused, heldAddresses, netnsOf, withCni } from '../support/cni.js'
import { snapshot } from '../support/daemon.js'
import { at, listAt } from '../support/json.js'

const ID = 'cni:mine:c1:eth0'
const LINK = `link ${hostLinkName(ID)}`
const ROUTE = 'route 10.1.0.1/32 0'

describe('ADD', () => {
  it(
    'makes both ends, routes the address, and says so',
    withCni(async ({ rig, cni }) => {
      const { document } = await cni.call('ADD', CONF)
      expect(document).to.deep.equal({
        cniVersion: '1.1.0',
        interfaces: [
          {
            name: hostLinkName(ID),
            mac: document && (document as { interfaces: { mac: string }[] }).interfaces[0]?.mac,
            mtu: 1500
          },
          { name: 'eth0', mac: '02:42:0a:01:00:01', mtu: 1500, sandbox: netnsOf('c1') }
        ],
        ips: [{ interface: 1, address: '10.1.0.1/32', gateway: '169.254.1.1' }],
        routes: [
          { dst: '0.0.0.0/0', gw: '169.254.1.1' },
          { dst: '10.1.0.0/24', gw: '169.254.1.1' }
        ],
        dns: {}
      })
      expect(rig.host.objects.has(LINK)).to.equal(true)
      expect(rig.host.objects.has(ROUTE)).to.equal(true)
      expect(await rig.host.find(netnsOf('c1'), 'eth0')).to.deep.include({
        addresses: ['10.1.0.1/32'],
        ipv6: false,
        routes: [
          { dst: '169.254.1.1/32' },
          { dst: '0.0.0.0/0', via: '169.254.1.1' },
          { dst: '10.1.0.0/24', via: '169.254.1.1' }
        ]
      })
    })
  )

  it(
    'gives each container an address of its own, and of each subnet one',
    withCni(async ({ rig, cni }) => {
      const conf = { ...CONF, ipam: { subnets: [{ subnet: '10.1.0.0/24' }, { subnet: 'fd00::/64' }] } }
      expectDone(await cni.call('ADD', conf))
      expectDone(await cni.call('ADD', conf, { containerId: 'c2' }))
      const addresses = rig.daemon.records.all('endpoint').map((endpoint) => endpoint.addresses)
      expect(addresses).to.deep.equal([
        ['10.1.0.1/32', 'fd00::1/128'],
        ['10.1.0.2/32', 'fd00::2/128']
      ])
      expect(await rig.host.find(netnsOf('c1'), 'eth0')).to.deep.include({ ipv6: true })
      expect(rig.host.objects.get('sysctl net.ipv6.conf.all.forwarding')).to.include({ value: '1' })
    })
  )

  it(
    'adds the addresses that the container asks for to those of the IPAM, and takes them from their pools',
    withCni(async ({ rig, cni }) => {
      const args = { cni: { options: { 'net-routed.addresses': '10.1.0.77 fd00::77' } } }
      const { document } = await cni.call('ADD', { ...CONF, args })
      const addresses = ['10.1.0.1/32', '10.1.0.77/32', 'fd00::77/128']
      expect(listAt(document, 'ips').map((entry) => at(entry, 'address'))).to.deep.equal(addresses)
      expect(await rig.host.find(netnsOf('c1'), 'eth0')).to.deep.include({ addresses, ipv6: true })
      expect(heldAddresses(rig)).to.have.members(['10.1.0.1', '10.1.0.77'])
      expectRefused(await cni.call('ADD', { ...CONF, args }, { containerId: 'c2' }), 110, /10\.1\.0\.77/)
      expectDone(await cni.call('DEL', CONF))
      expect(heldAddresses(rig)).to.deep.equal([])
      expect(rig.host.objects.has('route 10.1.0.77/32 0')).to.equal(false)
    })
  )

  it(
    'takes the options of the container before those of the network',
    withCni(async ({ rig, cni }) => {
      const options = { 'net-routed.mtu': 1280 }
      const args = { cni: { options: { 'net-routed.mtu': 1300 } } }
      expectDone(await cni.call('ADD', { ...CONF, options }))
      expectDone(await cni.call('ADD', { ...CONF, options, args }, { containerId: 'c2' }))
      expect(rig.daemon.records.all('endpoint').map(({ mtu }) => mtu)).to.have.members([1280, 1300])
      const wrong = { ...CONF, options: { 'net-routed.mtuu': 1 } }
      expectRefused(await cni.call('ADD', wrong, { containerId: 'c3' }), 7, /net-routed.mtuu does not exist/)
    })
  )

  it(
    'takes the addresses, MAC address and MTU that are asked for',
    withCni(async ({ rig, cni }) => {
      const runtimeConfig = { ips: ['10.1.0.9', '10.1.0.10'], mac: '02:00:00:00:00:05' }
      expectDone(await cni.call('ADD', { ...CONF, mtu: 1280, runtimeConfig }))
      expect(rig.daemon.records.get('endpoint', ID)).to.deep.include({
        addresses: ['10.1.0.9/32', '10.1.0.10/32'],
        mac: '02:00:00:00:00:05',
        mtu: 1280
      })
      expectRefused(
        await cni.call('ADD', { ...CONF, runtimeConfig }, { containerId: 'c2' }),
        110,
        /10.1.0.9 .* in use/
      )
      expect(heldAddresses(rig)).to.deep.equal(['10.1.0.9', '10.1.0.10'])
    })
  )

  it(
    'needs no pool for addresses that are asked for',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', { ...CONF, ipam: {} }, { args: 'IP=10.7.0.9' }))
      expect(rig.host.objects.has('route 10.7.0.9/32 0')).to.equal(true)
      expectRefused(
        await cni.call('ADD', { ...CONF, ipam: {} }, { containerId: 'c2', args: 'IP=10.7.0.9' }),
        110,
        /belongs to endpoint/
      )
      expectRefused(
        await cni.call('ADD', { ...CONF, name: 'other', ipam: {} }, { containerId: 'c2' }),
        7,
        /no IPv4 subnet given/
      )
    })
  )

  it(
    'uses the default pools without a subnet',
    withCni(
      async ({ rig, cni }) => {
        expectDone(await cni.call('ADD', { ...CONF, ipam: {} }))
        expectDone(await cni.call('ADD', { ...CONF, ipam: {} }, { containerId: 'c2' }))
        expect(heldAddresses(rig)).to.deep.equal(['10.46.0.1', '10.46.0.2'])
      },
      { config: { defaultAddressPool: [{ base: '10.46.0.0/16' as never, size: 24 }] } }
    )
  )

  it(
    'follows a configuration that changes',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', CONF))
      const wider = {
        ...CONF,
        ipam: { subnets: [{ subnet: '10.1.0.0/24', range: '10.1.0.128/25' }, { subnet: '10.2.0.0/24' }] }
      }
      expectDone(await cni.call('ADD', wider, { containerId: 'c2' }))
      expect(heldAddresses(rig)).to.deep.equal(['10.1.0.1', '10.1.0.128', '10.2.0.1'])
      expectDone(await cni.call('DEL', wider))
      expectDone(await cni.call('DEL', CONF, { containerId: 'c2' }))
      expect(heldAddresses(rig)).to.deep.equal([])
    })
  )

  it(
    'keeps a gateway from being given out, and uses it',
    withCni(async ({ rig, cni }) => {
      const conf = { ...CONF, ipam: { subnet: '10.1.0.0/24', gateway: '10.1.0.1' } }
      const { document } = await cni.call('ADD', conf)
      expect(document?.['ips']).to.deep.equal([{ interface: 1, address: '10.1.0.2/32', gateway: '10.1.0.1' }])
      expect(heldAddresses(rig)).to.have.members(['10.1.0.1', '10.1.0.2'])
    })
  )

  it(
    'adds to what the plugins before it have made',
    withCni(async ({ cni }) => {
      const prevResult = {
        cniVersion: '1.1.0',
        interfaces: [{ name: 'lo', sandbox: netnsOf('c1') }],
        ips: [{ address: '127.0.0.1/8', interface: 0 }]
      }
      const { document } = await cni.call('ADD', { ...CONF, prevResult })
      expect((document?.['interfaces'] as { name: string }[]).map(({ name }) => name)).to.deep.equal([
        'lo',
        hostLinkName(ID),
        'eth0'
      ])
      expect((document?.['ips'] as { interface: number }[]).map((ip) => ip.interface)).to.deep.equal([0, 2])
    })
  )

  it(
    'joins a container to several networks, of which the first has the default route',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', CONF))
      const other = { ...CONF, name: 'other', ipam: { subnet: '10.2.0.0/24' } }
      const { document } = await cni.call('ADD', other, { ifName: 'eth1' })
      expect(document?.['routes']).to.deep.equal([{ dst: '10.2.0.0/24', gw: '169.254.1.2' }])
      expect(await rig.host.find(netnsOf('c1'), 'eth1')).to.deep.include({
        routes: [{ dst: '169.254.1.2/32' }, { dst: '10.2.0.0/24', via: '169.254.1.2' }]
      })
    })
  )

  it(
    'refuses what exists, and leaves it alone',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', CONF))
      const before = snapshot(rig)
      expectRefused(await cni.call('ADD', CONF), 110, /eth0 exists already in \/run\/netns\/c1/)
      expectRefused(
        await cni.call('ADD', CONF, { netns: netnsOf('c2') }),
        110,
        /is attached already, with 10.1.0.1\/32/
      )
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )

  it(
    'refuses a namespace that does not exist, before anything is done',
    withCni(async ({ rig, cni }) => {
      const before = snapshot(rig)
      expectRefused(
        await cni.call('ADD', CONF, { containerId: 'c9' }),
        8,
        /^CNI_NETNS: network namespace \/run\/netns\/c9/
      )
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )

  it(
    'takes the place of an attachment whose container is gone',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', CONF))
      rig.host.endSandbox(netnsOf('c1'))
      cni.sandbox('c1')
      expectDone(await cni.call('ADD', CONF))
      expect(rig.daemon.records.count('endpoint')).to.equal(1)
    })
  )

  it(
    'refuses a subnet that a network with containers has, and takes one from a network without',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', CONF))
      const other = { ...CONF, name: 'other' }
      expectRefused(
        await cni.call('ADD', other, { containerId: 'c2' }),
        110,
        /overlaps with 10.1.0.0\/24 of network cni:mine/
      )
      expectDone(await cni.call('DEL', CONF))
      expectDone(await cni.call('ADD', other, { containerId: 'c2' }))
      expect(rig.daemon.records.all('network').map(({ id }) => id)).to.deep.equal(['cni:other'])
    })
  )
})

describe('DEL', () => {
  it(
    'takes everything back, and succeeds again',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('ADD', CONF, { containerId: 'c2' }))
      const before = snapshot(rig)
      expectDone(await cni.call('ADD', CONF))
      for (let time = 0; time < 3; time++) expectDone(await cni.call('DEL', CONF))
      expect(rig.host.objects.has(LINK)).to.equal(false)
      expect(rig.daemon.records.count('endpoint')).to.equal(1)
      expect(heldAddresses(rig)).to.deep.equal(['10.1.0.1'])
      expect((snapshot(rig) as { objects: unknown }).objects).to.deep.equal(
        (before as { objects: unknown }).objects
      )
    })
  )

  it(
    'succeeds without namespace, without having been added, and with a configuration that has become wrong',
    withCni(async ({ rig, cni }) => {
      expectDone(await cni.call('DEL', CONF, { netns: '' }))
      expectDone(await cni.call('ADD', CONF))
      rig.host.endSandbox(netnsOf('c1'))
      expectDone(await cni.call('DEL', { ...CONF, mtu: 'wrong', ipam: { subnet: 'wrong' } }, { netns: '' }))
      expect(rig.daemon.records.count('endpoint')).to.equal(0)
      expect(heldAddresses(rig)).to.deep.equal([])
    })
  )
})
