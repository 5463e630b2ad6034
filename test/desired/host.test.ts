import { expect } from 'chai'
import { desiredOfHost, neededSettings } from '../../src/desired/host.js'
import { keyOf } from '../../src/host/objects.js'
import { parsePrefix } from '../../src/model/ip.js'
import type { Network } from '../../src/model/network.js'

const V4: Network = {
  id: 'n1',
  mode: 'routed',
  subnets: [{ space: 'net-routed-local', prefix: parsePrefix('10.1.0.0/24') }],
  number: 1,
  internal: false
}
const V6: Network = { ...V4, id: 'n2', subnets: [{ space: 'x', prefix: parsePrefix('fd00::/64') }] }
const SETTING = { id: 'net.ipv4.ip_forward', before: '0' }

function keys(networks: readonly Network[]): readonly string[] {
  return desiredOfHost(networks, [SETTING]).map(keyOf)
}

describe('desiredOfHost', () => {
  it('forwards, and lets through the firewall, what its networks need', () => {
    expect(keys([V4])).to.include.members(['sysctl net.ipv4.ip_forward', 'firewall 4'])
    expect(keys([V4]).filter((key) => key.includes('6'))).to.deep.equal([])
    expect(keys([V4, V6])).to.include.members([
      'sysctl net.ipv6.conf.all.forwarding',
      'firewall 6',
      'firewall 4'
    ])
  })

  it('forwards IPv4 for a network without subnet', () => {
    expect(keys([{ ...V4, subnets: [] }])).to.include('sysctl net.ipv4.ip_forward')
  })

  it('without networks is what was before, and nothing else', () => {
    expect(desiredOfHost([], [SETTING])).to.deep.equal([
      { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '0' }
    ])
    expect(desiredOfHost([], [])).to.deep.equal([])
  })
})

describe('neededSettings', () => {
  it('is what the networks need, by family', () => {
    expect([...neededSettings([])]).to.deep.equal([])
    expect([...neededSettings([V4])]).to.deep.equal([['net.ipv4.ip_forward', '1']])
    expect([...neededSettings([V6]).keys()]).to.include('net.ipv6.conf.all.forwarding')
  })
})
