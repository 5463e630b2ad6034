/** What every Store must do. Each implementation runs it from its own test file. */
import { expect } from 'chai'
import { StoreError } from '../../src/errors.js'
import type { Endpoint } from '../../src/model/endpoint.js'
import { parseIp, parseMac, parsePrefix } from '../../src/model/ip.js'
import type { Lease } from '../../src/model/lease.js'
import type { Network } from '../../src/model/network.js'
import type { Pool } from '../../src/model/pool.js'
import { RECORD_KINDS } from '../../src/model/record.js'
import type { Setting } from '../../src/model/setting.js'
import type { Stored } from '../../src/store/records.js'
import type { Store } from '../../src/store/store.js'
import { sorted } from '../support/daemon.js'
import { errorOf } from '../support/expect-error.js'

const SINCE = '2026-01-01T00:00:00.000Z'

export const POOL: Pool = {
  id: 'local/10.1.0.0/24',
  space: 'local',
  prefix: parsePrefix('10.1.0.0/24'),
  since: SINCE
}
export const LEASE: Lease = {
  id: 'local/fd00::2',
  poolId: POOL.id,
  address: parseIp('fd00::2'),
  state: 'held',
  purpose: 'endpoint',
  automatic: true,
  since: SINCE
}
const NETWORK: Network = {
  id: 'n1',
  mode: 'routed',
  subnets: [{ space: 'net-routed-local', prefix: parsePrefix('10.1.0.0/24') }],
  number: 1,
  gateway: parseIp('10.1.0.1'),
  internal: false
}
const ENDPOINT: Endpoint = {
  id: 'e1',
  networkId: 'n1',
  addresses: [parsePrefix('10.1.0.2/32'), parsePrefix('fd00::2/128')],
  mac: parseMac('02:42:0a:01:00:02'),
  mtu: 1500,
  sandbox: { path: '/var/run/docker/netns/1', runtime: 'docker', gateway: parseIp('10.1.0.1') },
  since: SINCE
}
export const SETTING: Setting = { id: 'net.ipv4.ip_forward', before: '0' }

const ONE_OF_EACH: readonly Stored[] = [
  { kind: 'pool', record: POOL },
  { kind: 'lease', record: LEASE },
  { kind: 'network', record: NETWORK },
  { kind: 'endpoint', record: ENDPOINT },
  { kind: 'setting', record: SETTING }
]

/** A store under test, and how another process would open what it kept. */
export interface Subject {
  readonly store: Store
  readonly reopen: () => Promise<Store>
}

/** Describes the contract. `withStore` gives a fresh, empty store to a test and cleans up after it. */
export function describeStoreContract(
  withStore: (test: (subject: Subject) => Promise<void>) => Promise<void>
): void {
  it('is empty at first', () =>
    withStore(async ({ store }) => {
      for (const kind of RECORD_KINDS)
        expect(await store.load(kind)).to.deep.equal({ records: [], broken: [] })
    }))

  it('gives back exactly what was put, also to another process', () =>
    withStore(async ({ store, reopen }) => {
      for (const { kind, record } of ONE_OF_EACH) await store.put(kind, record)
      const reopened = await reopen()
      for (const { kind, record } of ONE_OF_EACH) {
        expect(await store.load(kind)).to.deep.equal({ records: [record], broken: [] })
        expect(await reopened.load(kind)).to.deep.equal({ records: [record], broken: [] })
      }
    }))

  it('keeps the last of several puts of one record', () =>
    withStore(async ({ store, reopen }) => {
      await store.put('setting', SETTING)
      await store.put('setting', { ...SETTING, before: '1' })
      const { records } = await (await reopen()).load('setting')
      expect(records).to.deep.equal([{ ...SETTING, before: '1' }])
    }))

  it('keeps kinds apart', () =>
    withStore(async ({ store }) => {
      await store.put('setting', { ...SETTING, id: 'same' })
      await store.put('network', { ...NETWORK, id: 'same' })
      await store.delete('setting', 'same')
      expect((await store.load('setting')).records).to.deep.equal([])
      expect((await store.load('network')).records).to.have.length(1)
    }))

  it('deletes what is there, and succeeds for what is gone', () =>
    withStore(async ({ store, reopen }) => {
      await store.put('lease', LEASE)
      await store.delete('lease', LEASE.id)
      await store.delete('lease', LEASE.id)
      expect((await (await reopen()).load('lease')).records).to.deep.equal([])
    }))

  it('keeps ids of any form apart (flaw 4)', () =>
    withStore(async ({ store, reopen }) => {
      const ids = [
        'a/b',
        'a%2Fb',
        '..',
        '.',
        'a b',
        'ä',
        '\0',
        'a'.repeat(64),
        'A'.repeat(64),
        '🐳',
        'x.json',
        '%',
        '%zz'
      ]
      for (const id of ids) await store.put('setting', { id, before: id })
      const { records } = await (await reopen()).load('setting')
      expect(sorted(records)).to.deep.equal(sorted(ids.map((id) => ({ id, before: id }))))
    }))

  it('refuses an id that cannot be kept with a StoreError, or keeps it', () =>
    withStore(async ({ store }) => {
      for (const id of ['\ud800', 'x'.repeat(256)]) {
        try {
          await store.put('setting', { id, before: '0' })
        } catch (error) {
          expect(error).to.be.instanceOf(StoreError)
          const deleted = await errorOf(
            store.delete('setting', id).then(() => Promise.reject(new StoreError('gone')))
          )
          expect(deleted).to.be.instanceOf(StoreError)
        }
      }
    }))

  it('keeps the last of concurrent puts of one record, in the order of the calls', () =>
    withStore(async ({ store, reopen }) => {
      for (let round = 0; round < 20; round++) {
        const values = Array.from({ length: 8 }, (_, index) => `${String(round)}-${String(index)}`)
        await Promise.all(values.map((before) => store.put('setting', { ...SETTING, before })))
        const { records } = await (await reopen()).load('setting')
        expect(records).to.deep.equal([{ ...SETTING, before: values.at(-1) }])
      }
    }))

  it('keeps what the last of concurrent puts and deletes of one record says', () =>
    withStore(async ({ store, reopen }) => {
      for (let round = 0; round < 20; round++) {
        await Promise.all([store.put('setting', SETTING), store.delete('setting', SETTING.id)])
        expect((await (await reopen()).load('setting')).records).to.deep.equal([])
        await Promise.all([store.delete('setting', SETTING.id), store.put('setting', SETTING)])
        expect((await (await reopen()).load('setting')).records).to.deep.equal([SETTING])
      }
    }))

  it('takes many puts at once', () =>
    withStore(async ({ store, reopen }) => {
      const settings = Array.from({ length: 60 }, (_, index) => ({ id: `s${String(index)}`, before: '0' }))
      await Promise.all(settings.map((setting) => store.put('setting', setting)))
      await Promise.all(settings.slice(0, 20).map(({ id }) => store.delete('setting', id)))
      const { records } = await (await reopen()).load('setting')
      expect(sorted(records)).to.deep.equal(sorted(settings.slice(20)))
    }))
}
