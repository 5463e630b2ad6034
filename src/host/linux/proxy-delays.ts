/** How long a link waits before it answers ARP in the place of others: include/uapi/linux/neighbour.h. */
import { AF, NDTA, NDTPA, RTM } from './constants.js'
import { find, findU32, nested, text, u32, u64 } from './messages.js'
import type { Message } from './messages.js'

/** struct ndtmsg */
const NDTMSG_SIZE = 4

/** Asks for the ARP parameters of all links. */
export function getProxyDelays(): Message {
  const body = Buffer.alloc(NDTMSG_SIZE)
  body.writeUInt8(AF.INET)
  return { type: RTM.GETNEIGHTBL, flags: 0, body }
}

/** Link index and proxy delay in milliseconds; undefined for the table's own parameters. */
export function decodeProxyDelay(body: Buffer): readonly [number, number] | undefined {
  const parameters = body[0] === AF.INET ? find(body, NDTMSG_SIZE, NDTA.PARMS) : undefined
  const index = parameters && findU32(parameters, 0, NDTPA.IFINDEX)
  if (!parameters || index === undefined) return undefined
  return [index, Number(find(parameters, 0, NDTPA.PROXY_DELAY)?.readBigUInt64LE(0) ?? 0n)]
}

/** Answers at once from now on. */
export function setProxyDelay(index: number): Message {
  const header = Buffer.alloc(NDTMSG_SIZE)
  header.writeUInt8(AF.INET)
  const parameters = nested(NDTA.PARMS, u32(NDTPA.IFINDEX, index), u64(NDTPA.PROXY_DELAY, 0n))
  return {
    type: RTM.SETNEIGHTBL,
    flags: 0,
    body: Buffer.concat([header, text(NDTA.NAME, 'arp_cache'), parameters])
  }
}
