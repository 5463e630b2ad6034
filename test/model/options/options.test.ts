import { expect } from 'chai'
import { parseMtu } from '../../../src/model/options/link.js'
import {
  defaultsOf,
  foreignKeys,
  parseChanges,
  parseOptions,
  sameOptions
} from '../../../src/model/options/options.js'
import { InvalidError } from '../../../src/errors.js'

describe('parseOptions', () => {
  it("takes the MTU under Docker's key, ours and the ancestor's", () => {
    for (const key of ['com.docker.network.driver.mtu', 'net-routed.mtu', 'com.medallia.routed.network.mtu'])
      expect(parseOptions({ [key]: '1400' }, 'network')).to.deep.equal({ mtu: 1400 })
  })

  it('takes the beginning of interface names', () => {
    expect(parseOptions({ 'com.docker.network.container_iface_prefix': 'net' }, 'network')).to.deep.equal({
      interfacePrefix: 'net'
    })
    for (const prefix of ['', 'a b', 'x'.repeat(12), '../x', 7, null, 'ä', 'a\0'])
      expect(
        () => parseOptions({ 'com.docker.network.container_iface_prefix': prefix }, 'network'),
        String(prefix)
      ).to.throw(InvalidError, 'com.docker.network.container_iface_prefix')
  })

  it('refuses a key in our name that does not exist, and names those that do', () => {
    for (const key of ['net-routed.unheard-of', 'com.medallia.routed.network.x'])
      expect(() => parseOptions({ [key]: '1' }, 'network')).to.throw(
        InvalidError,
        `option ${key} does not exist: there are`
      )
  })

  it('takes keys in any case, as docker run --network makes them lower-case', () => {
    expect(parseOptions({ 'com.medallia.routed.network.ipaliases': '10.1.0.5' }, 'endpoint')).to.deep.equal({
      extraAddresses: ['10.1.0.5/32']
    })
    const keys = ['com.medallia.routed.network.ingressallowed', 'NET-ROUTED.Ingress', 'Net-Routed.ingress']
    for (const key of keys) expect(parseOptions({ [key]: 'none' }, 'network')).to.deep.equal({ ingress: [] })
    expect(
      parseOptions({ 'Net-Routed.Sysctl.net.ipv4.conf.IFNAME.rp_filter': '1' }, 'network')
    ).to.deep.equal({
      sysctls: { 'net.ipv4.conf.IFNAME.rp_filter': '1' }
    })
    expect(parseChanges({ 'NET-ROUTED.INGRESS': '' }, 'network').unset).to.deep.equal(['ingress'])
  })

  it('refuses what is nearly one of ours, and says which', () => {
    for (const [key, name] of Object.entries({
      'net-routed.adresses': 'net-routed.addresses',
      'netrouted.egress': 'net-routed.egress',
      net_routed_ingress: 'net-routed.ingress',
      'net-rooted.default': 'net-routed.default',
      egress: 'net-routed.egress',
      MTU: 'net-routed.mtu'
    }))
      for (const place of ['network', 'endpoint'] as const)
        expect(() => parseOptions({ [key]: '1' }, place), key).to.throw(
          InvalidError,
          `option ${key} does not exist (is ${name} meant?): there are`
        )
    expect(() => parseChanges({ 'net-routed.ingres': 'any' }, 'network')).to.throw(
      '(is net-routed.ingress meant?)'
    )
  })

  it('says where an option belongs that is not for this place', () => {
    expect(() => parseOptions({ 'net-routed.addresses': '10.1.0.5' }, 'network')).to.throw(
      'option net-routed.addresses is no option of a network, but of a container (docker run'
    )
    expect(() => parseOptions({ 'net-routed.ndp-proxy': 'eth0' }, 'endpoint')).to.throw(
      'option net-routed.ndp-proxy is no option of an endpoint, but of a network (docker network create'
    )
  })

  it('takes our name for an option before the others, and looks at all', () => {
    const both = { 'com.docker.network.driver.mtu': '1400', 'net-routed.mtu': '1300' }
    expect(parseOptions(both, 'network')).to.deep.equal({ mtu: 1300 })
    expect(() => parseOptions({ ...both, 'com.docker.network.driver.mtu': 'x' }, 'network')).to.throw(
      InvalidError,
      'com.docker.network.driver.mtu: "x"'
    )
  })

  it('refuses one that is there twice, in different cases', () => {
    const twice = { 'net-routed.ingress': 'any', 'Net-Routed.Ingress': 'none' }
    expect(() => parseOptions(twice, 'network')).to.throw(
      InvalidError,
      'net-routed.ingress and Net-Routed.Ingress are one option, case does not matter: give one of them'
    )
    expect(() => parseChanges(twice, 'network')).to.throw(InvalidError, 'are one option')
    const others = { Parent: 'a', parent: 'b' }
    expect(parseOptions(others, 'network')).to.deep.equal({})
  })

  it('takes an option of an endpoint, and refuses one that only networks have', () => {
    expect(parseOptions({ 'net-routed.mtu': '1400' }, 'endpoint')).to.deep.equal({ mtu: 1400 })
    expect(() => parseOptions({ 'net-routed.mtuu': '1' }, 'endpoint')).to.throw('there are net-routed.mtu')
  })

  it('leaves the options of others alone', () => {
    expect(
      parseOptions({ 'com.docker.network.bridge.name': 'x', parent: 'eth0', encrypted: '' }, 'network')
    ).to.deep.equal({})
  })
})

