import { expect } from 'chai'
import { InvalidError } from '../../../src/errors.js'
import { parseChanges, parseOptions } from '../../../src/model/options/options.js'

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

  it('say what is checked', () => {
    for (const [text, check] of [
      ['tcp:80', { type: 'tcp', port: 80 }],
      ['http:8080', { type: 'http', port: 8080, path: '/' }],
      ['http:8080/ready?deep=1', { type: 'http', port: 8080, path: '/ready?deep=1' }],
      ['exec:dns.sh', { type: 'exec', name: 'dns.sh' }],
      ['docker', { type: 'docker' }],
      ['none', { type: 'none' }]
    ] as const)
      expect(parseOptions({ 'net-routed.check': text }, 'endpoint'), text).to.deep.equal({ check })
    const wrong = [
      '',
      'tcp',
      'tcp:0',
      'tcp:65536',
      'tcp:80/x',
      'http:',
      'http:80x',
      'http:80/a b',
      'http:80/\r\nX: y'
    ]
    for (const value of [
      ...wrong,
      'exec:',
      'exec:../sh',
      'exec:/bin/sh',
      'exec:.x',
      'exec:a b',
      'icmp',
      'Docker',
      80,
      null,
      {}
    ])
      expect(() => parseOptions({ 'net-routed.check': value }, 'endpoint'), JSON.stringify(value)).to.throw(
        InvalidError,
        'net-routed.check: '
      )
  })

  it('say how often, how long, and how many times', () => {
    const given = {
      'net-routed.check-interval': '500ms',
      'net-routed.check-timeout': '2',
      'net-routed.check-rise': '1',
      'net-routed.check-fall': 5
    }
    const wanted = { checkIntervalMs: 500, checkTimeoutMs: 2000, checkRise: 1, checkFall: 5 }
    expect(parseOptions(given, 'network')).to.deep.equal(wanted)
    expect(parseOptions({ 'net-routed.check-interval': '1.5s' }, 'network')).to.deep.equal({
      checkIntervalMs: 1500
    })
    for (const value of ['', '0', '49ms', '1h', '-1', '3601', 'x', null, [1], {}])
      expect(
        () => parseOptions({ 'net-routed.check-timeout': value }, 'network'),
        JSON.stringify(value)
      ).to.throw(InvalidError, 'net-routed.check-timeout: ')
    for (const value of ['', '0', '1.5', '1001', 0, null, {}])
      expect(
        () => parseOptions({ 'net-routed.check-fall': value }, 'network'),
        JSON.stringify(value)
      ).to.throw(InvalidError, 'net-routed.check-fall: ')
  })

  it('may change while containers run, but for the check itself', () => {
    const given = { 'net-routed.anycast': 'true', 'net-routed.check-fall': '9', 'net-routed.check-rise': '' }
    expect(parseChanges(given, 'endpoint')).to.deep.equal({
      set: { anycast: true, checkFall: 9 },
      unset: ['checkRise']
    })
    expect(() => parseChanges({ 'net-routed.check': 'tcp:80' }, 'endpoint')).to.throw(
      InvalidError,
      'net-routed.check'
    )
  })
})
