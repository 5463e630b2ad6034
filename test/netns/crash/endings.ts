/** What may follow after a daemon was killed in the middle of a call, until nothing should be left. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { dockerId, sandboxOf } from '../../support/docker.js'
import { NETWORK } from '../../support/scenes.js'
import type { Scene } from '../../support/scenes.js'
import { until } from '../scratch.js'
import type { Daemons, StartOptions } from './daemon.js'
import type { Dockerd } from './dockerd.js'

export interface Aftermath {
  readonly scene: Scene
  readonly daemons: Daemons
  readonly dockerd: Dockerd
  /** Names of records that were there before. */
  readonly others: ReadonlySet<string>
}

export interface Ending {
  readonly name: string
  /** Before the next daemon starts. */
  readonly prepare?: (aftermath: Aftermath) => void
  readonly start?: StartOptions
  /** Until there should be nothing left. */
  readonly follow: (aftermath: Aftermath) => Promise<void>
}

const KINDS = ['endpoint', 'lease', 'pool', 'network']
const LONG_AGO = '2020-01-01T00:00:00.000Z'
const LEASE = { PoolID: 'local/10.1.0.0/24', Address: '10.1.0.5' }
/** Far more than two sweeps take. */
const COLLECT_LIMIT_MS = 20_000

/** dockerd repeats the call without its body, as all versions do, and cleans up. */
export const CLEANED_UP: Ending = {
  name: 'Docker cleans up',
  follow: async ({ scene, daemons, dockerd }) => {
    const { status } = await daemons.post(scene.method)
    expect(status, `the status of ${scene.method} without a body`).to.equal(500)
    await (scene.afterStop ?? scene.followUp)(dockerd.call)
  }
}

/** dockerd is killed as well: its containers are gone, and all it does is to give back addresses. */
export const DOCKERD_KILLED: Ending = {
  name: 'dockerd was killed as well',
  prepare: ({ dockerd }) => {
    dockerd.killContainers()
  },
  follow: async (aftermath) => {
    const { dockerd } = aftermath
    for (const lease of dockerd.granted.values()) await dockerd.call('IpamDriver.ReleaseAddress', lease)
    await removeAll(aftermath)
  }
}

/** Nobody says anything any more. Much later the same address is wanted again. */
export const SILENCE: Ending = {
  name: 'nobody says anything any more',
  prepare: (aftermath) => {
    aftermath.dockerd.killContainers()
    for (const path of newRecords(aftermath)) age(path)
  },
  start: { sweepMs: 50 },
  follow: async (aftermath) => {
    const { call, networks } = aftermath.dockerd
    const request = (): Promise<unknown> => call('IpamDriver.RequestAddress', { ...LEASE, Options: null })
    if (networks.size > 0) {
      await until(() => succeeds(request()), `${LEASE.Address} can be had again`, COLLECT_LIMIT_MS)
      await runAgain(aftermath.dockerd)
    }
    await removeAll(aftermath)
  }
}

/** The next that is heard is that another container has the address: whoever gave it knows that the first one is dead. */
export const REPLACED: Ending = {
  name: 'another container has the address',
  prepare: ({ dockerd }) => {
    dockerd.killContainers()
  },
  follow: async (aftermath) => {
    if (aftermath.dockerd.networks.size > 0) await runAgain(aftermath.dockerd)
    await removeAll(aftermath)
  }
}

/** The user removes what Docker knows of; the operator, what it does not know of any more. */
async function removeAll(aftermath: Aftermath): Promise<void> {
  const { daemons, dockerd } = aftermath
  if (dockerd.networks.size > 0) {
    for (const PoolID of dockerd.pools) await dockerd.call('IpamDriver.ReleasePool', { PoolID })
    for (const NetworkID of dockerd.networks) await dockerd.call('NetworkDriver.DeleteNetwork', { NetworkID })
  }
  for (const kind of ['network', 'pool']) {
    for (const path of newRecords(aftermath).filter((name) => name.includes(`/${kind}/`))) {
      const { id, prefix } = JSON.parse(readFileSync(path, 'utf8')) as { id: string; prefix?: string }
      const { status, text } = await daemons.post('Admin.Forget', { Network: prefix ?? id })
      expect(status, text).to.equal(200)
    }
  }
}

/** A container with the address of the one before, from its beginning to its end. */
async function runAgain({ call }: Dockerd): Promise<void> {
  const ref = { NetworkID: NETWORK, EndpointID: dockerId(3) }
  const Interface = { Address: `${LEASE.Address}/32`, AddressIPv6: '', MacAddress: '' }
  await call('NetworkDriver.CreateEndpoint', { ...ref, Interface, Options: {} })
  await call('NetworkDriver.Join', { ...ref, SandboxKey: sandboxOf(dockerId(3)), Options: {} })
  await call('NetworkDriver.Leave', ref)
  await call('NetworkDriver.DeleteEndpoint', ref)
  await call('IpamDriver.ReleaseAddress', LEASE)
}

function newRecords({ daemons, others }: Aftermath): readonly string[] {
  return KINDS.flatMap((kind) =>
    readdirSync(join(daemons.stateDirectory, kind))
      .map((name) => join(daemons.stateDirectory, kind, name))
      .filter((path) => path.endsWith('.json') && !others.has(path))
  )
}

/** As if it had been written long ago. */
function age(path: string): void {
  writeFileSync(path, readFileSync(path, 'utf8').replace(/"since":"[^"]*"/, `"since":"${LONG_AGO}"`))
}

function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false
  )
}
