import { expect } from 'chai'
import { Names } from '../../src/core/names.js'
import { UnavailableError } from '../../src/errors.js'
import type { Lookup, LookupAnswer } from '../../src/host/lookup.js'
import { silentLog } from '../../src/log.js'
import { parseIp } from '../../src/model/ip.js'
import type { Ip } from '../../src/model/ip.js'
import { eventually } from '../support/eventually.js'

const NAME = 'a.example.com'

/** Names, and a DNS that answers as told; a second in it takes no time. */
class Rig {
  readonly names: Names
  readonly asked: string[] = []
  readonly told: string[][] = []
  readonly waits: number[] = []
  readonly messages: string[] = []
  readonly kept = new Map<string, readonly Ip[]>()
  users: string[] = ['e1']
  answers: Record<4 | 6, LookupAnswer | Error> = {
    4: { addresses: ['10.0.0.2', '10.0.0.1', '10.0.0.1'], ttl: 30 },
    6: { addresses: [], ttl: 60 }
  }
  #later: (() => void)[] = []

  constructor(lookup?: Lookup) {
    this.names = new Names({
      lookup: lookup ?? ((name, family) => this.#answer(name, family)),
      usersOf: () => this.users,
      changed: (ids) => {
        this.told.push([...ids])
        return Promise.resolve()
      },
      memory: {
        all: () => [...this.kept].map(([id, addresses]) => ({ id, addresses })),
        keep: (name, addresses) => {
          if (addresses) this.kept.set(name, addresses)
          else this.kept.delete(name)
          return Promise.resolve()
        }
      },
      after: (seconds, work) => {
        this.waits.push(seconds)
        this.#later.push(work)
        return () => undefined
      },
      log: {
        ...silentLog,
        warn: (message) => this.messages.push(message),
        info: (message) => this.messages.push(message)
      }
    })
  }

  /** What is known once it is known, and the next look-up waits. */
  async known(): Promise<readonly string[]> {
    this.names.addressesOf(NAME)
    const waits = this.waits.length
    await eventually('the next look-up waits', () => this.waits.length > waits || this.#later.length > 0)
    return this.names.addressesOf(NAME)
  }

  /** Time passes until the next look-up, and it is done. */
  async next(): Promise<void> {
    const [work] = this.#later.splice(0)
    const asked = this.asked.length
    work?.()
    await eventually('it is asked again', () => this.asked.length === asked + 2)
    await new Promise((resolve) => setImmediate(resolve))
  }

  #answer(name: string, family: 4 | 6): Promise<LookupAnswer> {
    this.asked.push(`${name} ${String(family)}`)
    const answer = this.answers[family]
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }
}

describe('Names', () => {
  it('knows nothing at first, and asks', async () => {
    const rig = new Rig()
    expect(rig.names.addressesOf(NAME)).to.deep.equal([])
    expect(await rig.known()).to.deep.equal(['10.0.0.1', '10.0.0.2'])
    expect(rig.asked).to.have.members([`${NAME} 4`, `${NAME} 6`])
  })

  it('asks again when the first answer ends, not too often and not too rarely', async () => {
    for (const [ttl, wait] of [
      [0, 5],
      [7, 7],
      [100_000, 60]
    ] as const) {
      const rig = new Rig()
      rig.answers[4] = { addresses: ['10.0.0.1'], ttl }
      await rig.known()
      expect(rig.waits).to.deep.equal([wait])
    }
    const rig = new Rig()
    rig.answers = { 4: { addresses: [], ttl: 100_000 }, 6: { addresses: ['fd00::1'], ttl: 100_000 } }
    await rig.known()
    expect(rig.waits).to.deep.equal([3600])
  })

  it('tells who has a name when its addresses change, and only then', async () => {
    const rig = new Rig()
    await rig.names.begin(1000)
    await rig.known()
    expect(rig.told).to.deep.equal([['e1']])
    rig.answers[4] = { addresses: ['10.0.0.1', '10.0.0.2'], ttl: 30 }
    await rig.next()
    expect(rig.told).to.have.length(1)
    rig.answers[6] = { addresses: ['fd00::1'], ttl: 30 }
    await rig.next()
    expect(rig.told).to.have.length(2)
    expect(rig.names.addressesOf(NAME)).to.deep.equal(['10.0.0.1', '10.0.0.2', 'fd00::1'])
  })

  it('keeps what is known while there is no answer, says so once, and asks again soon', async () => {
    const rig = new Rig()
    await rig.names.begin(1000)
    await rig.known()
    rig.answers[4] = new UnavailableError('DNS does not say what a.example.com is: ETIMEOUT')
    await rig.next()
    await rig.next()
    expect(rig.names.addressesOf(NAME)).to.deep.equal(['10.0.0.1', '10.0.0.2'])
    expect([rig.names.failures, rig.waits.at(-1)]).to.deep.equal([2, 5])
    expect(rig.names.warnings).to.deep.equal([
      'DNS does not say what a.example.com is: ETIMEOUT; its 2 addresses of before stay'
    ])
    rig.answers[4] = { addresses: ['10.0.0.9'], ttl: 30 }
    await rig.next()
    expect(rig.messages).to.deep.equal([
      'DNS name cannot be looked up, what is known of it stays',
      'DNS name is known again'
    ])
    expect(rig.names.addressesOf(NAME)).to.deep.equal(['10.0.0.9'])
    expect(rig.names.warnings).to.deep.equal([])
  })

  it('forgets a name that nobody has any more', async () => {
    const rig = new Rig()
    await rig.names.begin(1000)
    await rig.known()
    rig.users = []
    await rig.next()
    expect(rig.waits).to.have.length(1)
    rig.answers[4] = { addresses: ['10.0.0.3'], ttl: 30 }
    expect(rig.names.addressesOf(NAME)).to.deep.equal([])
  })

  it('begins with what was known at the last start, until DNS says something else', async () => {
    const rig = new Rig()
    rig.kept.set(NAME, [parseIp('10.0.0.9'), parseIp('fd00::9')])
    rig.kept.set('nobody.example.com', [parseIp('10.0.0.8')])
    rig.answers[4] = new UnavailableError('DNS is silent')
    expect(await rig.known()).to.deep.equal(['10.0.0.9'])
    await rig.names.begin(1000)
    await rig.names.keep()
    expect([...rig.kept]).to.deep.equal([[NAME, ['10.0.0.9']]])
    rig.answers[4] = { addresses: ['10.0.0.3'], ttl: 30 }
    await rig.next()
    expect([...rig.kept]).to.deep.equal([[NAME, ['10.0.0.3']]])
    rig.users = []
    await rig.next()
    expect([...rig.kept]).to.deep.equal([])
  })

  it('waits at the start for names that are asked for, and not for ever', async () => {
    const rig = new Rig()
    expect(await rig.names.begin(1000)).to.equal(false)
    const quick = new Rig()
    quick.names.addressesOf(NAME)
    expect(await quick.names.begin(60_000)).to.equal(true)
    expect(quick.names.addressesOf(NAME)).to.have.length(2)
    expect(quick.told).to.deep.equal([])
    const slow = new Rig(() => new Promise(() => undefined))
    slow.names.addressesOf(NAME)
    expect(await slow.names.begin(1)).to.equal(true)
  })
})
