/** Which changes of records are changes of the host itself, and what it needs. */
import { desiredOfHost } from '../desired/host.js'
import { isPoliced, namesIn } from '../desired/policy.js'
import { keyOf } from '../host/objects.js'
import type { HostObject } from '../host/objects.js'
import type { Setting } from '../model/setting.js'
import type { Records, Stored } from '../store/records.js'

/** What the host itself needs may change with it. */
export function concernsHost({ kind, record }: Stored): boolean {
  if (kind === 'endpoint') return record.ports !== undefined || isPoliced(record)
  return kind === 'network' || kind === 'setting'
}

/** What it wants may change without it. */
export function hasNames({ kind, record }: Stored): boolean {
  return kind === 'endpoint' && namesIn(record).length > 0
}

/** What the host needs for what there is, without what is about to go. */
export function hostObjects(records: Records, removed: readonly Stored[] = []): HostObject[] {
  const gone = new Set(removed.map(({ record }) => record.id))
  const endpoints = records.all('endpoint').filter(({ id }) => !gone.has(id))
  return desiredOfHost(
    records.all('network').filter(({ id }) => !gone.has(id)),
    records.all('setting').filter(({ id }) => !gone.has(id)),
    {
      hasMore: records.broken.some(({ kind }) => kind === 'network'),
      hasEndpoints: endpoints.length > 0,
      hasPorts: endpoints.some(({ ports, deleted }) => ports && !deleted),
      hasPolicies: endpoints.some((endpoint) => isPoliced(endpoint) && !endpoint.deleted)
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
