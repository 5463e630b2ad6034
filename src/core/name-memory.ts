/** What is known of DNS names, as records. What the store refuses, the committer tries again. */
import { StoreError } from '../errors.js'
import type { Ip } from '../model/ip.js'
import type { Records } from '../store/records.js'
import type { Committer } from './commit.js'
import type { Change } from './change.js'
import type { NameMemory } from './names.js'

interface Parts {
  readonly records: Records
  /** Made later than this. */
  readonly committer: () => Committer
  readonly now: () => Date
}

/** Writes only what is news. */
export function nameMemory({ records, committer, now }: Parts): NameMemory {
  const commit = async (change: Change): Promise<void> => {
    try {
      await committer().commit({ ...change, isEnd: true })
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
    }
  }
  return {
    all: () => records.all('name'),
    keep: (name, addresses) => {
      const known = records.get('name', name)
      if (isSame(known?.addresses, addresses)) return Promise.resolve()
      if (addresses === undefined) return commit({ remove: [{ kind: 'name', id: name }] })
      return commit({ put: [{ kind: 'name', record: { id: name, addresses, since: now().toISOString() } }] })
    }
  }
}

function isSame(a: readonly Ip[] | undefined, b: readonly Ip[] | undefined): boolean {
  return a?.join() === b?.join()
}
