/** The door to a real FRR, and that it takes every line of the golden files. */
import { expect } from 'chai'
import { checkRouting } from '../../src/config-file.js'
import { desiredRouting } from '../../src/desired/routing.js'
import { RouterKeeper } from '../../src/core/routing/router-keeper.js'
import { ROUTER_DAEMONS, keyOfLine, parseRunning } from '../../src/host/router-lines.js'
import type { Line, RouterDaemon, WantedLine } from '../../src/host/router-lines.js'
import { vtyIn } from '../../src/host/linux/vty.js'
import { silentLog } from '../../src/log.js'
import type { Router } from '../../src/model/router.js'
import { describeVtyContract } from '../contract/vty-contract.js'
import { networkOf, routingExamples } from '../support/routing.js'
import type { RoutingExample } from '../support/routing.js'
import { Frr, hasFrr } from './frr.js'
import { Scratch, describeAsRoot, ip } from './scratch.js'

const PATIENCE_MS = 60_000

/** Near to the examples: one value is another. */
const VARIANTS: readonly object[] = [
  {
    ospf: { area: 7, interfaces: ['eth1'], authentication: { id: 8, key: 'another-key' }, hello: 2, cost: 21 }
  },
  {
    ospf: {
      area: 5,
      interfaces: ['eth0'],
      authentication: { id: 7, key: 'third-key' },
      bfd: { interval: 200 }
    }
  },
  { ospf3: { area: 0, interfaces: ['eth0'], authentication: { type: 'md5', key: 'x' }, hello: 2 } },
  { bgp: { as: 65003, 'router-id': '192.0.2.9', neighbors: [{ address: '192.0.2.2', as: 65009 }] } },
  {
    bgp: {
      as: 65001,
      transit: true,
      neighbors: [{ address: '192.0.2.2', as: 'internal', password: 'other' }]
    }
  },
  { bgp: { as: 65002, neighbors: [{ interface: 'eth0', as: 'internal' }] } },
  {
    'graceful-restart': 120,
    ospf: { area: 0, interfaces: ['eth0'] },
    ospf3: { area: 0, interfaces: ['eth0'] },
    bgp: { as: 65001, neighbors: [{ interface: 'eth1', as: 'external' }] }
  }
]

function variantOf(section: object): Pick<RoutingExample, 'name' | 'lines'> {
  const lines = desiredRouting(checkRouting(section, 'routing'), {
    networks: [networkOf(1, ['10.9.0.0/16'])]
  })
  return { name: JSON.stringify(section), lines }
}

function describeWithFrr(name: string, tests: () => void): void {
  if (hasFrr()) describeAsRoot(name, tests)
  else describe.skip(`${name} (needs FRR)`, tests)
}

describeWithFrr('vtyIn, with FRR', function () {
  let scratch: Scratch
  let frr: Frr
  beforeEach(async function () {
    this.timeout(PATIENCE_MS)
    scratch = new Scratch()
    frr = new Frr(scratch.netns())
    await frr.start('ospfd')
  })
  afterEach(async () => {
    await frr.close()
    await scratch.close()
  })

  describeVtyContract((test) =>
    test({
      open: vtyIn(frr.directory),
      kill: (daemon) => frr.kill(daemon),
      start: (daemon) => frr.start(daemon)
    })
  )
})

describeWithFrr('the golden configurations, in FRR', () => {
  let scratch: Scratch
  let frr: Frr
  before(async function () {
    this.timeout(PATIENCE_MS)
    scratch = new Scratch()
    const netns = scratch.netns()
    for (const name of ['eth0', 'eth1']) ip(netns, `link add ${name} type veth peer name ${name}p`)
    frr = new Frr(netns)
    for (const daemon of ROUTER_DAEMONS) await frr.start(daemon)
  })
  after(async () => {
    await frr.close()
    await scratch.close()
  })

  for (const { name, lines } of routingExamples()) {
    it(`${name}: every line is taken, and all of them go`, async function () {
      this.timeout(PATIENCE_MS)
      for (const daemon of ROUTER_DAEMONS)
        await checkDaemon(
          daemon,
          lines.filter((line) => line.daemon === daemon)
        )
    })
  }

  it('each after each other: FRR goes from any to any', async function () {
    this.timeout(4 * PATIENCE_MS)
    const examples = [...routingExamples(), ...VARIANTS.map((section) => variantOf(section))]
    const pairs = examples.flatMap((from) => examples.flatMap((to) => [from, to]))
    const faults: string[] = []
    for (const daemon of ROUTER_DAEMONS) {
      const keeper = keeperOf(daemon)
      let before = 'nothing'
      for (const { name, lines } of [...pairs, { name: 'nothing', lines: [] }]) {
        keeper.wanted = lines.filter((line) => line.daemon === daemon)
        await keeper.settle()
        for (const { key, error } of keeper.state.faults)
          faults.push(`${before}, then ${name}: ${key}: ${error}`)
        before = name
      }
      keeper.stop()
    }
    expect([...new Set(faults)]).to.deep.equal([])
  })

  async function checkDaemon(daemon: RouterDaemon, lines: readonly WantedLine[]): Promise<void> {
    const before = await runningKeys(daemon)
    const keeper = keeperOf(daemon)
    try {
      keeper.wanted = lines
      await keeper.settle()
      expect(keeper.state.faults).to.deep.equal([])
      const now = await runningKeys(daemon)
      for (const line of lines) expect(now).to.include(keyOfLine(line))
      keeper.wanted = []
      await keeper.settle()
      expect(keeper.state.faults).to.deep.equal([])
      const left = (await runningKeys(daemon)).filter(
        (key) => !/^interface \S+( \/ no ip ospf passive)?$/.test(key)
      )
      expect(left).to.deep.equal(before.filter((key) => !/^interface/.test(key)))
    } finally {
      keeper.stop()
    }
  }

  async function runningKeys(daemon: string): Promise<string[]> {
    const session = await vtyIn(frr.directory)(daemon)
    const { text } = await session.run('show running-config')
    session.close()
    return parseRunning(text).map(keyOfLine)
  }

  function keeperOf(daemon: RouterDaemon): Kept {
    let wanted: readonly WantedLine[] = []
    let record: Router | undefined
    const keeper = new RouterKeeper({
      daemon,
      open: vtyIn(frr.directory),
      log: silentLog,
      wanted: () => wanted,
      isNeeded: () => true,
      written: () => record,
      remember: (id, lines: readonly Line[]) => {
        record = { id, vty: frr.directory, lines }
        return Promise.resolve()
      },
      forget: () => {
        record = undefined
        return Promise.resolve()
      }
    })
    return {
      settle: () => keeper.settle(),
      stop: () => {
        keeper.stop()
      },
      get state() {
        return keeper.state
      },
      set wanted(lines: readonly WantedLine[]) {
        wanted = lines
      }
    }
  }
})

interface Kept extends Pick<RouterKeeper, 'settle' | 'stop' | 'state'> {
  set wanted(lines: readonly WantedLine[])
}
