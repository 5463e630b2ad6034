import { expect } from 'chai'
import {
  commandsOf,
  conflictText,
  differenceText,
  routerDifference
} from '../../src/host/router-difference.js'
import { parseRunning } from '../../src/host/router-lines.js'
import type { Line, WantedLine } from '../../src/host/router-lines.js'

function line(text: string, ...within: readonly string[]): Line {
  return { within, text }
}
function wanted(text: string, ...within: readonly string[]): WantedLine {
  return { daemon: 'ospfd', within, text }
}
function advice(yields: 'value' | 'stanza', text: string, ...within: readonly string[]): WantedLine {
  return { ...wanted(text, ...within), yields }
}

const ROUTER = 'router ospf'
const MAP = 'redistribute kernel route-map net-routed'

describe('routerDifference', () => {
  it('is nothing where all is there', () => {
    const running = parseRunning(`router ospf\n ${MAP}\nexit\n`)
    const { add, remove, conflicts } = routerDifference([wanted(ROUTER), wanted(MAP, ROUTER)], running, [])
    expect([add, remove, conflicts]).to.deep.equal([[], [], []])
  })

  it('does not make ours what the operator had already', () => {
    const running = parseRunning(`router ospf\n ${MAP}\nexit\n`)
    expect(routerDifference([wanted(ROUTER), wanted(MAP, ROUTER)], running, []).ours).to.deep.equal([])
    expect(routerDifference([], running, []).remove).to.deep.equal([])
  })

  it('takes back what was written, and nothing else', () => {
    const running = parseRunning(
      `router ospf\n ${MAP}\n redistribute static\nexit\nip prefix-list mine seq 5 permit any\n`
    )
    const written = [line(ROUTER), line(MAP, ROUTER)]
    expect(differenceText(routerDifference([], running, written))).to.deep.equal([
      '  router ospf',
      `-  ${MAP}`
    ])
  })

  it('sets a clause anew whose link somebody has removed: FRR does not apply it again by itself', () => {
    const [link, map, clause] = [
      'interface net-routed:none',
      'route-map net-routed permit 10',
      'match interface net-routed:none'
    ]
    const asked = [wanted(link), wanted('description it', link), wanted(map), wanted(clause, map)]
    const change = routerDifference(asked, parseRunning(`${map}\n ${clause}\nexit\n`), [])
    expect(
      commandsOf(change)
        .map(({ text }) => text)
        .filter((text) => !/^(configure|end)/.test(text))
    ).to.deep.equal([map, `no ${clause}`, link, link, 'description it', map, clause])
    expect(
      routerDifference(asked, parseRunning(`${link}\n description it\n${map}\n ${clause}\n`), []).add
    ).to.deep.equal([])
  })

  it('takes a stanza back as a whole where all in it is ours', () => {
    const running = parseRunning(`router ospf\n ${MAP}\nexit\n`)
    const written = [line(ROUTER), line(MAP, ROUTER)]
    const commands = commandsOf(routerDifference([], running, written)).map(({ text }) => text)
    expect(commands).to.deep.equal(['configure terminal', 'no router ospf', 'end'])
  })

  it('takes back what carries our name, whoever wrote it', () => {
    const running = parseRunning(
      'route-map net-routed permit 5\nexit\nroute-map net-routed-mine permit 5\nexit\n'
    )
    expect(routerDifference([], running, []).remove).to.deep.equal([line('route-map net-routed permit 5')])
  })

  it('replaces a value of ours, also one that somebody has changed', () => {
    const eth0 = 'interface eth0'
    const running = parseRunning('interface eth0\n ip ospf cost 9\nexit\n')
    const change = routerDifference([wanted('ip ospf cost 7', eth0)], running, [line('ip ospf cost 5', eth0)])
    expect(differenceText(change)).to.deep.equal(['  interface eth0', '+  ip ospf cost 7'])
  })

  it('leaves a value of the operator and says so, but for advice', () => {
    const running = parseRunning('router ospf\n timers throttle spf 1 2 3\n redistribute kernel\nexit\n')
    const asked = [advice('value', 'timers throttle spf 0 50 500', ROUTER), wanted(MAP, ROUTER)]
    const { add, conflicts } = routerDifference(asked, running, [])
    expect(add).to.deep.equal([])
    expect(conflicts.map(conflictText)).to.deep.equal([
      `"redistribute kernel" is there and is not ours, so "${MAP}" is not written: remove it, or change the section routing`
    ])
  })

  it('gives advice for a whole stanza only to a stanza that is ours', () => {
    const asked = [wanted(ROUTER), advice('stanza', 'passive-interface default', ROUTER)]
    const running = parseRunning('router ospf\nexit\n')
    expect(routerDifference(asked, running, []).add).to.deep.equal([])
    expect(routerDifference(asked, running, [line(ROUTER)]).add).to.deep.equal([
      line('passive-interface default', ROUTER)
    ])
    expect(routerDifference(asked, [], []).add).to.have.lengthOf(2)
  })

  it('writes nothing into a stanza that cannot be made', () => {
    const asked = [wanted('router bgp 2'), wanted('bgp router-id 192.0.2.1', 'router bgp 2')]
    const { add, conflicts } = routerDifference(asked, parseRunning('router bgp 1\nexit\n'), [])
    expect(add).to.deep.equal([])
    expect(conflicts).to.have.lengthOf(1)
  })

  it('remembers what it will write before it does, without secrets', () => {
    const key = 'ip ospf message-digest-key 1 md5 '
    const { ours } = routerDifference([wanted(`${key}s3cr3t`, 'interface eth0')], [], [])
    expect(ours).to.deep.equal([line(`${key}<secret>`, 'interface eth0')])
    const running = [line(`${key}s3cr3t`, 'interface eth0')]
    expect(routerDifference([], running, ours).remove).to.deep.equal(running)
  })

  it('takes a BGP of another number back as a whole before it makes one', () => {
    const running = parseRunning('router bgp 1\n bgp router-id 192.0.2.1\nexit\n')
    const change = routerDifference([wanted('router bgp 2')], running, running)
    const commands = commandsOf(change).map(({ text }) => text)
    expect(commands.filter((text) => text.includes('router'))).to.deep.equal([
      'no router bgp 1',
      'router bgp 2'
    ])
  })

  it('takes a key back before it writes another', () => {
    const key = 'ip ospf message-digest-key 1 md5 '
    const running = [line(`${key}old`, 'interface eth0')]
    const change = routerDifference([wanted(`${key}new`, 'interface eth0')], running, [
      line(`${key}<secret>`, 'interface eth0')
    ])
    const commands = commandsOf(change).map(({ text }) => text)
    expect(commands.filter((text) => text.includes('key'))).to.deep.equal([
      'no ip ospf message-digest-key 1',
      `${key}new`
    ])
  })
})
