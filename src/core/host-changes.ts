/** Which changes of records are changes of the host itself. */
import type { Setting } from '../model/setting.js'
import type { Stored } from '../store/records.js'

/** What the host itself needs may change with it. */
export function concernsHost({ kind, record }: Stored): boolean {
  return kind === 'network' || kind === 'setting' || (kind === 'endpoint' && record.ports !== undefined)
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