describe('options of a network', () => {
  it('are the defaults of its endpoints, where endpoints can have them', () => {
    const network = { mtu: 1400, interfacePrefix: 'net', id: 'n' }
    expect(defaultsOf(network)).to.deep.equal({ mtu: 1400 })
  })

  it('are compared without what is no option', () => {
    const network = { mtu: 1400, interfacePrefix: 'net', id: 'n' }
    expect(sameOptions(network, { mtu: 1400, interfacePrefix: 'net' })).to.equal(true)
    expect(sameOptions(network, { mtu: 1400 })).to.equal(false)
    expect(sameOptions(network, {})).to.equal(false)
  })
})

describe('parseMtu', () => {
  it('reads numbers and their text; 0 = leave alone', () => {
    for (const [value, mtu] of [
      ['1400', 1400],
      [1400, 1400],
      ['0', 0],
      [68, 68],
      ['65535', 65_535]
    ] as const)
      expect(parseMtu(value, 'mtu')).to.equal(mtu)
  })

  it('refuses everything else, with field and value', () => {
    for (const value of [
      '',
      ' ',
      '67',
      67,
      65_536,
      '1e3',
      '0x500',
      1.5,
      Number.NaN,
      null,
      undefined,
      [],
      {},
      true,
      '-1'
    ])
      expect(() => parseMtu(value, '--mtu'), typeof value).to.throw(InvalidError, '--mtu: ')
    expect(() => parseMtu('1e3', '--mtu')).to.throw('"1e3" is not an MTU: give 68 to 65535 bytes')
  })
})

describe('foreignKeys', () => {
  it("are neither Docker's nor ours", () => {
    const options = {
      'com.docker.network.portmap': 1,
      'net-routed.mtu': 1,
      'com.medallia.routed.x': 1,
      parent: 1,
      'com.x': 1
    }
    expect(foreignKeys(options)).to.deep.equal(['parent', 'com.x'])
  })
})

describe('parseChanges', () => {
  const PREFIX = 'com.docker.network.container_iface_prefix'

  it('reads values, and an empty one as none', () => {
    expect(parseChanges({ [PREFIX]: 'net' }, 'network')).to.deep.equal({
      set: { interfacePrefix: 'net' },
      unset: []
    })
    expect(parseChanges({ [PREFIX]: '' }, 'network')).to.deep.equal({ set: {}, unset: ['interfacePrefix'] })
  })

  it('refuses what is wrong, unknown, for another place, or fixed, and says what can change', () => {
    expect(() => parseChanges({ [PREFIX]: 'a b' }, 'network')).to.throw(InvalidError, `${PREFIX}: "a b"`)
    expect(() => parseChanges({ 'net-routed.x': '1' }, 'network')).to.throw(
      InvalidError,
      'option net-routed.x does not exist: there are '
    )
    expect(() => parseChanges({ [PREFIX]: 'x' }, 'endpoint')).to.throw('is no option of an endpoint')
    expect(() => parseChanges({ 'net-routed.mtu': '1400' }, 'endpoint')).to.throw(
      'option net-routed.mtu cannot change while containers run'
    )
    expect(() => parseChanges({}, 'endpoint')).to.throw(InvalidError, 'OPTION=VALUE')
  })
})
