/** What must hold after every command, whatever went wrong; and what must hold besides when nothing did, or all is healed. */
import { expect } from 'chai'
import { desiredOfHost } from '../../src/desired/host.js'
import { isPoliced } from '../../src/model/options/policy.js'
import { desiredOfEndpoint } from '../../src/desired/routed.js'
import { FakeHost } from '../../src/host/fake-host.js'
import { keyOf, linkOf } from '../../src/host/objects.js'
import type { HostObject } from '../../src/host/objects.js'
import { hostLinkName } from '../../src/model/endpoint.js'
import { RECORD_KINDS, documentOf } from '../../src/model/record.js'
import type { Attachment } from './belief.js'
import type { Engine } from './engine.js'
import type { World } from './world.js'

/** Checks what holds always, and with `before` (the containers before the command) that nobody else was touched. */
export function checkAlways(world: World, engine: Engine, before: readonly Attachment[]): void {
  const { records } = world.daemon
  for (const { id, addresses, sandbox, leases } of engine.attachments) {
    const endpoint = records.get('endpoint', id)
    expect(endpoint?.addresses, `addresses of ${id}`).to.deep.equal(addresses)
    expect(endpoint?.sandbox?.path, `sandbox of ${id}`).to.equal(sandbox)
    expect(endpoint?.deleted ?? endpoint?.left, `${id} is ending`).to.equal(undefined)
    expect(world.host.objects.has(`link ${hostLinkName(id)}`), `link of ${id}`).to.equal(true)
    for (const { pool, address } of leases)
      expect(records.get('lease', leaseOf(pool, address))?.state, `lease of ${address}`).to.equal('held')
  }
  checkUntouched(world, engine, before)
}

/** Checks that records, store, kernel and what dockerd believes are the same. */
export function checkExact(world: World, engine: Engine): void {
  const { records, reconciler } = world.daemon
  expect(ids(records.all('endpoint')), 'endpoints').to.deep.equal(ids(engine.attachments))
  expect([...reconciler.faults.keys(), ...reconciler.lost, ...reconciler.orphans], 'faults').to.deep.equal([])
  expect(shownObjects(world.host.objects.values()), 'objects').to.deep.equal(
    shownObjects(expectedObjects(world))
  )
  const documents = RECORD_KINDS.flatMap((kind) =>
    records.all(kind).map((record) => [`${kind} ${record.id}`, documentOf(record)] as const)
  )
  expect(Object.fromEntries(world.store.documents), 'documents').to.deep.equal(Object.fromEntries(documents))
}

/** Checks that no address is held of which dockerd does not know; it needs the grace times to have passed. */
export function checkNoLeak(world: World, engine: Engine): void {
  const networks = new Set([...engine.networks.values()].map(({ id }) => id))
  const pools = new Set([...engine.networks.values()].flatMap((network) => network.pools))
  const known = new Set(engine.leases.map(({ pool, address }) => leaseOf(pool, address)))
  const leaked = world.daemon.records
    .all('lease')
    .filter(({ state, purpose, poolId }) => state === 'held' && purpose === 'endpoint' && pools.has(poolId))
    .filter(({ id }) => !known.has(id))
  expect(ids(leaked), 'leaked addresses').to.deep.equal([])
  const strangers = world.daemon.records.all('endpoint').filter(({ networkId }) => !networks.has(networkId))
  expect(ids(strangers), 'endpoints of no network').to.deep.equal([])
}

/**
 * Checks that nothing is left at all. A sysctl may: where the store refuses its former value, or the kernel to take it back,
 * and the daemon is stopped before it can try again, nobody knows that value any more.
 */
export function checkNothing(world: World): void {
  const isLeft = ({ kind }: HostObject): boolean => !world.wasRefused || kind !== 'sysctl'
  expect([...world.store.documents.keys()], 'documents').to.deep.equal([])
  expect(shownObjects([...world.host.objects.values()].filter(isLeft)), 'objects').to.deep.equal(
    shownObjects([...new FakeHost().objects.values()].filter(isLeft))
  )
  for (const kind of RECORD_KINDS) expect(ids(world.daemon.records.all(kind)), kind).to.deep.equal([])
}

/** No operation took away what a container has that was there before the command and is still there. */
function checkUntouched(world: World, engine: Engine, before: readonly Attachment[]): void {
  const staying = engine.attachments.filter((attachment) => before.includes(attachment))
  const links = new Set(staying.map(({ id }) => hostLinkName(id)))
  for (const { verb, object } of world.host.log) {
    const link = object.kind === 'link' ? object.name : linkOf(object)
    if (verb === 'delete' && link !== undefined)
      expect(links.has(link), `${keyOf(object)} of a running container was deleted`).to.equal(false)
  }
}

function expectedObjects({ host, announces, daemon: { records, held } }: World): readonly HostObject[] {
  const objects = new Map(new FakeHost().objects)
  const endpoints = records.all('endpoint')
  const hasPolicies = endpoints.some((endpoint) => isPoliced(endpoint) && !endpoint.deleted)
  const desired = [
    ...desiredOfHost(records.all('network'), records.all('setting'), { hasPolicies }),
    ...endpoints.flatMap((endpoint) => desiredOfEndpoint(endpoint, announces)),
    ...held().map((dst): HostObject => ({ kind: 'announcement', dst }))
  ]
  for (const object of desired) objects.set(keyOf(object), object)
  // What was turned on for a network may stay on until the last one goes, of whatever family.
  for (const { id } of records.count('network') > 0 ? records.all('setting') : []) {
    const present = host.objects.get(`sysctl ${id}`)
    if (present && !desired.some((object) => keyOf(object) === `sysctl ${id}`))
      objects.set(keyOf(present), present)
  }
  return [...objects.values()]
}

function shownObjects(objects: Iterable<HostObject>): Readonly<Record<string, unknown>> {
  const shown = [...objects].map((object) => {
    if (object.kind === 'announcement') return [keyOf(object), object.dst] as const
    if (object.kind !== 'link') return [keyOf(object), object] as const
    const { veth: _veth, inUse: _inUse, runs: _runs, ...link } = object
    return [keyOf(object), link] as const
  })
  return Object.fromEntries<unknown>(shown)
}

function leaseOf(pool: string, address: string): string {
  return `${pool.split('/')[0] ?? ''}/${address}`
}

function ids(records: readonly { readonly id: string }[]): readonly string[] {
  return records.map(({ id }) => id).toSorted()
}
