/**
 * The table of policies. A packet of a link without a policy meets one look-up, one of a connection that is established two;
 * the first one of a new connection is led by the name of its link to the list of that link. So what a packet costs does not
 * depend on how many links and lists there are. Lists are made and removed while all this stays (policy-lists.ts).
 *
 * What the host itself sends is not asked: there is no hook at output. What a container sends to the host is.
 */
import { IFNAMSIZ, NFPROTO } from './constants.js'
import type { NamedSet, Table } from './nftables.js'
import type { Skeleton } from './tables.js'

export const POLICY_TABLE: Table = { family: NFPROTO.INET, name: 'net-routed-policy' }

export type Direction = 'ingress' | 'egress'

export const DIRECTIONS: readonly Direction[] = ['ingress', 'egress']

/** By direction: the links with a list, which count all packets; what is refused of them; where each one's list is. */
export const POLICY_SETS: Readonly<
  Record<Direction, Readonly<Record<'restricted' | 'refused' | 'lists', NamedSet>>>
> = {
  ingress: {
    restricted: setOf('restricted-ingress'),
    refused: setOf('refused-ingress'),
    lists: setOf('lists-ingress')
  },
  egress: {
    restricted: setOf('restricted-egress'),
    refused: setOf('refused-egress'),
    lists: setOf('lists-egress')
  }
}

/** Before the packet filters of others, so that a packet that is refused is refused in one way. */
const BEFORE_FILTERS = -6
const [LOCAL_IN, FORWARD] = [1, 2]
/** Solicitations and advertisements of neighbours and routers, reports of multicast listeners: what IPv6 cannot do without. */
const NEIGHBOURS = 'icmpv6 type { 130, 131, 132, 133, 135, 136, 143 } accept'
const LINKS = 'type ifname; counter'
const LISTS = 'type ifname : verdict'

export const POLICY_SKELETON: Skeleton = {
  table: POLICY_TABLE,
  counters: [],
  sets: [
    { name: 'restricted-ingress', type: LINKS, keyBytes: IFNAMSIZ },
    { name: 'refused-ingress', type: LINKS, keyBytes: IFNAMSIZ },
    { name: 'lists-ingress', type: LISTS, keyBytes: IFNAMSIZ, isMap: true },
    { name: 'restricted-egress', type: LINKS, keyBytes: IFNAMSIZ },
    { name: 'refused-egress', type: LINKS, keyBytes: IFNAMSIZ },
    { name: 'lists-egress', type: LISTS, keyBytes: IFNAMSIZ, isMap: true }
  ],
  chains: [
    {
      name: 'egress',
      hook: { name: 'forward', number: FORWARD, priority: BEFORE_FILTERS },
      rules: ['iifname @restricted-egress goto from-link']
    },
    {
      name: 'ingress',
      hook: { name: 'forward', number: FORWARD, priority: BEFORE_FILTERS + 1 },
      rules: ['oifname @restricted-ingress goto to-link']
    },
    {
      name: 'host',
      hook: { name: 'input', number: LOCAL_IN, priority: BEFORE_FILTERS },
      rules: ['iifname @restricted-egress goto to-host']
    },
    { name: 'to-host', rules: [NEIGHBOURS, 'goto from-link'] },
    {
      name: 'from-link',
      rules: ['ct state established,related accept', 'iifname vmap @lists-egress', 'goto refuse-egress']
    },
    {
      name: 'to-link',
      rules: [
        'ct state established,related accept',
        'meta l4proto { 1, 58 } accept',
        'oifname vmap @lists-ingress',
        'goto refuse-ingress'
      ]
    },
    { name: 'refuse-egress', rules: ['iifname @refused-egress goto refuse', 'goto refuse'] },
    { name: 'refuse-ingress', rules: ['oifname @refused-ingress goto refuse', 'goto refuse'] },
    {
      name: 'refuse',
      rules: ['meta l4proto 6 reject with tcp reset', 'reject with icmpx type admin-prohibited']
    }
  ]
}

function setOf(name: string): NamedSet {
  return { table: POLICY_TABLE, name }
}
