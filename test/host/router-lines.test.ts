import { expect } from 'chai'
import {
  configText,
  isNamed,
  keyOfLine,
  masked,
  parseRunning,
  slotOf,
  undoOf
} from '../../src/host/router-lines.js'

describe('parseRunning', () => {
  it('tells stanzas by their indent, and leaves ornaments out', () => {
    const text = `
Building configuration...

Current configuration:
!
frr version 8.4.4
!
interface eth0
 ip ospf area 0.0.0.0
exit
!
router bgp 65001
 no bgp default ipv4-unicast
 neighbor eth1 interface remote-as external
 !
 address-family ipv6 unicast
  neighbor eth1 activate
 exit-address-family
exit
!
end
`
    expect(parseRunning(text).map(keyOfLine)).to.include.members([
      'interface eth0',
      'interface eth0 / ip ospf area 0.0.0.0',
      'router bgp 65001 / address-family ipv6 unicast / neighbor eth1 activate'
    ])
  })

  it('says what FRR does not: that a BGP neighbour speaks IPv4, or does not', () => {
    const keys = (more: string): string[] =>
      parseRunning(`router bgp 1\n neighbor 192.0.2.1 remote-as 2\n${more}`).map(keyOfLine)
    const activate = 'router bgp 1 / address-family ipv4 unicast / neighbor 192.0.2.1 activate'
    expect(keys('')).to.include(activate)
    expect(keys(' no bgp default ipv4-unicast\n')).to.include(activate.replace('neighbor', 'no neighbor'))
    const off = ' address-family ipv4 unicast\n  no neighbor 192.0.2.1 activate\n'
    expect(keys(off)).to.not.include(activate)
  })
})

describe('isNamed', () => {
  const at = (text: string, ...within: readonly string[]): boolean => isNamed({ within, text })
  it('is what carries our name, exactly, and what is in it', () => {
    expect(at('ip prefix-list net-routed seq 5 permit 10.0.0.0/8')).to.equal(true)
    for (const list of ['net-routed-drain', 'net-routed-anycast'])
      expect(at(`ipv6 prefix-list ${list} seq 5 deny ::/0`)).to.equal(true)
    expect(at('match ip address prefix-list x', 'route-map net-routed6-out permit 10')).to.equal(true)
    expect(at('detect-multiplier 3', 'bfd', 'profile net-routed')).to.equal(true)
  })
  it('is nothing else', () => {
    for (const text of [
      'ip prefix-list net-routed-mine seq 5 permit 10.0.0.0/8',
      'route-map net-routed-mine permit 10',
      'redistribute kernel route-map net-routed',
      'ip prefix-list mine seq 5 permit 10.0.0.0/8'
    ])
      expect(at(text), text).to.equal(false)
  })
})

describe('slotOf', () => {
  const same = (a: string, b: string): boolean =>
    slotOf({ within: ['x'], text: a }) === slotOf({ within: ['x'], text: b })
  it('is equal for lines that cannot both be there', () => {
    for (const [a, b] of [
      ['ip prefix-list a seq 5 permit 10.0.0.0/8', 'ip prefix-list a seq 5 deny 10.0.0.0/8'],
      ['ip ospf cost 5', 'ip ospf cost 6'],
      ['router bgp 1', 'router bgp 2'],
      ['redistribute kernel', 'redistribute kernel route-map x'],
      ['neighbor eth0 route-map a in', 'neighbor eth0 route-map b in'],
      ['neighbor 192.0.2.1 activate', 'no neighbor 192.0.2.1 activate'],
      ['area 0.0.0.5 nssa', 'area 0.0.0.5 nssa no-summary'],
      ['timers throttle spf 0 50 500', 'timers throttle spf 10 100 1000']
    ] as const)
      expect(same(a, b), `${a} | ${b}`).to.equal(true)
  })
  it('differs for lines that stand side by side', () => {
    for (const [a, b] of [
      ['ip prefix-list a seq 5 permit 10.0.0.0/8', 'ip prefix-list a seq 6 permit 10.0.0.0/8'],
      ['ip ospf hello-interval 1', 'ip ospf dead-interval 1'],
      ['redistribute kernel', 'redistribute static'],
      ['neighbor eth0 route-map a in', 'neighbor eth0 route-map a out'],
      ['neighbor eth0 timers 3 9', 'neighbor eth0 timers connect 1'],
      ['ip ospf bfd', 'ip ospf bfd profile x']
    ] as const)
      expect(same(a, b), `${a} | ${b}`).to.equal(false)
  })
})

describe('undoOf', () => {
  it('is what FRR wants to hear', () => {
    expect(undoOf('router ospf')).to.equal('no router ospf')
    expect(undoOf('no neighbor x activate')).to.equal('neighbor x activate')
    expect(undoOf('ip ospf message-digest-key 1 md5 s3cr3t')).to.equal('no ip ospf message-digest-key 1')
    expect(undoOf('description what has no link')).to.equal('no description')
    expect(undoOf('no ip ospf passive')).to.equal(undefined)
  })
})

describe('masked', () => {
  it('hides every form of secret', () => {
    for (const text of [
      'ip ospf message-digest-key 1 md5 s3cr3t',
      'ip ospf authentication-key s3cr3t',
      'ipv6 ospf6 authentication key-id 1 hash-algo hmac-sha-256 key s3cr3t',
      'neighbor 192.0.2.1 password s3cr3t',
      'neighbor 192.0.2.1 password 8 s3cr3t'
    ])
      expect(masked(text))
        .to.match(/ <secret>$/)
        .and.not.contain('s3cr3t')
    expect(masked('ip ospf cost 5')).to.equal('ip ospf cost 5')
  })
})

describe('configText', () => {
  it('is a configuration, each stanza once where its lines stand together', () => {
    const lines = [
      { within: [], text: 'router ospf' },
      { within: ['router ospf'], text: 'passive-interface default' },
      { within: ['interface eth0'], text: 'ip ospf authentication-key s3cr3t', sign: '+' as const },
      { within: ['interface eth0'], text: 'ip ospf cost 5', sign: '-' as const }
    ]
    expect(configText(lines)).to.deep.equal([
      'router ospf',
      ' passive-interface default',
      '  interface eth0',
      '+  ip ospf authentication-key <secret>',
      '-  ip ospf cost 5'
    ])
  })
})
