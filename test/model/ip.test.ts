import { expect } from 'chai'
import fc from 'fast-check'
import { InvalidError } from '../../src/errors.js'
import {
  addressOf,
  contains,
  familyOf,
  hostPrefix,
  ipToBigInt,
  lengthOf,
  linkLocalOf,
  macOf,
  overlaps,
  parseIp,
  parseMac,
  parsePrefix,
  parseSubnet,
  rangeOf,
  subnetOf,
  toIp,
  widthOf,
  withLength
} from '../../src/model/ip.js'
import type { Ip, Prefix } from '../../src/model/ip.js'

const IP: fc.Arbitrary<Ip> = fc.oneof(
  fc.bigInt(0n, (1n << 32n) - 1n).map((value) => toIp(value, 4)),
  fc.bigInt(0n, (1n << 128n) - 1n).map((value) => toIp(value, 6))
)
const PREFIX: fc.Arbitrary<Prefix> = IP.chain((ip) =>
  fc.nat(widthOf(familyOf(ip))).map((length) => withLength(ip, length))
)

describe('parseIp', () => {
  const spellings: Readonly<Record<string, string>> = {
    '10.1.0.2': '10.1.0.2',
    '0.0.0.0': '0.0.0.0',
    '255.255.255.255': '255.255.255.255',
    'FD00::2': 'fd00::2',
    'fd00:0:0:0:0:0:0:2': 'fd00::2',
    '::': '::',
    'fd00::0002': 'fd00::2',
    '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1'
  }
  for (const [text, canonical] of Object.entries(spellings))
    it(`reads ${text} as ${canonical}`, () => {
      expect(parseIp(text)).to.equal(canonical)
    })

  for (const text of [
    '',
    ' ',
    '10.1.0',
    '10.1.0.256',
    '010.1.0.2',
    '10.1.0.2/32',
    '10.1.0.2 ',
    'fd00::1::2',
    'fe80::1%eth0',
    '[fd00::2]',
    'fd00:::2',
    'localhost',
    '1',
    '0x0a.1.0.2',
    '-1.1.1.1',
    '1e1.1.1.1'
  ])
    it(`refuses "${text}", and names the field`, () => {
      expect(() => parseIp(text, '--gateway')).to.throw(
        InvalidError,
        `--gateway: "${text}" is not an IP address`
      )
    })

  it('is its own inverse, and canonical', () => {
    fc.assert(
      fc.property(IP, (ip) => {
        expect(parseIp(ip)).to.equal(ip)
        expect(toIp(ipToBigInt(ip), familyOf(ip))).to.equal(ip)
        expect(parseIp(ip.toUpperCase())).to.equal(ip)
      })
    )
  })
})

describe('parsePrefix and parseSubnet', () => {
  it('keep the host bits, or refuse them and say which subnet is meant', () => {
    expect(parsePrefix('10.1.0.2/16')).to.equal('10.1.0.2/16')
    expect(() => parseSubnet('10.1.0.2/16', '--subnet')).to.throw(
      InvalidError,
      '--subnet: "10.1.0.2/16" has host bits set; the subnet is 10.1.0.0/16'
    )
    expect(parseSubnet('FD00:1::/64')).to.equal('fd00:1::/64')
  })

  for (const text of [
    '',
    '/',
    '10.1.0.0',
    '10.1.0.0/',
    '10.1.0.0/33',
    'fd00::/129',
    '10.1.0.0/-1',
    '10.1.0.0/1e1',
    '10.1.0.0/16/16',
    '/16',
    '10.1.0.0/ 16',
    '10.1.0.0/0016'
  ])
    it(`refuse "${text}"`, () => {
      expect(() => parsePrefix(text, 'Pool')).to.throw(InvalidError, `Pool: "${text}"`)
    })

  it('read what they wrote', () => {
    fc.assert(
      fc.property(PREFIX, (prefix) => {
        expect(parsePrefix(prefix)).to.equal(prefix)
        expect(parseSubnet(subnetOf(prefix))).to.equal(subnetOf(prefix))
        expect(withLength(addressOf(prefix), lengthOf(prefix))).to.equal(prefix)
      })
    )
  })
})

