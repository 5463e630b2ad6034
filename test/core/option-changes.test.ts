import { expect } from 'chai'
import { setEndpointOptions, setNetworkOptions } from '../../src/core/option-changes.js'
import { Endpoints } from '../../src/core/endpoints.js'
import { Committer } from '../../src/core/commit.js'
import { Networks } from '../../src/core/networks.js'
import { KernelError } from '../../src/errors.js'
import { FakeHost } from '../../src/host/fake-host.js'
import { Reconciler } from '../../src/host/reconciler.js'
import { keyOf } from '../../src/host/objects.js'
import { silentLog } from '../../src/log.js'
import { hostLinkName } from '../../src/model/endpoint.js'
import { parsePrefix } from '../../src/model/ip.js'
import { MemoryStore } from '../../src/store/memory-store.js'
import { Records } from '../../src/store/records.js'
import { errorOf } from '../support/expect-error.js'

const since = new Date('2026-01-01T00:00:00Z')

/** One network with an MTU, one endpoint that follows it, one that has its own. */
async function core() {
  const host = new FakeHost()
  const store = new MemoryStore()
  const records = await Records.load(store)
  const reconciler = new Reconciler(host, silentLog)
  const committer = new Committer({ store, records, reconciler, log: silentLog })
  const networks = new Networks({ records, committer, host, log: silentLog })
  const shared = { records, committer, reconciler, networks, log: silentLog }
  const endpoints = new Endpoints({ ...shared, defaultMtu: () => undefined, now: () => since })
  await networks.create({ id: 'net', subnets: [], internal: false, mtu: 1400 })
  const create = (id: string, address: string, options = {}) =>
    endpoints.create({ id, networkId: 'net', addresses: [parsePrefix(address)], options })
  await create('follows', '10.1.0.1/32')
  await create('chooses', '10.1.0.2/32', { mtu: 1300 })
  const mtus = (): (number | undefined)[] => [
    records.get('network', 'net')?.mtu,
    ...['follows', 'chooses'].map((id) => records.get('endpoint', id)?.mtu),
    ...['follows', 'chooses'].map((id) => {
      const link = host.objects.get(`link ${hostLinkName(id)}`)
      return link?.kind === 'link' ? link.mtu : undefined
    })
  ]
  return { host, store, records, networks, endpoints, mtus }
}

describe('setNetworkOptions', () => {
  it('changes the network, its endpoints that did not choose themselves, and those to come', async () => {
    const parts = await core()
    const ids = await setNetworkOptions(parts, parts.networks.get('net'), { set: { mtu: 1350 }, unset: [] })
    expect(ids).to.have.members(['follows', 'chooses'])
    expect(parts.mtus()).to.deep.equal([1350, 1350, 1300, 1350, 1300])
    const address = parsePrefix('10.1.0.3/32')
    const next = await parts.endpoints.create({ id: 'next', networkId: 'net', addresses: [address] })
    expect(next.mtu).to.equal(1350)
  })

  it('takes an option away', async () => {
    const parts = await core()
    await setNetworkOptions(parts, parts.networks.get('net'), { set: {}, unset: ['mtu'] })
    expect(parts.mtus().slice(0, 3)).to.deep.equal([undefined, undefined, 1300])
  })

  it('puts all back when the kernel refuses one', async () => {
    const parts = await core()
    const before = [...parts.store.documents]
    parts.host.refuse = ({ verb, object }) =>
      verb === 'replace' &&
      keyOf(object) === `link ${hostLinkName('follows')}` &&
      'mtu' in object &&
      object.mtu === 1350
        ? 'EINVAL'
        : undefined
    const change = setNetworkOptions(parts, parts.networks.get('net'), { set: { mtu: 1350 }, unset: [] })
    expect(await errorOf(change)).to.be.instanceOf(KernelError)
    expect(parts.mtus()).to.deep.equal([1400, 1400, 1300, 1400, 1300])
    expect([...parts.store.documents]).to.have.deep.members(before)
  })
})

describe('setEndpointOptions', () => {
  it('gives an endpoint an option of its own, and takes it back to what the network says', async () => {
    const parts = await core()
    await setEndpointOptions(parts, 'follows', { set: { mtu: 1200 }, unset: [] })
    expect(parts.mtus()).to.deep.equal([1400, 1200, 1300, 1200, 1300])
    await setEndpointOptions(parts, 'follows', { set: {}, unset: ['mtu'] })
    await setEndpointOptions(parts, 'chooses', { set: {}, unset: ['mtu'] })
    expect(parts.mtus()).to.deep.equal([1400, 1400, 1400, 1400, 1400])
    expect(parts.records.get('endpoint', 'chooses')).not.to.have.property('chosen')
    await setNetworkOptions(parts, parts.networks.get('net'), { set: { mtu: 1350 }, unset: [] })
    expect(parts.mtus()).to.deep.equal([1350, 1350, 1350, 1350, 1350])
  })

  it('does nothing for one that is gone, and nothing twice', async () => {
    const parts = await core()
    await setEndpointOptions(parts, 'nobody', { set: { mtu: 1200 }, unset: [] })
    await setEndpointOptions(parts, 'chooses', { set: { mtu: 1300 }, unset: [] })
    expect(parts.mtus()).to.deep.equal([1400, 1400, 1300, 1400, 1300])
  })
})
