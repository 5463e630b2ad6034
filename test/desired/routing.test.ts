import { expect } from 'chai'
import { checkRouting } from '../../src/config-file.js'
import { desiredRouting, neededDaemons, routerIdOf } from '../../src/desired/routing.js'
import type { WantedLine } from '../../src/host/router-lines.js'
import { isNamed, keyOfLine } from '../../src/host/router-lines.js'
import { parsePrefix } from '../../src/model/ip.js'
import { networkOf, routingExamples, textOf } from '../support/routing.js'

const OSPF = { ospf: { area: 0, interfaces: ['eth0'] } }

function linesOf(section: unknown, ...subnets: readonly (readonly string[])[]): readonly WantedLine[] {
  const networks = subnets.map((prefixes, index) => networkOf(index + 1, prefixes))
  return desiredRouting(checkRouting(section, 'routing'), { networks })
}

describe('desiredRouting', () => {
  // That a real FRR takes them: test/netns/routing.test.ts.
  for (const { name, lines, text } of routingExamples())
    it(`makes of ${name} what is in test/golden/routing`, () => {
      expect(textOf(lines)).to.equal(text)
    })

  it('changes one line for a subnet, wherever the network stands among others', () => {
    const before = new Set(linesOf(OSPF, ['10.1.0.0/16'], ['10.2.0.0/16'], ['10.3.0.0/16']).map(keyOfLine))
    const networks = [networkOf(1, ['10.1.0.0/16']), networkOf(3, ['10.3.0.0/16'])]
    const after = desiredRouting(checkRouting(OSPF, 'routing'), { networks }).map(keyOfLine)
    expect(before.size - after.length).to.equal(1)
    expect(after.filter((key) => !before.has(key))).to.deep.equal([])
  })

  it('lets blocks out that are of another size than configured now', () => {
    const section = checkRouting({ ...OSPF, blocks: { size: 28 } }, 'routing')
    const claims = ['10.1.0.64/26', '10.1.0.128/26', '10.1.1.0/28', '10.9.0.0/26'].map((text) =>
      parsePrefix(text)
    )
    const networks = [networkOf(1, ['10.1.0.0/16']), networkOf(2, ['10.2.0.0/16'])]
    const entries = desiredRouting(section, { networks, claims }).filter(({ text }) => text.includes(' le '))
    expect(entries.map(({ text }) => text.replace(/^.* permit /, ''))).to.deep.equal([
      '10.1.0.0/16 ge 28 le 28',
      '10.1.0.0/16 ge 26 le 26',
      '10.2.0.0/16 ge 28 le 28'
    ])
    expect(new Set(entries.map(({ text }) => text.split(' ')[4])).size).to.equal(3)
  })

  it('has every filter before the line that uses it', () => {
    for (const { lines } of routingExamples()) {
      for (const [index, { text, daemon }] of lines.entries()) {
        const map = /route-map (net-routed\S*)( in| out|$)/.exec(text)?.[1]
        if (map === undefined || text.startsWith('route-map ')) continue
        const before = lines.slice(0, index).filter((line) => line.daemon === daemon)
        const entries = [10, 11].map((number) => `route-map ${map} permit ${String(number)}`)
        expect(before.filter((line) => entries.includes(line.text))).to.have.lengthOf(1)
      }
    }
  })

  it('has no list, map or profile that is not ours by name', () => {
    for (const { lines } of routingExamples()) {
      const named = lines.filter(({ text }) =>
        /(prefix-list|access-list|^route-map|^profile|^interface net-routed)/.test(text)
      )
      expect(named.filter((line) => !isNamed(line) && line.within.length === 0)).to.deep.equal([])
    }
  })

  it('never has a map without a list in it, nor an empty list', () => {
    for (const { lines } of routingExamples()) {
      for (const { text, daemon } of lines.filter((line) =>
        /^route-map net-routed(6)?(-out)? /.test(line.text)
      )) {
        const inside = lines.filter((line) => line.daemon === daemon && line.within[0] === text)
        const list = /^match (ip|ipv6) address prefix-list (net-routed(?:-drain|-anycast|-own)?)$/.exec(
          inside[0]?.text ?? ''
        )
        expect(list?.[1], `${daemon} ${text}`).to.equal(text.includes('net-routed6') ? 'ipv6' : 'ip')
        const entries = lines.filter((line) =>
          line.text.startsWith(`${list?.[1] ?? ''} prefix-list ${list?.[2] ?? ''} seq `)
        )
        expect(entries.filter((line) => line.daemon === daemon)).to.not.have.lengthOf(0)
      }
    }
  })

  it('lets nothing out that has a link, and a daemon has no entry with the clause of another one', () => {
    for (const { lines } of routingExamples()) {
      const entries = lines.filter(({ text }) => /^route-map net-routed6? /.test(text))
      const numbers = { ospfd: [5, 7, 10], ospf6d: [5, 7, 10], bgpd: [6, 8, 11] }
      for (const { daemon, text } of entries) {
        const clause = /net-routed6/.test(text)
          ? 'match ipv6 next-hop type blackhole'
          : 'match ip next-hop type blackhole'
        const inside = lines.filter((line) => line.daemon === daemon && line.within[0] === text)
        expect(inside.map((line) => line.text)).to.include(
          daemon === 'bgpd' ? clause : 'match interface net-routed:none'
        )
        expect(numbers[daemon as keyof typeof numbers]).to.include(Number(text.split(' ').at(-1)))
      }
    }
  })

  it('lets exactly that out whose announcement somebody else’s route stands before', () => {
    const networks = [networkOf(1, ['10.1.0.0/16'])]
    const hidden = ['10.1.0.7/32', '10.1.0.64/26', '10.9.0.1/32'].map((text) => parsePrefix(text))
    const lines = desiredRouting(checkRouting(OSPF, 'routing'), { networks, hidden })
    const without = new Set(linesOf(OSPF, ['10.1.0.0/16']).map(keyOfLine))
    expect(lines.map(keyOfLine).filter((key) => !without.has(key))).to.deep.equal([
      'ip prefix-list net-routed-hidden seq 5 deny 0.0.0.0/0',
      'ip prefix-list net-routed-hidden seq 167837709 permit 10.1.0.7/32',
      'ip prefix-list net-routed-hidden seq 167837766 permit 10.1.0.64/26',
      'route-map net-routed permit 12',
      'route-map net-routed permit 12 / match ip address prefix-list net-routed-hidden'
    ])
    expect(lines.filter((line) => line.text.includes('hidden') && !isNamed(line))).to.deep.equal([])
  })

  it('lets no subnet of everything out', () => {
    const texts = linesOf({}, ['0.0.0.0/0', '::/0']).map(({ text }) => text)
    expect(texts.filter((text) => / permit (0\.0\.0\.0|::)\/0/.test(text))).to.deep.equal([])
  })
})

