/**
 * One JSON file per record, `<directory>/<kind>/<id>.json`. A write goes to a temporary file, is synced, renamed, and the
 * directory synced: a crash leaves the old record or the new one. Directory syncs of concurrent writes are shared. What
 * cannot be read is moved to `<directory>/quarantine` and reported, never deleted.
 */
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError, messageOf } from '../errors.js'
import { documentOf, parseRecord, RECORD_KINDS } from '../model/record.js'
import type { AnyRecord, RecordByKind, RecordKind } from '../model/record.js'
import type { BrokenRecord, Loaded, Store } from './store.js'

const SUFFIX = '.json'
const TEMPORARY = '.tmp'

export class FileStore implements Store {
  readonly #directory: string
  readonly #pendingSyncs = new Map<RecordKind, Promise<void>>()
  readonly #runningSyncs = new Map<RecordKind, Promise<void>>()
  #serial = 0

  private constructor(directory: string) {
    this.#directory = directory
  }

  /** Makes the directories. Throws StoreError where that is not possible. */
  static async open(directory: string): Promise<FileStore> {
    try {
      for (const kind of [...RECORD_KINDS, 'quarantine']) {
        await mkdir(join(directory, kind), { recursive: true, mode: 0o700 })
      }
    } catch (error) {
      throw new StoreError(`state directory ${directory} cannot be used: ${messageOf(error)}`, {
        cause: error
      })
    }
    return new FileStore(directory)
  }

  async load<K extends RecordKind>(kind: K): Promise<Loaded<K>> {
    const records: RecordByKind[K][] = []
    const broken: BrokenRecord[] = []
    for (const name of await readdir(this.#path(kind))) {
      if (!name.endsWith(SUFFIX)) {
        await rm(this.#path(kind, name), { force: true })
        continue
      }
      const id = idOf(name)
      try {
        const record = parseRecord(
          kind,
          JSON.parse(await readFile(this.#path(kind, name), 'utf8')) as unknown
        )
        if (record.id !== id) throw new StoreError(`the file is named ${id}, the record in it ${record.id}`)
        records.push(record)
      } catch (error) {
        broken.push({ kind, id, reason: messageOf(error) })
        await rename(this.#path(kind, name), this.#path('quarantine', `${kind}.${name}`))
      }
    }
    return { records, broken }
  }

  async put(kind: RecordKind, record: AnyRecord): Promise<void> {
    const path = this.#path(kind, fileName(record.id))
    const temporary = `${path}.${String(this.#serial++)}${TEMPORARY}`
    try {
      const file = await open(temporary, 'wx', 0o600)
      try {
        await file.writeFile(`${JSON.stringify(documentOf(record))}\n`)
        await file.datasync()
      } finally {
        await file.close()
      }
      await rename(temporary, path)
      await this.#syncDirectory(kind)
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined)
      throw new StoreError(`cannot store ${kind} ${record.id}: ${messageOf(error)}`, { cause: error })
    }
  }

  async delete(kind: RecordKind, id: string): Promise<void> {
    try {
      await rm(this.#path(kind, fileName(id)), { force: true })
      await this.#syncDirectory(kind)
    } catch (error) {
      throw new StoreError(`cannot delete ${kind} ${id}: ${messageOf(error)}`, { cause: error })
    }
  }

  /** A sync that begins after this call; callers that arrive while one runs share the next. */
  #syncDirectory(kind: RecordKind): Promise<void> {
    const pending = this.#pendingSyncs.get(kind)
    if (pending) return pending
    const running = this.#runningSyncs.get(kind) ?? Promise.resolve()
    const next = running
      .catch(() => undefined)
      .then(() => {
        this.#pendingSyncs.delete(kind)
        const sync = syncDirectory(this.#path(kind))
        this.#runningSyncs.set(kind, sync)
        return sync
      })
    this.#pendingSyncs.set(kind, next)
    return next
  }

  #path(...parts: readonly string[]): string {
    return join(this.#directory, ...parts)
  }
}

function fileName(id: string): string {
  return encodeURIComponent(id) + SUFFIX
}

/** The id in a file name; a name that we did not write is its own id. */
function idOf(name: string): string {
  const encoded = name.slice(0, -SUFFIX.length)
  return /%(?![0-9A-F]{2})/.test(encoded) ? encoded : decodeURIComponent(encoded)
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
