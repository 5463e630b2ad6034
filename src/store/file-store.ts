/**
 * One JSON file per record, `<directory>/<kind>/<id>.json`. A write goes to a temporary file and is renamed, so a crash
 * leaves the old record or the new one. What outlives the host is synced, file and directory, before the write is done;
 * concurrent writes share the directory's. The rest needs no sync to survive a crash of the process; a file that lost its
 * content with the host's power is dropped at the first start after it. What else cannot be read is moved to `<directory>/quarantine` and
 * reported, never deleted.
 */
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { StoreError, messageOf } from '../errors.js'
import { documentOf, outlivesHost, parseRecord, RECORD_KINDS } from '../model/record.js'
import type { AnyRecord, RecordByKind, RecordKind } from '../model/record.js'
import type { BrokenRecord, Loaded, Store } from './store.js'

const SUFFIX = '.json'
const TEMPORARY = '.tmp'
const QUARANTINE = 'quarantine'
const BOOT_FILE = 'boot'
/** So long the event loop is held up by files in one go. */
const HELD_LIMIT_MS = 5
/** How a file system returns a file whose name reached the disk and whose content did not. */
const NEVER_WRITTEN = /^\0*$/

export class FileStore implements Store {
  readonly #directory: string
  /** True if the host has lost its power or was shut down since the last start: its endpoints are gone. */
  readonly #isFirstSinceBoot: boolean
  readonly #pendingSyncs = new Map<RecordKind, Promise<void>>()
  readonly #runningSyncs = new Map<RecordKind, Promise<void>>()
  /** Writes under way, by path. */
  readonly #writes = new Map<string, Promise<void>>()
  #serial = 0
  /** How long the event loop has been held up since it could last run. */
  #heldMs = 0

  private constructor(directory: string, isFirstSinceBoot: boolean) {
    this.#directory = directory
    this.#isFirstSinceBoot = isFirstSinceBoot
  }

  /** Makes the directories. `bootId` tells one boot of the host from another. Throws StoreError where it cannot. */
  static async open(directory: string, bootId = ''): Promise<FileStore> {
    try {
      for (const kind of [...RECORD_KINDS, QUARANTINE]) {
        await mkdir(join(directory, kind), { recursive: true, mode: 0o700 })
      }
      return new FileStore(directory, isNewBoot(join(directory, BOOT_FILE), bootId))
    } catch (error) {
      throw new StoreError(`state directory ${directory} cannot be used: ${messageOf(error)}`, {
        cause: error
      })
    }
  }

  /** Reads without waiting in between: nothing else happens at the start, and 5,000 files take 70 ms this way. */
  load<K extends RecordKind>(kind: K): Promise<Loaded<K>> {
    const records: RecordByKind[K][] = []
    const broken: BrokenRecord[] = []
    for (const name of readdirSync(this.#path(kind))) {
      if (name.endsWith(TEMPORARY)) rmSync(this.#path(kind, name), { force: true })
      if (!name.endsWith(SUFFIX)) continue
      try {
        const text = readFileSync(this.#path(kind, name), 'utf8')
        if (this.#isFirstSinceBoot && NEVER_WRITTEN.test(text)) rmSync(this.#path(kind, name))
        else records.push(parseFile(kind, name, text))
      } catch (error) {
        broken.push({ kind, id: idOf(name), reason: messageOf(error) })
        this.#setAside(kind, name)
      }
    }
    const known = new Set([...records, ...broken].map(({ id }) => id))
    return Promise.resolve({ records, broken: [...broken, ...this.#setAsideBefore(kind, known)] })
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
    try {
      const path = this.#pathOf(kind, record.id)
      const isDurable = outlivesHost(kind, record)
      const text = `${JSON.stringify(documentOf(record))}\n`
      await this.#inOrder(path, isDurable, () => this.#replace(path, text, isDurable))
      if (isDurable) await this.#syncDirectory(kind)
      else await this.#rest()
    } catch (error) {
      throw new StoreError(`cannot store ${kind} ${record.id}: ${messageOf(error)}`, { cause: error })
    }
  }

  async delete(kind: RecordKind, id: string): Promise<void> {
    try {
      const path = this.#pathOf(kind, id)
      await this.#inOrder(path, false, () => {
        this.#atOnce(() => {
          rmSync(path, { force: true })
        })
      })
      if (kind === 'endpoint') await this.#rest()
      else await this.#syncDirectory(kind)
    } catch (error) {
      throw new StoreError(`cannot delete ${kind} ${id}: ${messageOf(error)}`, { cause: error })
    }
  }

  /** Writes of one file take effect in the order of the calls. Only those that wait for a sync can be overtaken. */
  async #inOrder(path: string, takesTime: boolean, write: () => Promise<void> | void): Promise<void> {
    const before = this.#writes.get(path)
    if (!takesTime && !before) return write()
    const done = (before ?? Promise.resolve()).then(write)
    const settled = done.catch(() => undefined)
    this.#writes.set(path, settled)
    try {
      await done
    } finally {
      if (this.#writes.get(path) === settled) this.#writes.delete(path)
    }
  }

  /** Leaves the old file or the new one, and nothing else. */
  async #replace(path: string, text: string, isDurable: boolean): Promise<void> {
    const temporary = `${path}.${String(this.#serial++)}${TEMPORARY}`
    try {
      if (isDurable) await writeDurably(temporary, text)
      this.#atOnce(() => {
        if (!isDurable) writeFileSync(temporary, text, { flag: 'wx', mode: 0o600 })
        renameSync(temporary, path)
      })
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
  }

  /** A thread would take longer than a file as a rule does. */
  #atOnce(work: () => void): void {
    const begin = performance.now()
    work()
    this.#heldMs += performance.now() - begin
  }

  /** A thousand files, or a file system that others keep busy, must not keep requests from being answered. */
  async #rest(): Promise<void> {
    if (this.#heldMs < HELD_LIMIT_MS) return
    this.#heldMs = 0
    await setImmediate()
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

function parseFile<K extends RecordKind>(kind: K, name: string, text: string): RecordByKind[K] {
  const record = parseRecord(kind, JSON.parse(text))
  if (name === fileName(record.id)) return record
  throw new StoreError(`the file is named ${name}, the record in it ${record.id}`)
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

/** Compares and remembers. Where it cannot be remembered, on a full disk say, the next start compares with an older boot. */
function isNewBoot(file: string, bootId: string): boolean {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined
  if (before === bootId) return false
  try {
    writeFileSync(file, bootId, { mode: 0o600 })
  } catch {
    // Records cannot be stored either, and every request that needs it is told so.
  }
  return before !== undefined
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
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
