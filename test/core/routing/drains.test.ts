import { expect } from 'chai'
import { Drains } from '../../../src/core/routing/drains.js'
import type { DrainParts } from '../../../src/core/routing/drains.js'
import { silentLog } from '../../../src/log.js'
import type { Endpoint } from '../../../src/model/endpoint.js'
import { parseMac, parsePrefix } from '../../../src/model/ip.js'
import { Records } from '../../../src/store/records.js'

describe('Drains', () => {
  it('changes all endpoints, lets others go on in between, and has the routing daemons told when all are changed', async () => {
    const events: string[] = []
    const told = { at: 0 }
    let turns = 0
    let isOver = false
    const turn = (): void => {
      turns++
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    const endpoints = Array.from({ length: 1000 }, (_, at) => endpoint(String(at), 1 + (at % 200)))
    const drains = drainsWith({
      endpoints,
      setDrain: (id) => {
        events.push(id)
        return Promise.resolve()
      },
      told: () => (told.at = events.length)
    })
    await drains.undrain(endpoints)
    isOver = true
    expect(events).to.deep.equal(endpoints.map(({ id }) => id))
    expect(told.at).to.equal(endpoints.length)
    expect(turns).to.be.greaterThan(100)
  })

  it('tells the routing daemons before anything is announced again, and takes one change after the other', async () => {
    const events: string[] = []
    const endpoints = [endpoint('1', 1), endpoint('2', 1)]
    const drains = drainsWith({
      endpoints,
      setDrain: async (id, drain) => {
        await Promise.resolve()
        events.push(`${id} ${drain ?? 'announced'}`)
      },
      settled: () => events.push('lines are written'),
      whileDraining: (undrained) => events.push(`without ${[...undrained].join()}`)
    })
    await Promise.all([drains.undrain(endpoints), drains.drain([endpoint('3', 1)])])
    expect(events.slice(0, 6)).to.deep.equal([
      'without 1,2',
      'lines are written',
      '1 announced',
      '2 announced',
      'without ',
      '3 worse'
    ])
  })

  it('answers although thousands are still to be changed', async () => {
    let isChanged = false
    let change = (): void => undefined
    const changing = new Promise<void>((resolve) => (change = resolve))
    const setDrain = async (): Promise<void> => {
      await changing
      isChanged = true
    }
    const endpoints = [endpoint('1', 1)]
    await drainsWith({ endpoints, setDrain }).undrain(endpoints)
    expect(isChanged).to.equal(false)
    change()
  })
})

function drainsWith({
  endpoints,
  setDrain,
  told = () => undefined,
  settled = () => undefined,
  whileDraining = () => undefined
}: {
  readonly endpoints: readonly Endpoint[]
  readonly setDrain: DrainParts['endpoints']['setDrain']
  readonly told?: () => void
  readonly settled?: () => void
  readonly whileDraining?: (undrained: ReadonlySet<string>) => void
}): Drains {
  const records = new Records()
  for (const one of endpoints) records.set('endpoint', one)
  const routers: DrainParts['routers'] = {
    settle: () => {
      settled()
      return Promise.resolve()
    },
    wake: told,
    whileDraining: (work, undrained) => {
      whileDraining(undrained)
      return work()
    }
  }
  return new Drains({
    records,
    endpoints: { setDrain },
    routers,
    isKnown: () => Promise.resolve(true),
    log: silentLog
  })
}

function endpoint(id: string, addresses: number): Endpoint {
  return {
    id,
    networkId: 'n',
    addresses: Array.from({ length: addresses }, (_, at) => parsePrefix(`10.1.0.${String(at)}/32`)),
    mac: parseMac('02:42:0a:01:00:01'),
    sandbox: { path: `/run/netns/${id}`, runtime: 'docker' },
    drain: 'withdrawn',
    since: '2026-01-01T00:00:00.000Z'
  }
}
