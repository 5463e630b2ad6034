import { expect } from 'chai'
import { withRig } from './support/daemon.js'
import type { Rig } from './support/daemon.js'
import { dockerId } from './support/docker.js'
import { at, listAt } from './support/json.js'
import { hostLinkName } from '../src/model/endpoint.js'
import { statusText } from '../src/status.js'

const NET = dockerId(1)
const ONE = dockerId(11)

async function statusOf({ daemon }: Rig): Promise<unknown> {
  return JSON.parse((await daemon.pages['/status']?.())?.text ?? '{}')
}

async function stateOf(rig: Rig): Promise<unknown> {
  const states = listAt(await statusOf(rig), 'endpoints').map((endpoint) => at(endpoint, 'state'))
  const short: unknown = JSON.parse((await rig.daemon.pages['/states']?.())?.text ?? '{}')
  expect(Object.values(short as object)).to.deep.equal(states)
  return states
}

function withEndpoint(test: (rig: Rig) => Promise<void>): () => Promise<void> {
  return () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      await rig.docker.createEndpoint({ id: ONE, network: NET })
      await test(rig)
    })
}

describe('statusOf', () => {
  it(
    'tells networks with their subnets, gateways and number of endpoints',
    withEndpoint(async (rig) => {
      expect(at(await statusOf(rig), 'networks')).to.deep.equal([
        { id: NET, subnets: ['10.1.0.0/24'], gateway: '169.254.1.1', endpoints: 1 }
      ])
    })
  )

  it(
    'tells an endpoint as waiting, routed, leaving',
    withEndpoint(async (rig) => {
      expect(await stateOf(rig)).to.deep.equal(['waiting'])
      await rig.docker.join({ id: ONE, network: NET })
      expect(await stateOf(rig)).to.deep.equal(['routed'])
      await rig.call('NetworkDriver.Leave', { NetworkID: NET, EndpointID: ONE })
      expect(await stateOf(rig)).to.deep.equal(['leaving'])
    })
  )

  it(
    'tells an endpoint as lost whose link is gone',
    withEndpoint(async (rig) => {
      await rig.docker.join({ id: ONE, network: NET })
      rig.host.vanish(`link ${hostLinkName(ONE)}`)
      await rig.daemon.upkeep()
      expect(await stateOf(rig)).to.deep.equal(['lost'])
    })
  )

  it(
    'tells an endpoint as faulty whose link, address or route cannot be made again',
    withEndpoint(async (rig) => {
      await rig.docker.join({ id: ONE, network: NET })
      const link = hostLinkName(ONE)
      for (const key of [
        'route 10.1.0.1/32 0',
        `address 169.254.1.1/32 ${link}`,
        `neighbour 10.1.0.1 ${link}`
      ]) {
        rig.host.vanish(key)
        rig.host.refuse = () => 'EIO'
        await rig.daemon.upkeep()
        expect(await stateOf(rig), key).to.deep.equal(['faulty'])
        expect(listAt(await statusOf(rig), 'faults').map((fault) => at(fault, 'key'))).to.deep.equal([key])
        rig.host.refuse = () => undefined
        await rig.daemon.upkeep()
        expect(await stateOf(rig), key).to.deep.equal(['routed'])
      }
    })
  )

  it(
    'tells records that cannot be read',
    withEndpoint(async (rig) => {
      rig.store.documents.set('pool x', { version: 99 })
      const restarted = await rig.restart()
      expect(listAt(await statusOf(restarted), 'broken').map((record) => at(record, 'id'))).to.deep.equal([
        'x'
      ])
    })
  )
})

describe('statusText', () => {
  it('is a table of the endpoints below a summary', () => {
    const text = statusText({
      version: '1.2.3',
      startedAt: '2026-01-01T00:00:00.000Z',
      networks: [{}],
      endpoints: [
        {
          id: ONE,
          network: NET,
          addresses: ['10.1.0.1/32'],
          extraAddresses: ['10.1.0.7/32'],
          missing: 'why not',
          keptBack: ['192.0.2.7/32'],
          link: 'nr-0123456789ab',
          mac: '02:42:0a:01:00:01',
          routes: [],
          ports: ['0.0.0.0:8080->80/tcp'],
          rates: ['in 10mbit'],
          state: 'routed'
        }
      ],
      faults: [{ key: 'route 10.1.0.1/32 0', error: 'cannot add' }],
      orphans: ['nr-feedfeedfeed'],
      broken: [{ kind: 'pool', id: 'x', reason: 'why' }],
      duplicates: [],
      blocks: [],
      held: ['10.1.0.9/32'],
      routing: [{ daemon: 'ospfd', state: 'kept' }],
      warnings: ['the reverse path filter']
    })
    expect(text.split('\n')).to.have.length(12)
    expect(text).to.contain('not in the container: 10.1.0.7/32 of 000b000b000b: why not')
    expect(text).to.contain('not announced: 192.0.2.7/32 of 000b000b000b: in no subnet of a network')
    expect(text).to.contain('routing: ospfd kept')
    expect(text).to.contain('warning: the reverse path filter')
    expect(text).to.contain('held: 10.1.0.9/32: ')
    expect(text).to.contain('1 networks, 1 endpoints, 1 faults, 1 broken records')
    expect(text).to.contain('orphan: nr-feedfeedfeed')
    expect(text).to.match(/routed +10\.1\.0\.1\/32 +nr-0123456789ab/)
    expect(text).to.contain('fault: route 10.1.0.1/32 0: cannot add')
  })
})
