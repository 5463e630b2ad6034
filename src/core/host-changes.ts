/** Which changes of records are changes of the host itself, and what it needs. */
import { desiredOfHost } from '../desired/host.js'
import { namesIn } from '../desired/policy.js'
import { keyOf } from '../host/objects.js'
import type { HostObject } from '../host/objects.js'
import { isPoliced } from '../model/options/policy.js'
import type { Setting } from '../model/setting.js'
import type { Need, Records, Stored } from '../store/records.js'

/** What the host itself needs may change with it. */
export function concernsHost({ kind, record }: Stored): boolean {
  if (kind === 'endpoint') return record.ports !== undefined || isPoliced(record)
  return kind === 'network' || kind === 'setting'
}

/** What it wants may change without it. */
export function hasNames({ kind, record }: Stored): boolean {
  return kind === 'endpoint' && namesIn(record).length > 0
}

/**
 * What the host needs for what there is, without what is about to go. It is asked for with every change of an endpoint with
 * ports or lists, so it does not look at each of them.
 */
export function hostObjects(records: Records, removed: readonly Stored[] = []): HostObject[] {
  const gone = new Set(removed.map(({ record }) => record.id))
  const ending = removed.filter(({ kind }) => kind === 'endpoint').length
  const isNeeded = (need: Need): boolean => {
    const ids = records.endpointsThatNeed(need)
    return ids.size > removed.filter(({ record }) => ids.has(record.id)).length
  }
  return desiredOfHost(
    records.all('network').filter(({ id }) => !gone.has(id)),
    records.all('setting').filter(({ id }) => !gone.has(id)),
    {
      hasMore: records.broken.some(({ kind }) => kind === 'network'),
      hasEndpoints: records.count('endpoint') > ending,
      hasPorts: isNeeded('ports'),
      hasPolicies: isNeeded('policy')
    }
  )
}

/** Of what the host was to keep: tables that nobody needs any more, because others who did have gone at the same time. */
export function surplusOf(host: readonly HostObject[], records: Records): HostObject[] {
  const tables = host.filter(({ kind }) => kind === 'policer' || kind === 'publisher')
  if (tables.length === 0) return []
  const needed = new Set(hostObjects(records).map(keyOf))
  return tables.filter((table) => !needed.has(keyOf(table)))
}

/** Settings of which nothing was known before the change. */
export function newSettings({
  put,
  before
}: {
  readonly put: readonly Stored[]
  readonly before: readonly Stored[]
}): Setting[] {
  return put.flatMap(({ kind, record }) =>
    kind === 'setting' && before.every((stored) => stored.record.id !== record.id) ? [record] : []
  )
}