describe('parseMac', () => {
  it('reads upper case and dashes as one spelling', () => {
    expect(parseMac('02-42-0A-01-00-02')).to.equal('02:42:0a:01:00:02')
  })

  for (const text of [
    '',
    '02:42',
    '02:42:0a:01:00',
    '02:42:0a:01:00:02:03',
    '0242.0a01.0002',
    '00:00:00:00:00:00',
    '01:00:5e:00:00:01',
    'ff:ff:ff:ff:ff:ff',
    '02:42:0g:01:00:02'
  ])
    it(`refuses "${text}"`, () => {
      expect(() => parseMac(text, 'MacAddress')).to.throw(InvalidError, `MacAddress: "${text}"`)
    })
})

describe('contains and overlaps', () => {
  const overlapping: readonly (readonly [a: string, b: string, is: boolean])[] = [
    ['10.1.0.0/16', '10.1.2.0/24', true],
    ['10.1.0.0/24', '10.1.1.0/24', false],
    ['0.0.0.0/0', '10.1.0.0/16', true],
    ['0.0.0.0/0', 'fd00::/64', false],
    ['fd00::/64', 'fd00:0:0:1::/64', false],
    ['fd00::/48', 'fd00:0:0:1::/64', true]
  ]
  for (const [a, b, is] of overlapping)
    it(`${a} and ${b} ${is ? 'overlap' : 'do not'}`, () => {
      expect(overlaps(parsePrefix(a), parsePrefix(b))).to.equal(is)
      expect(overlaps(parsePrefix(b), parsePrefix(a))).to.equal(is)
    })

  it('a prefix contains exactly its range', () => {
    fc.assert(
      fc.property(PREFIX, (prefix) => {
        const { first, last, family } = rangeOf(prefix)
        expect(contains(prefix, toIp(first, family)) && contains(prefix, toIp(last, family))).to.equal(true)
        if (first > 0n) expect(contains(prefix, toIp(first - 1n, family))).to.equal(false)
        if (last + 1n < 1n << BigInt(widthOf(family)))
          expect(contains(prefix, toIp(last + 1n, family))).to.equal(false)
        expect(last - first + 1n).to.equal(1n << BigInt(widthOf(family) - lengthOf(prefix)))
      })
    )
  })

  it('two prefixes overlap if one contains an end of the other', () => {
    fc.assert(
      fc.property(PREFIX, PREFIX, (a, b) => {
        const [x, y] = [rangeOf(a), rangeOf(b)]
        const expected = x.family === y.family && x.first <= y.last && y.first <= x.last
        expect(overlaps(a, b)).to.equal(expected)
      })
    )
  })
})

describe('macOf', () => {
  it('is 02:42 and the last four bytes, so that an address keeps its MAC', () => {
    expect(macOf(parseIp('10.1.0.2'))).to.equal('02:42:0a:01:00:02')
    expect(macOf(parseIp('fd00::a01:ff02'))).to.equal('02:42:0a:01:ff:02')
  })

  it('is a unicast MAC of every address', () => {
    fc.assert(fc.property(IP, (ip) => parseMac(macOf(ip)) === macOf(ip)))
  })
})

describe('linkLocalOf', () => {
  it('is the address that the kernel makes of a MAC', () => {
    expect(linkLocalOf(parseMac('02:42:0a:01:00:02'))).to.equal('fe80::42:aff:fe01:2')
    expect(linkLocalOf(parseMac('52:54:00:12:34:56'))).to.equal('fe80::5054:ff:fe12:3456')
    expect(linkLocalOf(parseMac('fe:00:00:00:00:01'))).to.equal('fe80::fc00:ff:fe00:1')
  })
})

describe('hostPrefix', () => {
  it('is a /32 or a /128', () => {
    expect(hostPrefix(parseIp('10.1.0.2'))).to.equal('10.1.0.2/32')
    expect(hostPrefix(parseIp('fd00::2'))).to.equal('fd00::2/128')
  })
})
