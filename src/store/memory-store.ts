import { documentOf, parseRecord } from '../model/record.js'
import type { AnyRecord, RecordByKind, RecordKind } from '../model/record.js'
import { StoreError } from '../errors.js'
import type { BrokenRecord, Loaded, Store } from './store.js'

/** For tests: keeps documents, as the file store does, so that what a schema refuses does not survive here either. */
export class MemoryStore implements Store {
  readonly documents = new Map<string, unknown>()
  /** Asked before each write; a text makes it fail. */
  refuse: (kind: RecordKind, id: string) => string | undefined = () => undefined

  load<K extends RecordKind>(kind: K): Promise<Loaded<K>> {
    const records: RecordByKind[K][] = []
    const broken: BrokenRecord[] = []
    for (const [key, document] of this.documents) {
      if (!key.startsWith(`${kind} `)) continue
      try {
        records.push(parseRecord(kind, document))
      } catch (error) {
        broken.push({ kind, id: key.slice(kind.length + 1), reason: String(error) })
      }
    }
    return Promise.resolve({ records, broken })
  }

  put(kind: RecordKind, record: AnyRecord): Promise<void> {
    const refused = this.refuse(kind, record.id)
    if (refused) return Promise.reject(new StoreError(`cannot store ${kind} ${record.id}: ${refused}`))
    this.documents.set(`${kind} ${record.id}`, structuredClone(documentOf(record)))
    return Promise.resolve()
  }

  delete(kind: RecordKind, id: string): Promise<void> {
    const refused = this.refuse(kind, id)
    if (refused) return Promise.reject(new StoreError(`cannot delete ${kind} ${id}: ${refused}`))
    this.documents.delete(`${kind} ${id}`)
    return Promise.resolve()
  }
}
