import type { AnyRecord, RecordByKind, RecordKind } from '../model/record.js'

/** What a record of a kind looks like when it cannot be used: its id, and why. */
export interface BrokenRecord {
  readonly kind: RecordKind
  readonly id: string
  readonly reason: string
}

export interface Loaded<K extends RecordKind> {
  readonly records: readonly RecordByKind[K][]
  /** Set aside where they can be looked at; their ids stay known. */
  readonly broken: readonly BrokenRecord[]
}

/** Keeps records over restarts. Two implementations: FileStore and MemoryStore, one contract (test/contract). */
export interface Store {
  load<K extends RecordKind>(kind: K): Promise<Loaded<K>>
  /** Durable when it resolves; whole or not at all. Throws StoreError. */
  put(kind: RecordKind, record: AnyRecord): Promise<void>
  /** Deleting what is gone succeeds. Throws StoreError. */
  delete(kind: RecordKind, id: string): Promise<void>
}
