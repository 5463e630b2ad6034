import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { StoreError } from '../../src/errors.js'
import { FileStore } from '../../src/store/file-store.js'
import { LEASE, SETTING, describeStoreContract } from '../contract/store-contract.js'
import { errorOf } from '../support/expect-error.js'
import { withDirectory } from '../support/plugin.js'
import { parseMac } from '../../src/model/ip.js'
import type { Endpoint } from '../../src/model/endpoint.js'

const ENDPOINT: Endpoint = {
  id: 'e',
  networkId: 'n',
  addresses: [],
  mac: parseMac('02:42:0a:01:00:02'),
  since: '2026-01-01T00:00:00.000Z'
}

describe('FileStore', () => {
  describeStoreContract((test) =>
    withDirectory(async (directory) => {
      await test({ store: await FileStore.open(directory), reopen: () => FileStore.open(directory) })
    })
  )

  it('keeps one readable JSON file per record, for its owner only', () =>
    withDirectory(async (directory) => {
      const store = await FileStore.open(directory)
      await store.put('setting', SETTING)
      const path = join(directory, 'setting', 'net.ipv4.ip_forward.json')
      expect(JSON.parse(readFileSync(path, 'utf8'))).to.deep.equal({ version: 1, ...SETTING })
      expect(statSync(path).mode & 0o777).to.equal(0o600)
      expect(readdirSync(join(directory, 'setting'))).to.have.length(1)
    }))

  it('keeps the old record where a crash came between the temporary file and the rename', () =>
    withDirectory(async (directory) => {
      const store = await FileStore.open(directory)
      await store.put('setting', SETTING)
      writeFileSync(join(directory, 'setting', 'net.ipv4.ip_forward.json.7.tmp'), '{"version":1,"id":"net.ip')
      const reopened = await FileStore.open(directory)
      expect(await reopened.load('setting')).to.deep.equal({ records: [SETTING], broken: [] })
      expect(readdirSync(join(directory, 'setting'))).to.deep.equal(['net.ipv4.ip_forward.json'])
      await reopened.put('setting', { ...SETTING, before: '1' })
    }))

  it('starts where the present boot cannot be remembered', () =>
    withDirectory(async (directory) => {
      const store = await FileStore.open(directory, 'one')
      await store.put('setting', SETTING)
      rmSync(join(directory, 'boot'))
      mkdirSync(join(directory, 'boot.d'))
      symlinkSync(join(directory, 'boot.d', 'none', 'boot'), join(directory, 'boot'))
      const reopened = await FileStore.open(directory, 'two')
      expect((await reopened.load('setting')).records).to.deep.equal([SETTING])
    }))

  it('sets a second file of one record aside, however its name is written', () =>
    withDirectory(async (directory) => {
      const store = await FileStore.open(directory)
      await store.put('lease', LEASE)
      const [name = ''] = readdirSync(join(directory, 'lease'))
      const copy = name.replaceAll('%3A', '%3a')
      copyFileSync(join(directory, 'lease', name), join(directory, 'lease', copy))
      const { records, broken } = await store.load('lease')
      expect(records).to.deep.equal([LEASE])
      expect(broken.map(({ id }) => id)).to.deep.equal([LEASE.id])
      expect(readdirSync(join(directory, 'quarantine'))).to.deep.equal([`lease.${copy}`])
    }))

  const broken: readonly (readonly [what: string, text: string, reason: RegExp])[] = [
    ['half of a file', '{"version":1,"id":"lo', /JSON/],
    ['an empty file', '', /JSON/],
    ['a record of a later version', JSON.stringify({ version: 99, ...LEASE }), /version 99 is not known/],
    ['a record without version', JSON.stringify(LEASE), /it has no version/],
    ['a record that its schema refuses', JSON.stringify({ version: 1, ...LEASE, state: 'x' }), /state/],
    [
      'the record of another file',
      JSON.stringify({ version: 1, ...LEASE, id: 'local/fd00::3' }),
      /local\/fd00::3/
    ]
  ]
  for (const [what, text, reason] of broken) {
    it(`sets ${what} aside, reports its id and why, and goes on with the others`, () =>
      withDirectory(async (directory) => {
        const store = await FileStore.open(directory)
        const other = { ...LEASE, id: 'local/fd00::4' }
        await store.put('lease', LEASE)
        await store.put('lease', other)
        const [name = ''] = readdirSync(join(directory, 'lease')).filter((file) => file.includes('2'))
        const path = join(
          directory,
          'lease',
          readdirSync(join(directory, 'lease')).find((f) => f.endsWith('2.json')) ?? name
        )
        writeFileSync(path, text)
        const loaded = await store.load('lease')
        expect(loaded.records).to.deep.equal([other])
        expect(loaded.broken.map(({ kind, id }) => ({ kind, id }))).to.deep.equal([
          { kind: 'lease', id: LEASE.id }
        ])
        expect(loaded.broken[0]?.reason).to.match(reason)
        const [aside = ''] = readdirSync(join(directory, 'quarantine'))
        expect(readFileSync(join(directory, 'quarantine', aside), 'utf8')).to.equal(text)
      }))
  }

  it('goes on reporting what it set aside, until the record is written anew', () =>
    withDirectory(async (directory) => {
      const store = await FileStore.open(directory)
      await store.put('setting', SETTING)
      writeFileSync(join(directory, 'setting', 'net.ipv4.ip_forward.json'), '{')
      await store.load('setting')
      const later = await (await FileStore.open(directory)).load('setting')
      expect(later.broken.map(({ id }) => id)).to.deep.equal([SETTING.id])
    }))

  it('survives files and directories that are not its own', () =>
    withDirectory(async (directory) => {
      const store = await FileStore.open(directory)
      await store.put('setting', SETTING)
      for (const name of ['%C3.json', '%zz.json', 'notes', '.json'])
        writeFileSync(join(directory, 'setting', name), 'x')
      mkdirSync(join(directory, 'setting', 'lost+found'))
      mkdirSync(join(directory, 'setting', 'dir.json'))
      const { records } = await store.load('setting')
      expect(records).to.deep.equal([SETTING])
    }))

  it('lets others go on while thousands of records are written and deleted', () =>
    withDirectory(async (directory) => {
      const store = await FileStore.open(directory)
      let isOver = false
      let turns = 0
      const turn = (): void => {
        turns++
        if (!isOver) setImmediate(turn)
      }
      setImmediate(turn)
      for (let id = 0; id < 2000; id++) await store.put('endpoint', { ...ENDPOINT, id: String(id) })
      const turnsOfWrites = turns
      for (let id = 0; id < 2000; id++) await store.delete('endpoint', String(id))
      isOver = true
      expect(turnsOfWrites).to.be.greaterThan(1)
      expect(turns).to.be.greaterThan(turnsOfWrites)
    }))

  it('says which directory cannot be used', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'file')
      writeFileSync(path, '')
      const error = await errorOf(FileStore.open(path))
      expect(error).to.be.instanceOf(StoreError)
      expect(error.message).to.contain(`state directory ${path} cannot be used`)
    }))

  it('says which record cannot be stored, and leaves the old one', () =>
    withDirectory(async (directory) => {
      const store = await FileStore.open(directory)
      await store.put('setting', SETTING)
      const path = join(directory, 'setting', 'net.ipv4.ip_forward.json')
      mkdirSync(join(directory, 'setting', 'other.json'))
      chmodSync(path, 0o600)
      const error = await errorOf(store.put('setting', { id: 'other', before: '0' }))
      expect(error).to.be.instanceOf(StoreError)
      expect(error.message).to.contain('cannot store setting other')
      expect(readdirSync(join(directory, 'setting')).sort()).to.deep.equal([
        'net.ipv4.ip_forward.json',
        'other.json'
      ])
    }))
})
