import { expect } from 'chai'
import { desiredOfPorts, usesLoopback } from '../../src/desired/portmap.js'
import { hostLinkName } from '../../src/model/endpoint.js'
import type { Endpoint } from '../../src/model/endpoint.js'
import { parseIp, parseMac, parsePrefix } from '../../src/model/ip.js'

const OF = hostLinkName('e1')
const ENDPOINT: Endpoint = {
  id: 'e1',
  networkId: 'n1',
  addresses: [parsePrefix('10.1.0.2/32'), parsePrefix('10.1.0.3/32'), parsePrefix('fd00::2/128')],
  mac: parseMac('02:42:0a:01:00:02'),
  since: '2026-01-01T00:00:00.000Z'
}
const HTTP = { protocol: 'tcp', hostPort: 8080, containerPort: 80 } as const
const PORT = { kind: 'port', protocol: 'tcp', hostPort: 8080, port: 80, of: OF } as const

describe('desiredOfPorts', () => {
  it('is nothing without ports', () => {
    expect(desiredOfPorts(ENDPOINT)).to.deep.equal([])
    expect(desiredOfPorts({ ...ENDPOINT, ports: [] })).to.deep.equal([])
  })

  it('is each port in the first address of each family, and what comes back to it', () => {
    expect(desiredOfPorts({ ...ENDPOINT, ports: [HTTP] })).to.deep.equal([
      { kind: 'loopback', link: OF },
      { kind: 'hairpin', prefix: '10.1.0.2/32', address: '10.1.0.2' },
      { kind: 'hairpin', prefix: 'fd00::2/128', address: 'fd00::2' },
      { ...PORT, host: '0.0.0.0', address: '10.1.0.2' },
      { ...PORT, host: '127.0.0.1', address: '10.1.0.2' },
      { ...PORT, host: '::', address: 'fd00::2' },
      { ...PORT, host: '::1', address: 'fd00::2' }
    ])
  })

  it('is a port of one address of the host in the family of that one only', () => {
    const ports = [{ ...HTTP, hostIp: parseIp('192.0.2.1') }]
    const found = desiredOfPorts({ ...ENDPOINT, ports }).filter(({ kind }) => kind === 'port')
    expect(found).to.deep.equal([{ ...PORT, host: '192.0.2.1', address: '10.1.0.2' }])
  })

  it('names every device that a port is not meant for, once', () => {
    const exclude = ['mesos-cni0', 'docker0']
    const ports = [
      { ...HTTP, exclude, hostIp: parseIp('192.0.2.1') },
      { ...HTTP, exclude, hostIp: parseIp('192.0.2.2') }
    ]
    const found = desiredOfPorts({ ...ENDPOINT, ports }).filter(({ kind }) => kind === 'exclusion')
    expect(found).to.deep.equal(
      exclude.map((device) => ({ kind: 'exclusion', device, protocol: 'tcp', hostPort: 8080 }))
    )
  })

  it('reckons with neighbours on the bridge of another plugin, and not with a link of ours', () => {
    const delegate = { type: 'bridge', input: '{}' }
    const addresses = [parsePrefix('192.168.0.3/16')]
    expect(desiredOfPorts({ ...ENDPOINT, addresses, delegate, ports: [HTTP] })).to.deep.equal([
      { kind: 'hairpin', prefix: '192.168.0.0/16', address: '192.168.0.3' },
      { kind: 'port', protocol: 'tcp', host: '0.0.0.0', hostPort: 8080, address: '192.168.0.3', port: 80 }
    ])
  })
})

describe('usesLoopback', () => {
  it('is true only where 127.0.0.1 leads to the container', () => {
    const of = (hostIp?: string, addresses = ENDPOINT.addresses): boolean =>
      usesLoopback({
        ...ENDPOINT,
        addresses,
        ports: [{ ...HTTP, ...(hostIp === undefined ? {} : { hostIp: parseIp(hostIp) }) }]
      })
    expect([undefined, '0.0.0.0', '127.0.0.1', '127.8.8.8'].map((hostIp) => of(hostIp))).to.deep.equal(
      Array(4).fill(true)
    )
    expect(['192.0.2.1', '::', '::1'].map((hostIp) => of(hostIp))).to.deep.equal(Array(3).fill(false))
    expect(of(undefined, [parsePrefix('fd00::2/128')])).to.equal(false)
    expect(usesLoopback(ENDPOINT)).to.equal(false)
  })
})
