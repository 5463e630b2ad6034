import type { Ip } from './ip.js'
import type { Space } from './space.js'

/** An address of a pool that is taken, or that was (`released`): a used address is handed out again last. */
export interface Lease {
  readonly id: string
  readonly poolId: string
  readonly address: Ip
  readonly state: 'held' | 'released'
  readonly purpose: 'endpoint' | 'gateway' | 'aux'
  /** True if we chose the address and nobody asked for this one. */
  readonly automatic: boolean
  /** Time of the last change of state, ISO 8601. */
  readonly since: string
}

/** Leases are named by their address, so that even one that cannot be read keeps its address reserved. */
export function leaseId(space: Space, address: Ip): string {
  return `${space}/${address}`
}
