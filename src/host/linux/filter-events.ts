/** Events of nftables, which come as transactions: what was done, message by message, and at its end a new generation. */
import type { HostChange } from '../host.js'
import { keyOf } from '../objects.js'
import type { HostObject } from '../objects.js'
import { bytesToIp } from './bytes.js'
import { NFNL_SUBSYS, NFTA_CHAIN, NFTA_RULE, NFTA_SET_ELEM_LIST, NFTA_TABLE, NFT_MSG } from './constants.js'
import { GUARD_TABLES } from './guard-skeleton.js'
import { MARK_TABLE } from './mark-table.js'
import { findText } from './messages.js'
import type { Received } from './messages.js'
import { NFGENMSG_SIZE, decodeBytes, decodeElements, nftType } from './nftables.js'
import type { Table } from './nftables.js'
import { POLICY_TABLE } from './policy-table.js'
import { objectOf } from './port-elements.js'
import { PORT_TABLE } from './port-table.js'

const WATCHED_CHAINS: ReadonlySet<string | undefined> = new Set(['FORWARD', 'DOCKER-USER', 'NET-ROUTED'])
const GUARD_CHANGED: HostChange = { kind: 'guard', key: 'guard', gone: true }
const SOURCES_LOST: HostChange = { kind: 'source', gone: true }
const PUBLISHER_CHANGED: HostChange = { kind: 'publisher', key: 'publisher', gone: true }
const PORTS_LOST: HostChange = { kind: 'port', gone: true }
const POLICER_CHANGED: HostChange = { kind: 'policer', key: 'policer', gone: true }
const MARKS_CHANGED: HostChange = { kind: 'mark', gone: true }
const FIREWALL_CHANGED: HostChange = { kind: 'firewall', gone: false }

/**
 * Tells each change once per transaction. Which rule of the guard was changed does not matter: it is read again. Elements
 * that come are nobody's news, and are most of what we do ourselves. Of policies, where elements that come open something and
 * rules come and go with us, and of marks, it is news what does not come from a socket of ours.
 */
export function filterEvents(
  onChange: (change: HostChange) => void,
  isOwn: (port: number) => boolean
): (message: Received) => void {
  let changes = new Map<string, HostChange>()
  return (message) => {
    if (message.type >> 8 !== NFNL_SUBSYS.NFTABLES) return
    if (message.type === nftType(NFT_MSG.NEWGEN)) {
      const told = changes
      changes = new Map()
      for (const change of told.values()) onChange(change)
    } else if (isAbout(message, [POLICY_TABLE])) {
      if (!isOwn(message.port)) changes.set('policer', POLICER_CHANGED)
    } else if (isAbout(message, [MARK_TABLE])) {
      if (!isOwn(message.port)) changes.set('mark', MARKS_CHANGED)
    } else for (const change of changesOf(message)) changes.set(change.key ?? change.kind, change)
  }
}

function changesOf(message: Received): HostChange[] {
  if (isWatchedRule(message)) return [FIREWALL_CHANGED]
  if (isAbout(message, GUARD_TABLES)) return tableChanges(message, GUARD_CHANGED, SOURCES_LOST, sourcesIn)
  if (isAbout(message, [PORT_TABLE])) return tableChanges(message, PUBLISHER_CHANGED, PORTS_LOST, portsIn)
  return []
}

function isAbout({ body }: Received, tables: readonly Table[]): boolean {
  const name = findText(body, NFGENMSG_SIZE, NFTA_TABLE)
  return tables.some((table) => table.family === body[0] && table.name === name)
}

function sourcesIn(body: Buffer): HostObject[] {
  return decodeElements(body).map(({ link, address }) => ({
    kind: 'source',
    link,
    address: bytesToIp(address)
  }))
}

function portsIn(body: Buffer): HostObject[] {
  const set = findText(body, NFGENMSG_SIZE, NFTA_SET_ELEM_LIST.SET) ?? ''
  return decodeBytes(body).flatMap((element) => objectOf(set, element) ?? [])
}

function tableChanges(
  { type, body }: Received,
  changed: HostChange,
  lost: HostChange,
  elementsIn: (body: Buffer) => HostObject[]
): HostChange[] {
  switch (type) {
    case nftType(NFT_MSG.NEWSETELEM):
      return []
    case nftType(NFT_MSG.DELSETELEM):
      return elementsIn(body).map((object) => ({ kind: object.kind, key: keyOf(object), gone: true }))
    case nftType(NFT_MSG.DELTABLE):
    case nftType(NFT_MSG.DELSET):
      return [changed, lost]
    case nftType(NFT_MSG.NEWTABLE):
    case nftType(NFT_MSG.NEWCHAIN):
    case nftType(NFT_MSG.DELCHAIN):
    case nftType(NFT_MSG.NEWRULE):
    case nftType(NFT_MSG.DELRULE):
    case nftType(NFT_MSG.NEWSET):
      return [changed]
    default:
      return []
  }
}

/** True for a rule or chain that decides about forwarding, in a table that iptables uses. */
function isWatchedRule({ type, body }: Received): boolean {
  if (findText(body, NFGENMSG_SIZE, NFTA_TABLE) !== 'filter') return false
  if (type === nftType(NFT_MSG.NEWTABLE) || type === nftType(NFT_MSG.DELTABLE)) return true
  if (type === nftType(NFT_MSG.NEWCHAIN) || type === nftType(NFT_MSG.DELCHAIN)) {
    return WATCHED_CHAINS.has(findText(body, NFGENMSG_SIZE, NFTA_CHAIN.NAME))
  }
  if (type !== nftType(NFT_MSG.NEWRULE) && type !== nftType(NFT_MSG.DELRULE)) return false
  return WATCHED_CHAINS.has(findText(body, NFGENMSG_SIZE, NFTA_RULE.CHAIN))
}
