/** Events of nftables, which come as transactions: what was done, message by message, and at its end a new generation. */
import type { HostChange } from '../host.js'
import { keyOf } from '../objects.js'
import { bytesToIp } from './bytes.js'
import { NFNL_SUBSYS, NFTA_CHAIN, NFTA_RULE, NFTA_TABLE, NFT_MSG } from './constants.js'
import { GUARD_TABLES } from './guard-skeleton.js'
import { findText } from './messages.js'
import type { Received } from './messages.js'
import { NFGENMSG_SIZE, decodeElements, nftType } from './nftables.js'

const WATCHED_CHAINS: ReadonlySet<string | undefined> = new Set(['FORWARD', 'DOCKER-USER', 'NET-ROUTED'])
const GUARD_CHANGED: HostChange = { kind: 'guard', key: 'guard', gone: true }
const SOURCES_LOST: HostChange = { kind: 'source', gone: true }
const FIREWALL_CHANGED: HostChange = { kind: 'firewall', gone: false }

/**
 * Tells each change once per transaction. Which rule of the guard was changed does not matter: it is read again. Elements
 * that come are nobody's news, and are most of what we do ourselves.
 */
export function filterEvents(onChange: (change: HostChange) => void): (message: Received) => void {
  let changes = new Map<string, HostChange>()
  return (message) => {
    if (message.type >> 8 !== NFNL_SUBSYS.NFTABLES) return
    if (message.type === nftType(NFT_MSG.NEWGEN)) {
      const told = changes
      changes = new Map()
      for (const change of told.values()) onChange(change)
    } else for (const change of changesOf(message)) changes.set(change.key ?? change.kind, change)
  }
}

function changesOf(message: Received): HostChange[] {
  if (isWatchedRule(message)) return [FIREWALL_CHANGED]
  return isAboutGuard(message) ? guardChanges(message) : []
}

function isAboutGuard({ body }: Received): boolean {
  const name = findText(body, NFGENMSG_SIZE, NFTA_TABLE)
  return GUARD_TABLES.some((table) => table.family === body[0] && table.name === name)
}

function guardChanges({ type, body }: Received): HostChange[] {
  switch (type) {
    case nftType(NFT_MSG.NEWSETELEM):
      return []
    case nftType(NFT_MSG.DELSETELEM):
      return decodeElements(body).map(({ link, address }) => ({
        kind: 'source',
        key: keyOf({ kind: 'source', link, address: bytesToIp(address) }),
        gone: true
      }))
    case nftType(NFT_MSG.DELTABLE):
    case nftType(NFT_MSG.DELSET):
      return [GUARD_CHANGED, SOURCES_LOST]
    case nftType(NFT_MSG.NEWTABLE):
    case nftType(NFT_MSG.NEWCHAIN):
    case nftType(NFT_MSG.DELCHAIN):
    case nftType(NFT_MSG.NEWRULE):
    case nftType(NFT_MSG.DELRULE):
    case nftType(NFT_MSG.NEWSET):
      return [GUARD_CHANGED]
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
