import { expect } from 'chai'
import { InvalidError } from '../../../src/errors.js'
import { parseOptions } from '../../../src/model/options/options.js'

describe('options of health', () => {
  it('say that other hosts have the address, or that they do not although the network says so', () => {
    expect(parseOptions({ 'net-routed.anycast': 'true' }, 'network')).to.deep.equal({ anycast: true })
    expect(parseOptions({ 'net-routed.anycast': true }, 'endpoint')).to.deep.equal({ anycast: true })
    expect(parseOptions({ 'net-routed.anycast': 'false' }, 'endpoint')).to.deep.equal({ anycast: false })
    for (const value of ['', 'yes', '1', 1, null, {}])
      expect(() => parseOptions({ 'net-routed.anycast': value }, 'endpoint'), JSON.stringify(value)).to.throw(
        InvalidError,
        'net-routed.anycast: '
      )
  })
})
