/** Notifications of changed settings in /proc/sys/net/ipv4/conf and ipv6/conf. */
import type { HostChange } from '../host.js'
import { AF, NETCONFA, NETCONFA_IFINDEX_ALL } from './constants.js'
import { ROUTED_CONF_4 } from './links.js'
import { find } from './messages.js'

/** struct netconfmsg is one byte; attributes begin at the next multiple of four. */
const NETCONFMSG_SIZE = 4
const FORWARDING_KEYS: Readonly<Record<number, string>> = {
  [AF.INET]: 'net.ipv4.ip_forward',
  [AF.INET6]: 'net.ipv6.conf.all.forwarding'
}

/**
 * What a notification says about a setting of ours. A new link is announced with all its settings at once, before we have set
 * any: only a notification of a single one is a change.
 */
export function netconfChange(
  body: Buffer,
  nameOf: (index: number) => string | undefined
): HostChange | undefined {
  const family = body[0] ?? AF.UNSPEC
  const index = find(body, NETCONFMSG_SIZE, NETCONFA.IFINDEX)?.readInt32LE(0)
  const forwarding = valueOf(body, NETCONFA.FORWARDING)
  const rpFilter = valueOf(body, NETCONFA.RP_FILTER)
  if (index === undefined || (forwarding === undefined) === (rpFilter === undefined)) return undefined
  if (index === NETCONFA_IFINDEX_ALL) {
    const key = FORWARDING_KEYS[family]
    if (key === undefined || forwarding === undefined) return undefined
    return {
      kind: 'sysctl',
      key: `sysctl ${key}`,
      gone: false,
      object: { kind: 'sysctl', key, value: String(forwarding) }
    }
  }
  const link = family === AF.INET ? nameOf(index) : undefined
  if (link === undefined) return undefined
  const isAsSet =
    forwarding === undefined ? rpFilter === ROUTED_CONF_4.rpFilter : forwarding === ROUTED_CONF_4.forwarding
  return { kind: 'link', key: `link ${link}`, gone: !isAsSet }
}

function valueOf(body: Buffer, attribute: number): number | undefined {
  return find(body, NETCONFMSG_SIZE, attribute)?.readInt32LE(0)
}
