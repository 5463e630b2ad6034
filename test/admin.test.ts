import { expect } from 'chai'
import { ConflictError, InvalidError, NotFoundError } from '../src/errors.js'
import { withRig } from './support/daemon.js'
import type { Rig } from './support/daemon.js'
import { dockerId } from './support/docker.js'
import { errorOf } from './support/expect-error.js'
import { snapshot } from './support/daemon.js'

const NET = `abcd${dockerId(1).slice(4)}`
const OTHER = `abce${dockerId(2).slice(4)}`

function withNetworks(test: (rig: Rig) => Promise<void>): () => Promise<void> {
  return () =>
    withRig({}, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', gateway: '10.1.0.1' })
      await rig.docker.createNetwork({ id: OTHER, subnet: '10.2.0.0/24' })
      await test(rig)
    })
}

describe('forget', () => {
  it(
    'drops a network with its pools and addresses, named by the beginning of its id',
    withNetworks(async ({ call, daemon }) => {
      expect(await call('Admin.Forget', { Network: 'abcd' })).to.deep.equal({ Network: NET })
      expect(daemon.records.all('network').map(({ id }) => id)).to.deep.equal([OTHER])
      expect(daemon.records.all('pool').map(({ prefix }) => prefix)).to.deep.equal(['10.2.0.0/24'])
      expect(daemon.records.count('lease')).to.equal(0)
    })
  )

  it(
    'lets the subnet be used again',
    withNetworks(async ({ call, docker }) => {
      await call('Admin.Forget', { Network: NET })
      await docker.createNetwork({ id: dockerId(3), subnet: '10.1.0.0/24' })
    })
  )

  it(
    'refuses a network that has containers',
    withNetworks(async (rig) => {
      await rig.docker.run({ id: dockerId(11), network: NET })
      const before = snapshot(rig)
      const error = await errorOf(rig.call('Admin.Forget', { Network: NET }))
      expect(error).to.be.instanceOf(ConflictError)
      expect(error.message).to.contain('1 endpoints')
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )

  it(
    'refuses what names no network, or several',
    withNetworks(async (rig) => {
      const before = snapshot(rig)
      expect(await errorOf(rig.call('Admin.Forget', { Network: 'ffff' }))).to.be.instanceOf(NotFoundError)
      const several = await errorOf(rig.call('Admin.Forget', { Network: 'abc' }))
      expect(several).to.be.instanceOf(InvalidError)
      expect(several.message).to.contain('the beginning of 2 ids')
      for (const body of [undefined, null, {}, [], { Network: '' }, { Network: 7 }])
        expect(await errorOf(rig.call('Admin.Forget', body))).to.be.instanceOf(InvalidError)
      expect(snapshot(rig)).to.deep.equal(before)
    })
  )
})
