import { expect } from 'chai'
import { Arrivals } from '../../../src/core/routing/arrivals.js'
import { parseRouting } from '../../../src/config-routing.js'
import { TimeoutError } from '../../../src/errors.js'
import { FakeHost } from '../../../src/host/fake-host.js'
import { Reconciler } from '../../../src/host/reconciler.js'
import { silentLog } from '../../../src/log.js'
import type { OpenVty } from '../../../src/host/vty.js'
import { hostLinkName } from '../../../src/model/endpoint.js'
import { withRig } from '../../support/daemon.js'
import type { Rig } from '../../support/daemon.js'
import { dockerId } from '../../support/docker.js'
import { eventually } from '../../support/eventually.js'

const NET = dockerId(1)
const ONE = dockerId(11)
const ADDRESS = '10.1.0.7'
const ANNOUNCEMENT = `announcement ${ADDRESS}/32`

/** A zebra that is asked, and when it is let go says of every address whether others announce it, if it says anything. */
class Zebra {
  isElsewhere: boolean | undefined
  readonly #waiting: (() => void)[] = []

  get questions(): number {
    return this.#waiting.length
  }

  answer(): void {
    for (const go of this.#waiting.splice(0)) go()
  }

  readonly open: OpenVty = async () => {
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
    const { isElsewhere } = this
    if (isElsewhere !== undefined)
      return sessionThatSays((dst) => (isElsewhere ? { [dst]: [{ protocol: 'ospf' }] } : {}))
    throw new TimeoutError('zebra does not answer')
  }
}

function sessionThatSays(table: (dst: string) => object): Awaited<ReturnType<OpenVty>> {
  return {
    run: (command) =>
      Promise.resolve({ text: JSON.stringify(table(command.split(' ')[3] ?? '')), status: 0 }),
    closed: new Promise(() => undefined),
    close: () => undefined
  }
}

async function withArrival(zebra: Zebra, test: (rig: Rig) => Promise<void>): Promise<void> {
  const config = { routing: { ...parseRouting({}, 'routing') } }
  await withRig({ config, vty: () => zebra.open }, async (rig) => {
    await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
    await rig.docker.createEndpoint({ id: ONE, network: NET, ip: ADDRESS })
    await rig.docker.join({ id: ONE, network: NET })
    await eventually('zebra is asked', () => zebra.questions > 0)
    await test(rig)
  })
}

/** Whether an address is announced before its link runs, once that is known. */
async function earlyWith(found: { elsewhere: string[]; seesOthers: boolean }): Promise<boolean[]> {
  const resumed: boolean[] = []
  const reconciler = new Reconciler(new FakeHost(), silentLog)
  reconciler.resume = (_name, how) => {
    resumed.push(how?.early === true)
    return Promise.resolve()
  }
  const arrivals = new Arrivals({
    reconciler,
    elsewhere: () => Promise.resolve(found.elsewhere),
    seesOthers: () => found.seesOthers,
    log: silentLog
  })
  arrivals.expect([{ kind: 'announcement', dst: `${ADDRESS}/32`, of: 'nr-000000000001' }])
  await new Promise(setImmediate)
  arrivals.stop()
  return resumed
}

describe('Arrivals', () => {
  it('does not wait for the link of an address that nobody else has, where it is told what others have', async () => {
    expect(await earlyWith({ elsewhere: [], seesOthers: true })).to.deep.equal([true])
    expect(await earlyWith({ elsewhere: [], seesOthers: false })).to.deep.equal([false])
    expect(await earlyWith({ elsewhere: [`${ADDRESS}/32`], seesOthers: true })).to.deep.equal([])
  })

  it('waits for the link where zebra does not say', () => {
    const zebra = new Zebra()
    return withArrival(zebra, async ({ host, daemon }) => {
      zebra.answer()
      await daemon.reconciler.resync()
      expect(host.objects.has(ANNOUNCEMENT)).to.equal(false)
      host.start(hostLinkName(ONE))
      await eventually('it is announced', () => host.objects.has(ANNOUNCEMENT))
    })
  })

  it('announces it when zebra has answered, where the link runs before', () => {
    const zebra = new Zebra()
    return withArrival(zebra, async ({ host, daemon }) => {
      host.start(hostLinkName(ONE))
      await daemon.reconciler.resync()
      expect(host.objects.has(ANNOUNCEMENT)).to.equal(false)
      zebra.answer()
      await eventually('it is announced', () => host.objects.has(ANNOUNCEMENT))
    })
  })

  it('lets the engine finish first where another host announces the address, whatever looks meanwhile', () => {
    const zebra = new Zebra()
    zebra.isElsewhere = true
    return withArrival(zebra, async ({ host, daemon }) => {
      zebra.answer()
      host.start(hostLinkName(ONE))
      const begin = performance.now()
      await daemon.reconciler.resync()
      expect(host.objects.has(ANNOUNCEMENT)).to.equal(false)
      await eventually('it is announced', () => host.objects.has(ANNOUNCEMENT))
      expect(performance.now() - begin).to.be.greaterThan(900)
    })
  })

  it('forgets an endpoint that ends meanwhile', () => {
    const zebra = new Zebra()
    zebra.isElsewhere = true
    return withArrival(zebra, async ({ host, docker, daemon }) => {
      await docker.stop(ONE)
      zebra.answer()
      await daemon.reconciler.resync()
      expect([...host.objects.values()].filter(({ kind }) => kind === 'announcement')).to.deep.equal([])
    })
  })
})
