import type { Stored } from '../store/records.js'

/** True if what the host itself needs may change with the record. */
export function concernsHost({ kind, record }: Stored): boolean {
  return kind === 'network' || kind === 'setting' || (kind === 'endpoint' && record.ports !== undefined)
}
