/** Published ports, as they are in a network namespace. */

/**
 * A table of ours in nftables that leads what comes to published ports of the host to containers. `intact` as with the
 * guard. Not there: nothing is published, and no packet is tracked because of us.
 */
export interface Publisher {
  readonly kind: 'publisher'
  readonly intact: boolean
}

/** A published port: what comes to it, at an address of the host, goes to a port of a container. */
export interface Port {
  readonly kind: 'port'
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  /** An address of the host; `0.0.0.0` or `::` = all of that family. */
  readonly host: string
  readonly hostPort: number
  readonly address: string
  readonly port: number
  /** Link without which it must not be there; it does not live on it. */
  readonly of?: string
}

/** A published port that is not one for what comes in through this device. */
export interface Exclusion {
  readonly kind: 'exclusion'
  readonly device: string
  readonly protocol: Port['protocol']
  readonly hostPort: number
}

/**
 * What comes from `prefix` to `address` through a published port must look as if it came from the host: the answer would
 * take a shorter way otherwise, to itself or over a bridge, and miss the translation.
 */
export interface Hairpin {
  readonly kind: 'hairpin'
  readonly prefix: string
  readonly address: string
}

/**
 * What comes through the link may be for ::1: answers of a container to a port of ::1. The kernel has no setting for that,
 * but it looks for a local route through the link. Packets that really carry ::1 it drops before.
 */
export interface Loopback {
  readonly kind: 'loopback'
  readonly link: string
}
