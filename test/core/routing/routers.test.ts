import { expect } from 'chai'
import { parseRouting } from '../../../src/config-routing.js'
import type { RoutingSection } from '../../../src/config-routing.js'
import { keyOfLine } from '../../../src/host/router-lines.js'
import type { Log } from '../../../src/log.js'
import { MemoryStore } from '../../../src/store/memory-store.js'
import type { Rig } from '../../support/daemon.js'
import { withRig } from '../../support/daemon.js'
import { dockerId } from '../../support/docker.js'
import { eventually } from '../../support/eventually.js'
import { errorOf } from '../../support/expect-error.js'
import { FakeVty } from '../../support/fake-vty.js'
import { listAt, textAt } from '../../support/json.js'

const NET = dockerId(1)
const SECTION: RoutingSection = { ospf: { area: 0, interfaces: ['eth0'], cost: 5 } }
const LIST = 'ip prefix-list net-routed seq 1000 permit 10.1.0.0/16 ge 32'

interface Setting {
  readonly fake?: FakeVty
  readonly section?: RoutingSection
  readonly store?: MemoryStore
  readonly log?: Log
}

function withRouters(setting: Setting, test: (rig: Rig, fake: FakeVty) => Promise<void>): Promise<void> {
  const { fake = new FakeVty('zebra', 'ospfd'), section, store, log } = setting
  const routing = section && parseRouting(section, 'routing')
  const options = {
    config: routing ? { routing } : {},
    vty: () => fake.open,
    ...(store ? { store } : {}),
    ...(log ? { log } : {})
  }
  return withRig(options, (rig) => test(rig, fake))
}

function keysOf(fake: FakeVty): string[] {
  return (fake.configurations.get('ospfd') ?? []).map(keyOfLine)
}

/** Without the one line that FRR does not let go. */
function foreign(fake: FakeVty): string[] {
  return keysOf(fake).filter((key) => !/^interface eth0( \/ no ip ospf passive)?$/.test(key))
}

async function faultsOf({ daemon }: Rig): Promise<string[]> {
  const page = await daemon.pages['/status']?.()
  const status: unknown = JSON.parse(page?.text ?? '{}')
  return listAt(status, 'faults').map((fault) => `${textAt(fault, 'key')}: ${textAt(fault, 'error')}`)
}

