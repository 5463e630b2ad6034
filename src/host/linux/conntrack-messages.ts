/** Messages about tracked connections (nfnetlink_conntrack.h). */
import { CTA, IPCTNL_MSG_CT, NFNL_SUBSYS } from './constants.js'
import { attribute, find, nested } from './messages.js'
import type { Message } from './messages.js'
import { NFGENMSG_SIZE, nfgenmsg } from './nftables.js'

/** Asks for the entries of a family, or of all, as the attributes say. */
export function getEntries(family: number, ...attributes: readonly Buffer[]): Message {
  return {
    type: ctnetlinkType(IPCTNL_MSG_CT.GET),
    flags: 0,
    body: Buffer.concat([nfgenmsg(family), ...attributes])
  }
}

/** Deletes an entry that was listed: it, and no later one of the same addresses and ports. */
export function deletionOf(body: Buffer): Message {
  const copied = [CTA.TUPLE_ORIG, CTA.ID, CTA.ZONE].flatMap((type) => {
    const value = find(body, NFGENMSG_SIZE, type)
    if (!value) return []
    return [type === CTA.TUPLE_ORIG ? nested(type, value) : attribute(type, value)]
  })
  return {
    type: ctnetlinkType(IPCTNL_MSG_CT.DELETE),
    flags: 0,
    body: Buffer.concat([nfgenmsg(body[0] ?? 0), ...copied])
  }
}

function ctnetlinkType(message: number): number {
  return (NFNL_SUBSYS.CTNETLINK << 8) | message
}
