import type { Reconciler } from '../host/reconciler.js'
import { hostLinkName } from '../model/endpoint.js'
import type { Endpoint } from '../model/endpoint.js'
import type { Records } from '../store/records.js'

interface Parts {
  readonly records: Records
  readonly reconciler: Reconciler
  readonly now: () => Date
}

/** A container whose start takes longer has failed. */
const START_LIMIT_MS = 600_000

/**
 * Ids of endpoints without a container: their container end is gone with it, or the engine has moved it back and its
 * further calls were lost. Before a container runs, its end has not been moved yet.
 */
export function deadEndpoints({ records, reconciler, now }: Parts): ReadonlySet<string> {
  const idle = reconciler.idleLinks()
  const isDead = ({ id, since }: Endpoint): boolean => {
    const link = hostLinkName(id)
    return (
      reconciler.lost.has(link) || (idle.has(link) && now().getTime() - Date.parse(since) > START_LIMIT_MS)
    )
  }
  const dead = records.all('endpoint').filter(isDead)
  return new Set(dead.map(({ id }) => id))
}
