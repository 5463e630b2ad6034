/** What dockerd knows of networks and containers, and the networks that there may be. */

/** How a network is made. `gateway`: '' = dockerd asks for any, absent = it asks for none, as from 28 on. */
export interface Shape {
  readonly subnets: readonly string[]
  readonly range?: string
  readonly gateway?: string
  readonly aux?: string
  /** `-o`. */
  readonly options?: Readonly<Record<string, string>>
}

export interface Lease {
  readonly pool: string
  readonly address: string
}

export interface Network {
  readonly id: string
  readonly shape: number
  readonly pools: readonly string[]
  readonly reserved: readonly Lease[]
}

export interface Attachment {
  readonly id: string
  readonly network: Network
  readonly leases: readonly Lease[]
  /** As the IPAM gave them. */
  readonly addresses: readonly string[]
  readonly sandbox: string
}

export interface Container {
  readonly sandbox: string
  readonly attachments: readonly Attachment[]
}

export const SHAPES: readonly Shape[] = [
  { subnets: ['10.1.0.0/29'] },
  { subnets: ['10.2.0.0/28'], gateway: '', options: { 'net-routed.default': 'deny' } },
  {
    subnets: ['10.3.0.0/28', 'fd00:3::/125'],
    gateway: '10.3.0.9',
    aux: '10.3.0.7',
    options: { 'net-routed.egress': 'tcp/80' }
  },
  // Overlaps with the first one.
  { subnets: ['10.1.0.0/24'], range: '10.1.0.128/30' },
  // Chosen by the daemon.
  { subnets: [''] }
]
