import { expect } from 'chai'
import { InvalidError } from '../../../src/errors.js'
import { parseChanges, parseOptions } from '../../../src/model/options/options.js'
import { ratesText } from '../../../src/model/options/rates.js'

const optionsOf = (key: string, value: unknown) => parseOptions({ [`net-routed.${key}`]: value }, 'endpoint')

describe('options of rates', () => {
  it('are in the units of tc', () => {
    const rates: readonly (readonly [unknown, number])[] = [
      ['10mbit', 10_000_000],
      ['1gbit', 1_000_000_000],
      ['512kbit', 512_000],
      ['1.5Mbit', 1_500_000],
      ['1000000', 1_000_000],
      [1_000_000, 1_000_000],
      ['8kbit', 8_000],
      ['1mibit', 1_048_576]
    ]
    for (const [value, rateIn] of rates) expect(optionsOf('rate-in', value)).to.deep.equal({ rateIn })
    expect(optionsOf('rate-out', '1gbit')).to.deep.equal({ rateOut: 1_000_000_000 })
    expect(optionsOf('burst', '32k')).to.deep.equal({ burstIn: 32_768, burstOut: 32_768 })
    expect(optionsOf('burst', 1_600)).to.deep.equal({ burstIn: 1_600, burstOut: 1_600 })
  })

  it('name code points, or number them', () => {
    const points = { ef: 46, cs1: 8, CS7: 56, af41: 34, af13: 14, le: 1, va: 44, '0': 0, '63': 63 }
    for (const [value, dscp] of Object.entries(points))
      expect(optionsOf('dscp', value)).to.deep.equal({ dscp })
    expect(optionsOf('dscp', 10)).to.deep.equal({ dscp: 10 })
  })

  it('refuse everything else with key and value', () => {
    const wrong = {
      'rate-in': [
        '',
        '0',
        '7kbit',
        '10mb',
        'fast',
        '-1mbit',
        '35gbit',
        'constructor',
        '1 tbit',
        '10 mbit',
        '-1',
        '1e9',
        '10mbits',
        '99999999999999',
        null,
        true,
        ['10mbit'],
        {}
      ],
      'rate-out': ['10 mbits'],
      burst: ['0', '1599', '2g', '10mbit', null],
      dscp: ['64', '-1', 'af44', 'cs8', 'ef1', '1.5', '', null, false]
    }
    for (const [key, values] of Object.entries(wrong))
      for (const value of values)
        expect(() => optionsOf(key, value), key).to.throw(InvalidError, `net-routed.${key}: `)
  })

  it('do not guess whether bits or bytes are meant', () => {
    for (const value of ['10Mbps', '100kbps', '1 GBps', '5MB/s'])
      expect(() => optionsOf('rate-in', value), value).to.throw(
        InvalidError,
        `net-routed.rate-in: "${value}" is not a rate, it may be bits or bytes: give 8kbit to 34gbit`
      )
  })

  it('may change while containers run', () => {
    const given = { 'net-routed.rate-in': '1mbit', 'net-routed.burst': '', 'net-routed.dscp': 'ef' }
    expect(parseChanges(given, 'endpoint')).to.deep.equal({
      set: { rateIn: 1_000_000, dscp: 46 },
      unset: ['burstIn', 'burstOut']
    })
  })
})

describe('ratesText', () => {
  it('is what people wrote', () => {
    expect(ratesText({ rateIn: 10_000_000, rateOut: 1_500_000, dscp: 46 })).to.deep.equal([
      'in 10mbit',
      'out 1500kbit',
      'dscp 46'
    ])
    expect(ratesText({ rateIn: 8_001 })).to.deep.equal(['in 8001bit'])
    expect(ratesText({})).to.deep.equal([])
  })
})
