import { expect } from 'chai'
import { parseRouting } from '../../../src/config-routing.js'
import { hostLinkName } from '../../../src/model/endpoint.js'
import { UnavailableError } from '../../../src/errors.js'
import type { OpenVty } from '../../../src/host/vty.js'
import { withRig } from '../../support/daemon.js'
import type { Rig } from '../../support/daemon.js'
import { dockerId } from '../../support/docker.js'
import { eventually } from '../../support/eventually.js'
import { listAt } from '../../support/json.js'

const NET = dockerId(1)
const ONE = dockerId(11)
const TWO = dockerId(12)
const ADDRESS = '10.1.0.7'
const ROUTE = `route ${ADDRESS}/32 0 local`
const ANNOUNCEMENT = `announcement ${ADDRESS}/32`
const LONG = 60
const SHORT = 0.05

/** A zebra whose table has these routes, by destination and protocol. */
function zebra(heard: ReadonlyMap<string, string>): () => OpenVty {
  const answer = (command: string): string => {
    const dst = command.split(' ')[3] ?? ''
    const protocol = heard.get(dst)
    return JSON.stringify(protocol === undefined ? {} : { [dst]: [{ protocol: 'kernel' }, { protocol }] })
  }
  return () => (daemon) =>
    daemon === 'zebra'
      ? Promise.resolve({
          run: (command) => Promise.resolve({ text: answer(command), status: 0 }),
          closed: new Promise(() => undefined),
          close: () => undefined
        })
      : Promise.reject(new UnavailableError(`${daemon} does not run`))
}

function withHolds(
  grace: number,
  test: (rig: Rig) => Promise<void>,
  heard = new Map<string, string>()
): () => Promise<void> {
  const routing = parseRouting({ grace }, 'routing')
  return () =>
    withRig({ config: { routing: { ...routing } }, vty: zebra(heard) }, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      await rig.docker.run({ id: ONE, network: NET, ip: ADDRESS })
      await test(rig)
    })
}

async function heldBy({ daemon }: Rig): Promise<readonly unknown[]> {
  const page = await daemon.pages['/status']?.()
  return listAt(JSON.parse(page?.text ?? '{}'), 'held')
}

describe('an announcement', () => {
  it(
    'stays when the link pauses',
    withHolds(LONG, async ({ docker, host, daemon }) => {
      await docker.createEndpoint({ id: TWO, network: NET, ip: '10.1.0.8' })
      await docker.join({ id: TWO, network: NET })
      host.start(hostLinkName(TWO))
      await eventually('it is announced', () => host.objects.has('announcement 10.1.0.8/32'))
      const key = `link ${hostLinkName(TWO)}`
      const link = host.objects.get(key)
      if (link?.kind !== 'link') throw new Error('there is no link')
      const { runs: _runs, ...paused } = link
      host.objects.set(key, paused)
      await daemon.reconciler.runs(link.name, false)
      await daemon.upkeep()
      expect(host.objects.has('announcement 10.1.0.8/32')).to.equal(true)
    })
  )
})

describe('Holds', () => {
  it(
    'keeps an address announced while its container is replaced, and touches nothing of it',
    withHolds(LONG, async (rig) => {
      const { docker, host } = rig
      expect([...host.objects.keys()]).to.include.members([ROUTE, ANNOUNCEMENT])
      const before = host.log.length
      await docker.stop(ONE)
      expect(host.objects.has(ROUTE)).to.equal(false)
      expect(host.objects.has(ANNOUNCEMENT)).to.equal(true)
      expect(await heldBy(rig)).to.deep.equal([`${ADDRESS}/32`])
      await docker.run({ id: TWO, network: NET, ip: ADDRESS })
      expect(host.objects.has(ROUTE)).to.equal(true)
      expect(await heldBy(rig)).to.deep.equal([])
      expect(host.log.slice(before).filter(({ object }) => object.kind === 'announcement')).to.deep.equal([])
    })
  )

  it(
    'withdraws the address when the grace period is over, and not that of a container that came meanwhile',
    withHolds(SHORT, async ({ docker, host }) => {
      await docker.stop(ONE)
      await eventually('it is withdrawn', () => !host.objects.has(ANNOUNCEMENT))
      await docker.run({ id: TWO, network: NET, ip: ADDRESS })
      await docker.stop(TWO)
      await docker.run({ id: ONE, network: NET, ip: ADDRESS })
      await new Promise((resolve) => setTimeout(resolve, 3 * SHORT * 1000))
      expect(host.objects.has(ANNOUNCEMENT)).to.equal(true)
    })
  )

  it(
    'withdraws the address with its network at once',
    withHolds(LONG, async (rig) => {
      await rig.docker.stop(ONE)
      await rig.docker.removeNetwork(NET)
      expect(rig.host.objects.has(ANNOUNCEMENT)).to.equal(false)
      expect(await heldBy(rig)).to.deep.equal([])
    })
  )

  const heard = new Map<string, string>()
  it(
    'withdraws the address as soon as another host announces it',
    withHolds(
      LONG,
      async ({ docker, host }) => {
        await docker.stop(ONE)
        heard.set(`${ADDRESS}/32`, 'ospf')
        await eventually('it is withdrawn', () => !host.objects.has(ANNOUNCEMENT))
      },
      heard
    )
  )

  it(
    'withdraws the address of a container whose link is gone at once',
    withHolds(LONG, async ({ docker, daemon, host }) => {
      host.vanish(`link ${hostLinkName(ONE)}`)
      await daemon.upkeep()
      expect(host.objects.has(ANNOUNCEMENT)).to.equal(false)
      await docker.stop(ONE)
      expect(host.objects.has(ANNOUNCEMENT)).to.equal(false)
    })
  )

  it(
    'withdraws what is held when the daemon stops, and what a crash has left when it starts',
    withHolds(LONG, async (rig) => {
      await rig.docker.stop(ONE)
      rig.host.objects.set('announcement 10.1.0.8/32', { kind: 'announcement', dst: '10.1.0.8/32' })
      await rig.daemon.stop()
      expect(rig.host.objects.has(ANNOUNCEMENT)).to.equal(false)
      await rig.restart()
      expect([...rig.host.objects.values()].filter(({ kind }) => kind === 'announcement')).to.deep.equal([])
    })
  )

  it(
    'keeps the address of a container that the kernel refuses, and announces again when it is there',
    withHolds(LONG, async (rig) => {
      const { docker, host } = rig
      await docker.stop(ONE)
      host.refuse = (op) => (op.object.kind === 'route' ? 'EIO' : undefined)
      await docker.run({ id: TWO, network: NET, ip: ADDRESS }).catch(() => undefined)
      host.refuse = () => undefined
      expect(host.objects.has(ROUTE)).to.equal(false)
      await docker.stop(TWO)
      await docker.run({ id: TWO, network: NET, ip: ADDRESS })
      expect([...host.objects.keys()]).to.include.members([ROUTE, ANNOUNCEMENT])
      expect(await heldBy(rig)).to.deep.equal([])
    })
  )
})
