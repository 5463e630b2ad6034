import { expect } from 'chai'
import fc from 'fast-check'
import type { Allowed } from '../../src/model/allowed.js'
import { disjoint } from '../../src/model/disjoint.js'
import type { Box } from '../../src/model/disjoint.js'
import { familyOf, ipToBigInt, parseIp, toIp } from '../../src/model/ip.js'
import type { Ip } from '../../src/model/ip.js'

const NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const
const BASE = { 4: ipToBigInt(parseIp('10.0.0.0')), 6: ipToBigInt(parseIp('fd00::')) } as const
/** Few, so that items meet. */
const ADDRESSES = 12
const PORTS = 8

const family = fc.constantFrom(4 as const, 6 as const)
const offset = fc.integer({ min: 0, max: ADDRESSES - 1 })
const port = fc.integer({ min: 1, max: PORTS })
const peer: fc.Arbitrary<Allowed> = fc.oneof(
  fc.constant({}),
  fc.tuple(family, offset, offset).map(([of, a, b]) => {
    const at = (distance: number): Ip => toIp(BASE[of] + BigInt(distance), of)
    return { first: at(Math.min(a, b)), last: at(Math.max(a, b)) }
  })
)
const service: fc.Arbitrary<Allowed> = fc.oneof(
  fc.constant({}),
  fc.constant({ protocol: 'icmp' as const }),
  fc.constantFrom('tcp' as const, 'udp' as const).map((protocol) => ({ protocol })),
  fc.tuple(fc.constantFrom('tcp' as const, 'udp' as const), port, port).map(([protocol, a, b]) => ({
    protocol,
    firstPort: Math.min(a, b),
    lastPort: Math.max(a, b)
  }))
)
const items = fc.array(
  fc.tuple(peer, service).map(([who, what]): Allowed => ({ ...who, ...what })),
  { maxLength: 8 }
)

/** Everything that could be asked. */
const PACKETS = ([4, 6] as const).flatMap((of) =>
  Array.from({ length: ADDRESSES }, (_, at) => toIp(BASE[of] + BigInt(at), of)).flatMap((address) => [
    { address, protocol: of === 4 ? 1 : 58, port: 0 },
    ...Array.from({ length: PORTS }, (_, at) => at + 1).flatMap((to) =>
      [6, 17, 132].map((protocol) => ({ address, protocol, port: to }))
    )
  ])
)
type Packet = (typeof PACKETS)[number]

/** There are few addresses, and each is asked for often. */
const VALUES = new Map<Ip, bigint>()
function valueOf(address: Ip): bigint {
  const value = VALUES.get(address) ?? ipToBigInt(address)
  VALUES.set(address, value)
  return value
}

function isIn(first: Ip, last: Ip, address: Ip): boolean {
  const value = valueOf(address)
  return familyOf(first) === familyOf(address) && value >= valueOf(first) && value <= valueOf(last)
}

function allows(item: Allowed, { address, protocol, port: to }: Packet): boolean {
  const isPeer = item.first === undefined || isIn(item.first, item.last ?? item.first, address)
  const own =
    item.protocol === 'icmp' ? (familyOf(address) === 4 ? 1 : 58) : item.protocol && NUMBERS[item.protocol]
  const isService = own === undefined || own === protocol
  return isPeer && isService && to >= (item.firstPort ?? 0) && to <= (item.lastPort ?? 65_535)
}

function has(box: Box, { address, protocol, port: to }: Packet): boolean {
  const [low, high] = box.ports ?? [0, 65_535]
  const isProtocol = box.protocol === undefined || box.protocol === protocol
  return isIn(box.first, box.last, address) && isProtocol && to >= low && to <= high
}

describe('disjoint', () => {
  it('has each packet that an item allows in one box, and no other', () => {
    fc.assert(
      fc.property(items, (list) => {
        const boxes = disjoint(list)
        const wrong = PACKETS.filter((packet) => {
          const count = boxes.filter((box) => has(box, packet)).length
          return count !== (list.some((item) => allows(item, packet)) ? 1 : 0)
        })
        expect(wrong).to.deep.equal([])
      }),
      { numRuns: 150 }
    )
  })

  it('is the same for lists that allow the same', () => {
    fc.assert(
      fc.property(items, fc.nat(), (list, at) => {
        const turned = [...list.slice(at % (list.length + 1)), ...list.slice(0, at % (list.length + 1))]
        expect(disjoint([...turned, ...list])).to.deep.equal(disjoint(list))
      }),
      { numRuns: 150 }
    )
  })

  it('joins what touches', () => {
    const one = (first: string, last: string): Allowed => ({ first: parseIp(first), last: parseIp(last) })
    expect(disjoint([one('10.0.1.0', '10.0.1.255'), one('10.0.0.0', '10.0.0.255')])).to.deep.equal([
      one('10.0.0.0', '10.0.1.255')
    ])
    expect(
      disjoint([
        { protocol: 'tcp', firstPort: 80, lastPort: 89 },
        { protocol: 'tcp', firstPort: 90, lastPort: 99 }
      ]).map(({ ports }) => ports)
    ).to.deep.equal([
      [80, 99],
      [80, 99]
    ])
  })

  it('goes to both ends of the addresses there are', () => {
    expect(disjoint([{}])).to.deep.equal([
      { first: '0.0.0.0', last: '255.255.255.255' },
      { first: '::', last: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' }
    ])
  })

  it('has the addresses of names', () => {
    const list: Allowed[] = [{ name: 'a.example.com', protocol: 'icmp' }]
    expect(disjoint(list)).to.deep.equal([])
    expect(disjoint(list, () => [parseIp('10.0.0.1'), parseIp('fd00::1')])).to.deep.equal([
      { first: '10.0.0.1', last: '10.0.0.1', protocol: 1 },
      { first: 'fd00::1', last: 'fd00::1', protocol: 58 }
    ])
  })
})
