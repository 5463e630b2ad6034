import { expect } from 'chai'
import { narrowness, pathsBy } from '../../src/core/paths.js'
import { silentLog } from '../../src/log.js'
import { withRig } from '../support/daemon.js'
import { dockerId } from '../support/docker.js'
import { at, listAt } from '../support/json.js'

const SANDBOX = { path: '/run/x', runtime: 'docker' } as const

describe('narrowness', () => {
  it('names what is smallest, link or route', () => {
    const paths = { uplinkMtu: 1500, routeMtus: { '203.0.113.0/24': 1400, '10.0.0.0/8': 1300 } }
    expect(narrowness({ mtu: 9000, sandbox: SANDBOX }, paths)).to.equal(
      'MTU 9000 is larger than 1300 of the route 10.0.0.0/8'
    )
    expect(narrowness({ mtu: 1500, sandbox: SANDBOX }, { ...paths, routeMtus: {} })).to.equal(undefined)
    expect(narrowness({ mtu: 1501, sandbox: SANDBOX }, { ...paths, routeMtus: {} })).to.contain('the way out')
  })

  it('says nothing of what is not known', () => {
    expect(narrowness({ sandbox: SANDBOX }, { uplinkMtu: 1500, routeMtus: {} })).to.equal(undefined)
    expect(narrowness({ mtu: 9000, sandbox: SANDBOX }, undefined)).to.equal(undefined)
    expect(narrowness({ mtu: 9000, sandbox: SANDBOX }, { routeMtus: {} })).to.equal(undefined)
  })
})

describe('pathsBy', () => {
  const facts = { uplinkMtu: 1500, routeMtus: {}, mtusByLink: { eth0: 1500, eth1: 9000, eth2: 1400 } }
  it('has the smallest of the uplinks that are known, and of the way out', () => {
    expect(pathsBy(['eth1', 'eth2'], facts).uplinkMtu).to.equal(1400)
    expect(pathsBy(['eth1'], facts).uplinkMtu).to.equal(1500)
    expect(pathsBy([], facts).uplinkMtu).to.equal(1500)
  })

  it('does without a link that is not there', () => {
    expect(pathsBy(['eth7'], facts).uplinkMtu).to.equal(1500)
    expect(pathsBy(['eth7'], { routeMtus: {}, mtusByLink: {} })).to.deep.equal({ routeMtus: {} })
  })
})

describe('a container whose packets do not fit', () => {
  it('is told in the status, and logged once for each reason', () => {
    const warnings: unknown[] = []
    const log = { ...silentLog, warn: (message: string, fields?: object) => warnings.push([message, fields]) }
    return withRig({ log }, async (rig) => {
      const endpoint = dockerId(11)
      await rig.docker.createNetwork({ id: dockerId(1), subnet: '10.1.0.0/24' })
      await rig.docker.run({ id: endpoint, network: dockerId(1), options: { 'net-routed.mtu': '1500' } })
      await rig.daemon.upkeep()
      expect(warnings).to.deep.equal([])
      rig.host.hostFacts = { ...rig.host.hostFacts, uplinkMtu: 1400 }
      await rig.daemon.upkeep()
      await rig.daemon.upkeep()
      const err = 'MTU 1500 is larger than 1400 of the way out'
      expect(warnings).to.deep.equal([['packets of a container do not fit everywhere', { endpoint, err }]])
      const status: unknown = JSON.parse((await rig.daemon.pages['/status']?.())?.text ?? '{}')
      expect(listAt(status, 'endpoints').map((one) => at(one, 'tooLarge'))).to.deep.equal([err])
    })
  })
})
