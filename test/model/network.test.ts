import { expect } from 'chai'
import { contains, parsePrefix } from '../../src/model/ip.js'
import { linkLocalGateway, linkLocalGateway6 } from '../../src/model/network.js'

const NUMBERS = Array.from({ length: 1 << 16 }, (_, index) => index + 1)

describe('linkLocalGateway', () => {
  it('is 169.254.1.1 for the first network', () => {
    expect(linkLocalGateway(1)).to.equal('169.254.1.1')
  })

  it('is another one for every number, as long as there are any', () => {
    const gateways = NUMBERS.flatMap((number) => linkLocalGateway(number) ?? [])
    expect(gateways.length).to.be.above(60_000)
    expect(new Set(gateways).size).to.equal(gateways.length)
  })

  it('keeps out of the ranges that RFC 3927 reserves, and of those where clouds have their metadata', () => {
    const kept = ['169.254.0.0/24', '169.254.255.0/24', '169.254.169.0/24', '169.254.170.0/24'].map((text) =>
      parsePrefix(text)
    )
    const linkLocal = parsePrefix('169.254.0.0/16')
    for (let number = 1; number < 1 << 16; number += 13) {
      const gateway = linkLocalGateway(number)
      if (gateway === undefined) continue
      expect(contains(linkLocal, gateway), gateway).to.equal(true)
      expect(
        kept.some((prefix) => contains(prefix, gateway)),
        gateway
      ).to.equal(false)
    }
  })

  it('ends with the last number', () => {
    expect(linkLocalGateway(254 * 256 - 1)).to.equal('169.254.254.255')
    expect(linkLocalGateway(254 * 256)).to.equal(undefined)
  })
})

describe('linkLocalGateway6', () => {
  it('is another one on fe80::/64 for every number', () => {
    const subnet = parsePrefix('fe80::/64')
    const some = NUMBERS.filter((number) => number % 13 === 1).map(linkLocalGateway6)
    expect(linkLocalGateway6(1)).to.equal('fe80::1')
    expect(new Set(some).size).to.equal(some.length)
    expect(some.every((gateway) => contains(subnet, gateway))).to.equal(true)
  })
})