describe('Routers', () => {
  it('lets zebra keep its value for next hops where the operator has given one', () => {
    const fake = new FakeVty('zebra', 'ospfd')
    fake.configurations.set('zebra', [{ within: [], text: 'zebra nexthop-group keep 30' }])
    return withRouters({ fake, section: SECTION }, async (rig) => {
      await eventually('it is written', () => keysOf(fake).includes('interface eth0 / ip ospf cost 5'))
      expect(fake.textOf('zebra')).to.contain('zebra nexthop-group keep 30').and.not.contain('keep 1\n')
      expect(await faultsOf(rig)).to.deep.equal([])
    })
  })

  it('writes nothing, and asks nobody, without the section', () =>
    withRouters({}, async ({ docker }, fake) => {
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/16' })
      expect(fake.commands).to.deep.equal([])
    }))

  it('writes the configuration at the start, and follows networks', () =>
    withRouters({ section: SECTION }, async ({ docker }, fake) => {
      await eventually('it is written', () => keysOf(fake).includes('interface eth0 / ip ospf cost 5'))
      await docker.createNetwork({ id: NET, subnet: '10.1.0.0/16' })
      await eventually('the list has the subnet', () => keysOf(fake).includes(LIST))
      const before = fake.commands.length
      await docker.removeNetwork(NET)
      await eventually('the list has it no more', () => !keysOf(fake).includes(LIST))
      const changes = fake.commands
        .slice(before)
        .filter((command) => !/^(show|enable|configure|end)/.test(command))
      expect(changes).to.deep.equal([`no ${LIST}`])
    }))

  it('takes back what it wrote when the section is gone, and forgets it', async () => {
    const fake = new FakeVty('zebra', 'ospfd')
    fake.configurations.set('ospfd', [{ within: [], text: 'ip prefix-list mine seq 5 permit any' }])
    const store = new MemoryStore()
    await withRouters({ fake, store, section: SECTION }, () =>
      eventually('it is written', () => keysOf(fake).length > 5)
    )
    await withRouters({ fake, store }, async () => {
      await eventually('ours is gone', () => foreign(fake).length === 1)
      await eventually(
        'no record is left',
        () => ![...store.documents.keys()].some((key) => key.startsWith('router'))
      )
    })
    expect(foreign(fake)).to.deep.equal(['ip prefix-list mine seq 5 permit any'])
  })

  it('serves Docker while no routing daemon is there, says so, and writes when it comes', () =>
    withRouters({ fake: new FakeVty(), section: SECTION }, async (rig, fake) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/16' })
      await eventually('the fault shows', async () =>
        (await faultsOf(rig)).some((fault) => fault.includes('ospfd does not run'))
      )
      for (const name of ['zebra', 'ospfd']) fake.start(name)
      await eventually('it is written', () => keysOf(fake).includes(LIST))
      await eventually('no fault is left', async () => (await faultsOf(rig)).length === 0)
    }))

  it('writes all again when the routing daemon was restarted', () =>
    withRouters({ section: SECTION }, async (_rig, fake) => {
      await eventually('it is written', () => keysOf(fake).includes('interface eth0 / ip ospf cost 5'))
      fake.stop('ospfd')
      fake.start('ospfd')
      await eventually('it is written again', () => keysOf(fake).includes('interface eth0 / ip ospf cost 5'))
    }))

  it('believes what the daemon shows, not what it answers', () => {
    const fake = new FakeVty('zebra', 'ospfd')
    fake.ignores = (text) => text.startsWith('ip ospf cost')
    fake.refuses = (text) => (text.startsWith('timers lsa') ? '% too fast for me' : undefined)
    return withRouters({ fake, section: SECTION }, async (rig) => {
      await eventually('the faults show', async () => (await faultsOf(rig)).length === 2)
      expect((await faultsOf(rig)).sort()).to.deep.equal([
        'routing ospfd: interface eth0 / ip ospf cost 5: not taken, without a word',
        'routing ospfd: router ospf / timers lsa min-arrival 0: not taken: % too fast for me'
      ])
    })
  })

  it('shows no secret, in faults, log, records and plans', () => {
    const fake = new FakeVty('zebra', 'ospfd')
    fake.refuses = (text) => (text.includes('s3cr3t') ? `% cannot do: ${text}` : undefined)
    const written: string[] = []
    const note = (message: string, fields?: object): void => {
      written.push(`${message} ${JSON.stringify(fields)}`)
    }
    const log: Log = { error: note, warn: note, info: note, debug: note }
    const store = new MemoryStore()
    const section = { ospf: { area: 0, interfaces: ['eth0'], authentication: { key: 's3cr3t' } } }
    return withRouters({ fake, section, store, log }, async (rig) => {
      await eventually('the fault shows', async () => (await faultsOf(rig)).length > 0)
      const plans = await rig.call('Admin.Routing', {})
      const all = [
        ...(await faultsOf(rig)),
        ...written,
        JSON.stringify(plans),
        JSON.stringify([...store.documents])
      ]
      expect(all.filter((text) => text.includes('s3cr3t'))).to.deep.equal([])
      expect((await faultsOf(rig)).join()).to.contain('md5 <secret>: not taken: % cannot do')
    })
  })

  it('plans for another section without touching anything', () =>
    withRouters({ section: SECTION }, async (rig, fake) => {
      await eventually('it is written', () => keysOf(fake).includes('interface eth0 / ip ospf cost 5'))
      const before = fake.textOf('ospfd')
      const answer = await rig.call('Admin.Routing', { Routing: { ospf: { ...SECTION.ospf, cost: 7 } } })
      const [, plan] = listAt(answer, 'Routers')
      expect(listAt(plan, 'difference')).to.deep.equal(['  interface eth0', '+  ip ospf cost 7'])
      expect(fake.textOf('ospfd')).to.equal(before)
      const error = await errorOf(
        rig.call('Admin.Routing', { Routing: { ospf: { area: 'x', interfaces: ['eth0'] } } })
      )
      expect(error.message).to.contain('routing.ospf.area: "x" is not an area')
    }))
})