describe('neededDaemons', () => {
  it('are those of the protocols, and all that could use filters where there is none', () => {
    const of = (section: unknown): unknown => neededDaemons(checkRouting(section, 'routing'))
    expect(of(OSPF)).to.deep.equal({ names: ['zebra', 'ospfd'], all: true })
    expect(of({})).to.deep.equal({ names: ['ospfd', 'ospf6d', 'bgpd'], all: false })
    const timed = { ...OSPF.ospf, bfd: { interval: 100 } }
    expect(of({ ospf: timed })).to.deep.equal({ names: ['zebra', 'ospfd', 'bfdd'], all: true })
  })
})

describe('routerIdOf', () => {
  const routing = checkRouting(OSPF, 'routing')
  it('is the address of the first link of the section', () => {
    const addresses = { lo: ['10.255.0.1'], docker0: ['172.17.0.1'], eth0: ['fe80::1', '192.0.2.1'] }
    expect(routerIdOf(routing, addresses)).to.equal('192.0.2.1')
  })
  it('is that of the loopback link where those have none, else any that other hosts do not have too', () => {
    const bridges = { docker0: ['172.17.0.1'], 'br-1': ['172.18.0.1'] }
    expect(routerIdOf(routing, { ...bridges, lo: ['127.0.0.1', '10.255.0.1'] })).to.equal('10.255.0.1')
    expect(routerIdOf(routing, { ...bridges, eth9: ['198.51.100.7'] })).to.equal('198.51.100.7')
    expect(routerIdOf(routing, { ...bridges, lo: ['127.0.0.1'], nr: ['169.254.1.1'] })).to.equal(undefined)
  })
})
