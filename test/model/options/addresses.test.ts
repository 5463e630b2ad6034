import { expect } from 'chai'
import { InvalidError } from '../../../src/errors.js'
import { parseOptions } from '../../../src/model/options/options.js'

const KEY = 'net-routed.addresses'

describe('net-routed.addresses', () => {
  it('takes addresses of both families, with commas, blanks or as a list, each once', () => {
    const extraAddresses = ['10.1.0.5/32', '10.1.0.6/32', 'fd00::5/128']
    for (const value of [
      '10.1.0.5,10.1.0.6/32,fd00::5',
      ' 10.1.0.5  10.1.0.6, FD00:0::5/128 10.1.0.5',
      '10.1.0.5;10.1.0.6; fd00::5',
      ['10.1.0.5', '10.1.0.6', 'fd00::5']
    ])
      expect(parseOptions({ [KEY]: value }, 'endpoint')).to.deep.equal({ extraAddresses })
  })

  it("takes the ancestor's name for it", () => {
    const given = { 'com.medallia.routed.network.ipAliases': '192.168.255.254/32,192.168.255.255/32' }
    expect(parseOptions(given, 'endpoint')).to.deep.equal({
      extraAddresses: ['192.168.255.254/32', '192.168.255.255/32']
    })
  })

  it('refuses what is no address of a container, with key and value', () => {
    for (const value of [
      '10.1.0.0/24',
      '10.1.0.256',
      'x',
      '127.0.0.1',
      '169.254.1.1',
      '224.0.0.1',
      '255.255.255.255',
      '0.0.0.0',
      '::1',
      '::',
      'fe80::1',
      'ff02::1',
      '::ffff:a01:5',
      'fd00::/64'
    ]) {
      const parse = (): unknown => parseOptions({ [KEY]: `10.1.0.5,${value}` }, 'endpoint')
      expect(parse, value).to.throw(InvalidError, KEY)
      expect(parse, value).to.throw(value.replace(/\/.*/, ''))
    }
    for (const value of [7, null, { a: 1 }, [7]])
      expect(() => parseOptions({ [KEY]: value }, 'endpoint')).to.throw(InvalidError, KEY)
  })

  it('is no option of a network: each container has addresses of its own', () => {
    expect(() => parseOptions({ [KEY]: '10.1.0.5' }, 'network')).to.throw('is no option of a network')
  })
})
