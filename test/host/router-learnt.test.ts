import { expect } from 'chai'
import { givingLines, learntQuestion } from '../../src/host/router-learnt.js'
import { parseRunning } from '../../src/host/router-lines.js'

/** As FRR 8.4 shows it: the link's own subnet, and who announces what. */
const OWN = `
============ OSPF network routing table ============
N    192.0.2.0/24          [10] area: 0.0.0.0
                           directly attached to eth0

============ OSPF router routing table =============
R    192.0.2.2             [10] area: 0.0.0.0, ASBR
                           via 192.0.2.2, eth0

============ OSPF external routing table ===========
`
const OTHERS = `${OWN}N E2 10.6.0.2/32           [10/20] tag: 0
                           via 192.0.2.2, eth0
`
const OWN3 =
  '*N IA 2001:db8::/64       ::                    eth0 00:01\n N IA 2001:db8::/64       fe80::2  eth0 00:01\n'
const OTHERS3 = `${OWN3}*N E2 fd00:6::12/128      fe80::2               eth0 00:01\n`

function bgp(weight: number, isBest: boolean): string {
  return JSON.stringify({ routes: { '10.6.0.2/32': [{ valid: true, bestpath: isBest, weight }] } })
}

describe('learntQuestion', () => {
  const answers = (daemon: 'ospfd' | 'ospf6d' | 'bgpd', answer: string): boolean | undefined =>
    learntQuestion(daemon, 4)?.isLearnt(answer)
  it('tells routes of others from those of the daemon’s own links', () => {
    expect([answers('ospfd', OWN), answers('ospfd', OTHERS)]).to.deep.equal([false, true])
    expect([answers('ospf6d', OWN3), answers('ospf6d', OTHERS3)]).to.deep.equal([false, true])
  })
  it('tells what bgpd was told and uses from what it announces', () => {
    expect(
      [bgp(32_768, true), bgp(0, false), bgp(0, true)].map((text) => answers('bgpd', text))
    ).to.deep.equal([false, false, true])
  })
  it('takes what is no answer for nothing', () => {
    expect([answers('ospfd', ''), answers('ospf6d', ''), answers('bgpd', 'No such neighbor')]).to.deep.equal([
      false,
      false,
      false
    ])
  })
})

describe('givingLines', () => {
  it('are one for each place, the operator’s where there is one', () => {
    const ospf = parseRunning('router ospf\n distance 50\n redistribute kernel\nexit\n')
    expect(givingLines('ospfd', ospf)).to.deep.equal([{ within: ['router ospf'], text: 'distance 50' }])
    expect(givingLines('ospf6d', parseRunning('router ospf6\n area 0 nssa\nexit\n'))).to.deep.equal([
      { within: ['router ospf6'], text: 'distance 110' }
    ])
    const families =
      'router bgp 65001\n address-family ipv4 unicast\n  redistribute kernel\n exit-address-family\nexit\n'
    expect(givingLines('bgpd', parseRunning(families))).to.deep.equal([
      { within: ['router bgp 65001', 'address-family ipv4 unicast'], text: 'table-map net-routed-in' }
    ])
    expect(givingLines('ospfd', [])).to.deep.equal([])
  })
})
