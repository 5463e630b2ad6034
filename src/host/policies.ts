/** Who may reach what, as it is in a network namespace. */

/**
 * A table of ours in nftables that keeps from links what their policies do not allow. `intact` as with the guard. Not there:
 * everything is allowed, and no packet is tracked because of us.
 */
export interface Policer {
  readonly kind: 'policer'
  readonly intact: boolean
}

/**
 * What may come to a link, and what may come from it: `any`, or a list of addresses, number of a protocol and ports such as
 * `10.0.0.0-10.255.255.255 any, 10.1.0.2-10.1.0.9 6 80-90`. No two items overlap; IPv4 comes first, then in order. It does
 * not live on its link.
 */
export interface Policy {
  readonly kind: 'policy'
  readonly link: string
  readonly ingress: string
  readonly egress: string
}

/** Packets and bytes that a policy has let pass and refused, since it is there. */
export interface PolicyCounts {
  readonly ingress: Counts
  readonly egress: Counts
}

export interface Counts {
  readonly accepted: Traffic
  readonly denied: Traffic
}

export interface Traffic {
  readonly packets: number
  readonly bytes: number
}
