import { expect } from 'chai'
import { InvalidError } from '../../../src/errors.js'
import { parseOptions } from '../../../src/model/options/options.js'

const KEY = 'net-routed.sysctl.net.ipv4.conf.IFNAME.rp_filter'

describe('net-routed.sysctl', () => {
  it("takes settings of the container's interface, however they are spelt", () => {
    const given = {
      [KEY]: 2,
      'net-routed.sysctl.net.ipv6.conf.ifname.accept_ra': '0',
      'net-routed.sysctl.net.ipv4.neigh.IFNAME.base_reachable_time_ms': '5000'
    }
    for (const place of ['network', 'endpoint'] as const)
      expect(parseOptions(given, place)).to.deep.equal({
        sysctls: {
          'net.ipv4.conf.IFNAME.rp_filter': '2',
          'net.ipv6.conf.IFNAME.accept_ra': '0',
          'net.ipv4.neigh.IFNAME.base_reachable_time_ms': '5000'
        }
      })
  })

  it('refuses what is not of the interface, and says where it is given', () => {
    for (const name of [
      'net.ipv4.ip_forward',
      'net.ipv4.conf.all.rp_filter',
      'net.ipv4.conf.eth0.rp_filter',
      'kernel.hostname',
      'net.ipv4.conf.IFNAME.',
      'net.ipv4.conf.IFNAME.../x',
      ''
    ])
      expect(() => parseOptions({ [`net-routed.sysctl.${name}`]: '1' }, 'endpoint'), name)
        .to.throw(InvalidError, name)
        .with.property('message')
        .that.contains('docker run --sysctl')
    for (const value of ['', 'a\nb', null, {}, 'on', '1x', '1.5', '12345678901', '4294967296', '-2147483649'])
      expect(() => parseOptions({ [KEY]: value }, 'endpoint')).to.throw(InvalidError, KEY)
  })

  it('takes numbers, and one address', () => {
    const name = 'net-routed.sysctl.net.ipv6.conf.IFNAME.stable_secret'
    expect(parseOptions({ [name]: ' FD00::1 ' }, 'endpoint')).to.deep.equal({
      sysctls: { 'net.ipv6.conf.IFNAME.stable_secret': 'fd00::1' }
    })
    expect(() => parseOptions({ [name]: 'secret' }, 'endpoint')).to.throw(InvalidError, name)
    const hops = 'net-routed.sysctl.net.ipv6.conf.IFNAME.accept_ra_min_hop_limit'
    expect(parseOptions({ [hops]: '-1' }, 'endpoint')).to.deep.equal({
      sysctls: { 'net.ipv6.conf.IFNAME.accept_ra_min_hop_limit': '-1' }
    })
  })

  it('is in the list of what exists', () => {
    expect(() => parseOptions({ 'net-routed.sysctls': '1' }, 'endpoint')).to.throw('net-routed.sysctl.*')
  })
})

describe('net-routed.routes', () => {
  it('takes subnets and addresses of both families', () => {
    expect(
      parseOptions({ 'net-routed.routes': '10.9.0.1/16, 192.0.2.7;fd00:9::/32' }, 'network')
    ).to.deep.equal({ staticRoutes: ['10.9.0.0/16', '192.0.2.7/32', 'fd00:9::/32'] })
  })

  it('refuses the default route, and what is no subnet', () => {
    for (const value of ['0.0.0.0/0', '::/0', '10.9.0.0/33', 'x', 7, null])
      expect(() => parseOptions({ 'net-routed.routes': value }, 'endpoint')).to.throw(
        InvalidError,
        'net-routed.routes'
      )
  })
})
