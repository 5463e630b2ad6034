/**
 * One JSON file per record, `<directory>/<kind>/<id>.json`. A write goes to a temporary file, is synced, renamed, and the
 * directory synced: a crash leaves the old record or the new one. Directory syncs of concurrent writes are shared. What
 * cannot be read is moved to `<directory>/quarantine` and reported, never deleted.
 */
import { existsSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError, messageOf } from '../errors.js'
import { documentOf, parseRecord, RECORD_KINDS } from '../model/record.js'
import type { AnyRecord, RecordByKind, RecordKind } from '../model/record.js'
import type { BrokenRecord, Loaded, Store } from './store.js'

const SUFFIX = '.json'
const TEMPORARY = '.tmp'
const QUARANTINE = 'quarantine'

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
      for (const kind of [...RECORD_KINDS, QUARANTINE]) {
        await mkdir(join(directory, kind), { recursive: true, mode: 0o700 })
      }
    } catch (error) {
      throw new StoreError(`state directory ${directory} cannot be used: ${messageOf(error)}`, {
        cause: error
      })
    }
    return new FileStore(directory)
  }

  /** Reads without waiting in between: nothing else happens at the start, and 5,000 files take 70 ms this way. */
  load<K extends RecordKind>(kind: K): Promise<Loaded<K>> {
    const records: RecordByKind[K][] = []
    const broken: BrokenRecord[] = []
    for (const name of readdirSync(this.#path(kind))) {
      if (name.endsWith(TEMPORARY)) rmSync(this.#path(kind, name), { force: true })
      if (!name.endsWith(SUFFIX)) continue
      try {
        records.push(this.#read(kind, name))
      } catch (error) {
        broken.push({ kind, id: idOf(name), reason: messageOf(error) })
        this.#setAside(kind, name)
      }
    }
    const known = new Set([...records, ...broken].map(({ id }) => id))
    return Promise.resolve({ records, broken: [...broken, ...this.#setAsideBefore(kind, known)] })
  }

  #read<K extends RecordKind>(kind: K, name: string): RecordByKind[K] {
    const record = parseRecord(kind, JSON.parse(readFileSync(this.#path(kind, name), 'utf8')))
    if (record.id === idOf(name)) return record
    throw new StoreError(`the file is named ${idOf(name)}, the record in it ${record.id}`)
  }

  #setAside(kind: RecordKind, name: string): void {
    const target = `${kind}.${name}`
    const isTaken = existsSync(this.#path(QUARANTINE, target))
    renameSync(
      this.#path(kind, name),
      this.#path(QUARANTINE, isTaken ? `${target}.${String(Date.now())}` : target)
    )
  }

  /** What was set aside at an earlier start stays known, until somebody removes the file. */
  #setAsideBefore(kind: RecordKind, known: ReadonlySet<string>): BrokenRecord[] {
    const names = readdirSync(this.#path(QUARANTINE)).filter(
      (name) => name.startsWith(`${kind}.`) && name.endsWith(SUFFIX)
    )
    const records = names.map((name) => ({
      kind,
      id: idOf(name.slice(kind.length + 1)),
      reason: `set aside at an earlier start: ${this.#path(QUARANTINE, name)}`
    }))
    return records.filter(({ id }) => !known.has(id))
  }

  async put(kind: RecordKind, record: AnyRecord): Promise<void> {
    const path = this.#pathOf(kind, record.id)
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
      await rm(this.#pathOf(kind, id), { force: true })
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

  /** Throws StoreError for an id that no file can be named after. */
  #pathOf(kind: RecordKind, id: string): string {
    if (id.isWellFormed()) return this.#path(kind, fileName(id))
    throw new StoreError(`cannot store a ${kind} whose id is not valid text: ${JSON.stringify(id)}`)
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
  try {
    return decodeURIComponent(encoded)
  } catch (error) {
    if (error instanceof URIError) return encoded
    throw error
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
