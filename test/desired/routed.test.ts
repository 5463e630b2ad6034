import { expect } from 'chai'
import { desiredOfEndpoint } from '../../src/desired/routed.js'
import { keyOf } from '../../src/host/objects.js'
import type { HostObject } from '../../src/host/objects.js'
import { containerLinkName, hostLinkName } from '../../src/model/endpoint.js'
import type { Endpoint } from '../../src/model/endpoint.js'
import { parseIp, parseMac, parsePrefix } from '../../src/model/ip.js'

const LINK = hostLinkName('e1')
const WAITING: Endpoint = {
  id: 'e1',
  networkId: 'n1',
  addresses: [parsePrefix('10.1.0.2/32')],
  mac: parseMac('02:42:0a:01:00:02'),
  mtu: 1400,
  since: '2026-01-01T00:00:00.000Z'
}
const SANDBOX = { path: '/box', runtime: 'docker', gateway: parseIp('169.254.1.1') } as const
const JOINED: Endpoint = { ...WAITING, sandbox: SANDBOX }
const DUAL: Endpoint = {
  ...JOINED,
  addresses: [parsePrefix('10.1.0.2/32'), parsePrefix('fd00::2/128')],
  sandbox: { ...SANDBOX, gateway6: parseIp('fe80::1') }
}

function ofKind(endpoint: Endpoint, kind: HostObject['kind']): readonly HostObject[] {
  return desiredOfEndpoint(endpoint).filter((object) => object.kind === kind)
}

describe('desiredOfEndpoint', () => {
  it('before it is joined is its pair of links', () => {
    expect(desiredOfEndpoint(WAITING).filter(({ kind }) => kind !== 'source')).to.deep.equal([
      {
        kind: 'link',
        name: LINK,
        alias: 'net-routed endpoint e1',
        mtu: 1400,
        ipv6: false,
        proxyArp: false,
        localnet: false,
        settled: true,
        veth: { name: containerLinkName('e1'), mac: '02:42:0a:01:00:02' }
      }
    ])
  })

  it('joined has the gateway, a neighbour and a route for its address', () => {
    expect(ofKind(JOINED, 'address')).to.deep.equal([
      { kind: 'address', link: LINK, address: '169.254.1.1/32' }
    ])
    expect(ofKind(JOINED, 'neighbour')).to.deep.equal([
      { kind: 'neighbour', link: LINK, address: '10.1.0.2', mac: '02:42:0a:01:00:02' }
    ])
    expect(ofKind(JOINED, 'route')).to.deep.equal([
      { kind: 'route', link: LINK, dst: '10.1.0.2/32', metric: 0 }
    ])
  })

  it('joined or left never makes a new pair: the other end is in the container', () => {
    for (const endpoint of [JOINED, { ...WAITING, left: true } as const])
      expect(ofKind(endpoint, 'link').some((link) => 'veth' in link)).to.equal(false)
  })

  it('left has its link and no route', () => {
    const left: Endpoint = { ...WAITING, left: true }
    expect(ofKind(left, 'link')).to.have.length(1)
    expect([
      ...ofKind(left, 'route'),
      ...ofKind(left, 'address'),
      ...ofKind(left, 'neighbour')
    ]).to.deep.equal([])
  })

  it('deleted has nothing', () => {
    expect(desiredOfEndpoint({ ...DUAL, deleted: true })).to.deep.equal([])
  })

  it('with IPv6 has IPv6 on, and all of it for both families', () => {
    expect(ofKind(DUAL, 'link')).to.have.nested.property('[0].ipv6', true)
    expect(ofKind(DUAL, 'address')).to.deep.include({ kind: 'address', link: LINK, address: 'fe80::1/64' })
    expect(ofKind(DUAL, 'route')).to.deep.include({
      kind: 'route',
      link: LINK,
      dst: 'fd00::2/128',
      metric: 1024
    })
    expect(ofKind(DUAL, 'neighbour').map(keyOf)).to.deep.equal([
      `neighbour 10.1.0.2 ${LINK}`,
      `neighbour fd00::2 ${LINK}`,
      `neighbour fe80::42:aff:fe01:2 ${LINK}`
    ])
  })

  it('leaves a gateway to the router that has it, and answers for it by proxy', () => {
    const foreign: Endpoint = {
      ...JOINED,
      gatewayIsForeign: true,
      sandbox: { ...SANDBOX, gatewayIsForeign: true }
    }
    expect(ofKind(foreign, 'address')).to.deep.equal([])
    expect(ofKind(foreign, 'link')).to.have.nested.property('[0].proxyArp', true)
  })

  it('answers ARP for neighbours where the container has a wider prefix, and routes only its address', () => {
    const wide: Endpoint = { ...JOINED, addresses: [parsePrefix('10.1.0.2/24')] }
    expect(ofKind(wide, 'link')).to.have.nested.property('[0].proxyArp', true)
    expect(ofKind(wide, 'route').map(keyOf)).to.deep.equal(['route 10.1.0.2/32 0'])
  })

  it('without address is a link alone', () => {
    const bare: Endpoint = { ...WAITING, addresses: [], sandbox: { path: '/box', runtime: 'docker' } }
    expect(
      desiredOfEndpoint(bare)
        .map(({ kind }) => kind)
        .filter((kind) => kind !== 'source')
    ).to.deep.equal(['link'])
  })

  it('has one object under each key', () => {
    const keys = desiredOfEndpoint(DUAL).map(keyOf)
    expect(new Set(keys).size).to.equal(keys.length)
  })
})
