import { expect } from 'chai'
import { MAX_ALLOWED, parseAllowed } from '../../src/model/allowed.js'
import { InvalidError } from '../../src/errors.js'

const KEY = 'net-routed.egress'

function parse(value: unknown): ReturnType<typeof parseAllowed> {
  return parseAllowed(value, KEY, { names: true })
}

function expectInvalid(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof InvalidError) return error.message
    throw error
  }
  throw new Error('nothing was wrong')
}

function whole(first: string, last = first): object {
  return { first, last }
}

describe('parseAllowed', () => {
  it('reads addresses, prefixes and ranges, with blanks around them', () => {
    const read: Record<string, object> = {
      '1.1.1.1': whole('1.1.1.1'),
      ' 1.1.1.1 ': whole('1.1.1.1'),
      '2.2.2.25/16': whole('2.2.0.0', '2.2.255.255'),
      '3.3.3.3 - 4.4.4.4': whole('3.3.3.3', '4.4.4.4'),
      '3.3.3.3-4.4.4.4': whole('3.3.3.3', '4.4.4.4'),
      '0.0.0.0/0': whole('0.0.0.0', '255.255.255.255'),
      'FD00::0:5': whole('fd00::5'),
      '[fd00::5]': whole('fd00::5'),
      'fd00::5/64': whole('fd00::', 'fd00::ffff:ffff:ffff:ffff'),
      'fd00::5 - fd00::9': whole('fd00::5', 'fd00::9')
    }
    for (const [text, item] of Object.entries(read)) expect(parse(text), text).to.deep.equal([item])
  })

  it('reads protocols and ports after a colon, also after that of an IPv6 address', () => {
    const read: Record<string, readonly object[]> = {
      '10.0.0.1:tcp': [{ ...whole('10.0.0.1'), protocol: 'tcp' }],
      'fd00::1:tcp/443': [{ ...whole('fd00::1'), protocol: 'tcp', firstPort: 443, lastPort: 443 }],
      '[fd00::]:udp/53': [{ ...whole('fd00::'), protocol: 'udp', firstPort: 53, lastPort: 53 }],
      'tcp/80+8000-8010': [
        { protocol: 'tcp', firstPort: 80, lastPort: 80 },
        { protocol: 'tcp', firstPort: 8000, lastPort: 8010 }
      ],
      'any:ICMP': [{ protocol: 'icmp' }],
      icmp: [{ protocol: 'icmp' }],
      'Registry.Example.com.:tcp/443': [
        { name: 'registry.example.com', protocol: 'tcp', firstPort: 443, lastPort: 443 }
      ],
      'a-1.example.com': [{ name: 'a-1.example.com' }]
    }
    for (const [text, items] of Object.entries(read)) expect(parse(text), text).to.deep.equal(items)
  })

  it('takes several apart at commas and semicolons, and takes a list as one', () => {
    const both = [whole('10.0.0.1'), whole('fd00::1')]
    for (const value of ['10.0.0.1,fd00::1', '10.0.0.1 ; fd00::1', ['10.0.0.1', 'fd00::1']])
      expect(parse(value)).to.deep.equal(both)
  })

  it('takes nothing for everything, as the ancestor did, and none for nothing', () => {
    for (const value of ['', '  ', 'any', []]) expect(parse(value)).to.equal('any')
    expect(parse('none')).to.deep.equal([])
  })

  it('names the item that is wrong, and what would be right', () => {
    const wrong: Record<string, string> = {
      '1.1.1.1-2': 'is not an address',
      '1.1.1.1-2.2.2.2/24': 'is not an address',
      '1.1.1.1.1': 'is not an address',
      '1.1.1.1/24/24': 'is not an address',
      '257.1.1.1': 'is not an address',
      '1.1.1.1/33': 'is not an address',
      '1.1.1.1-fd00::1': 'is not an address',
      '1.1.1.1-2.2.2.2-3.3.3.3': 'is not an address',
      localhost: 'or a DNS name with a dot',
      '2.2.2.2-1.1.1.1': 'ends before it begins: 1.1.1.1-2.2.2.2 would be one',
      '10.0.0.1:tcp/0': 'give a number from 1 to 65535',
      '10.0.0.1:tcp/65536': 'give a number from 1 to 65535',
      '10.0.0.1:tcp/90-80': 'give a number from 1 to 65535',
      '10.0.0.1:tcp/http': 'give a number from 1 to 65535',
      '10.0.0.1:tcp/': 'give a number from 1 to 65535',
      '10.0.0.1:icmp/8': 'has ports, and ICMP has none',
      '10.0.0.1:gre': 'is not an address',
      '::ffff:10.0.0.1': 'is IPv4 in the form of IPv6',
      'any, 10.0.0.1': '"any" is everything already',
      'none, 10.0.0.1': '"none" is nothing: give it alone',
      '10.0.0.1,,10.0.0.2': '"" is not an address'
    }
    for (const [text, why] of Object.entries(wrong)) {
      const error = expectInvalid(() => parse(text))
      expect(error, text).to.include(why)
      expect(error, text).to.match(/^net-routed\.egress: "/)
    }
    for (const value of [7, null, {}, [7], true])
      expect(expectInvalid(() => parse(value)))
        .to.include(`${KEY}: `)
        .and.include('is not a list such as')
  })

  it('knows names in one direction only', () => {
    expect(expectInvalid(() => parseAllowed('a.example.com', 'f', { names: false }))).to.include(
      'f: "a.example.com" is a DNS name: what comes in is known by its address only'
    )
  })

  it('ends somewhere', () => {
    const many = (count: number): string =>
      Array.from({ length: count }, (_, at) => `10.0.${String(at >> 8)}.${String(at & 255)}`).join()
    expect(parse(many(MAX_ALLOWED))).to.have.length(MAX_ALLOWED)
    expect(expectInvalid(() => parse(many(MAX_ALLOWED + 1)))).to.include(
      '501 items are too many: at most 500'
    )
    const ports = Array.from({ length: MAX_ALLOWED + 1 }, (_, at) => String(at + 1)).join('+')
    expect(expectInvalid(() => parse(`tcp/${ports}`))).to.include('are too many')
    const nested = Array.from(
      { length: MAX_ALLOWED },
      (_, at) => `10.0.0.0-10.0.9.${String(at % 250)}:tcp/${String(2 * at + 1)}`
    )
    expect(expectInvalid(() => parse(nested))).to.include('overlap too much')
  })
})
