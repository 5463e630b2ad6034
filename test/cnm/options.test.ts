import { expect } from 'chai'
import { foreignOptions, parseMtu, parseNetworkOptions } from '../../src/cnm/options.js'
import { InvalidError } from '../../src/errors.js'

describe('parseNetworkOptions', () => {
  it("takes the MTU under Docker's key, ours and the ancestor's", () => {
    for (const key of ['com.docker.network.driver.mtu', 'net-routed.mtu', 'com.medallia.routed.network.mtu'])
      expect(parseNetworkOptions({ [key]: '1400' })).to.deep.equal({ mtu: 1400 })
  })

  it('takes the beginning of interface names', () => {
    expect(parseNetworkOptions({ 'com.docker.network.container_iface_prefix': 'net' })).to.deep.equal({
      interfacePrefix: 'net'
    })
    for (const prefix of ['', 'a b', 'x'.repeat(12), '../x', 7, null, 'ä', 'a\0'])
      expect(
        () => parseNetworkOptions({ 'com.docker.network.container_iface_prefix': prefix }),
        String(prefix)
      ).to.throw(InvalidError, 'com.docker.network.container_iface_prefix')
  })

  it('refuses a key in our name that does not exist, and names those that do', () => {
    for (const key of ['net-routed.mtuu', 'com.medallia.routed.network.x'])
      expect(() => parseNetworkOptions({ [key]: '1' })).to.throw(
        InvalidError,
        `option ${key} does not exist: there are`
      )
  })

  it('leaves the options of others alone', () => {
    expect(parseNetworkOptions({ 'com.docker.network.bridge.name': 'x', parent: 'eth0' })).to.deep.equal({})
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

describe('foreignOptions', () => {
  it("are neither Docker's nor ours", () => {
    const options = {
      'com.docker.network.portmap': 1,
      'net-routed.mtu': 1,
      'com.medallia.routed.x': 1,
      parent: 1,
      'com.x': 1
    }
    expect(foreignOptions(options)).to.deep.equal(['parent', 'com.x'])
  })
})
