import type { Neighbour, Op } from '../objects.js'
import { bytesToIp, bytesToMac, familyOf, ipToBytes, macToBytes } from './bytes.js'
import { NDA, NLM_F, NUD_PERMANENT, RTM } from './constants.js'
import { attribute, find, u8 } from './messages.js'
import type { Message } from './messages.js'

/** struct ndmsg: family, padding, link index, state, flags, type. */
const NDMSG_SIZE = 12
const STATE_OFFSET = 8

/** A neighbour entry, of whomever. */
export interface FoundNeighbour {
  readonly index: number
  readonly address: string
  /** Empty while it is not known. */
  readonly mac: string
  readonly protocol: number
  readonly isPermanent: boolean
}

/** Sets or deletes a neighbour of the link with that index. What the kernel has learned there itself is replaced. */
export function changeNeighbour(
  verb: Op['verb'],
  object: Neighbour,
  ours: { index: number; protocol: number }
): Message {
  const address = ipToBytes(object.address)
  const header = Buffer.alloc(NDMSG_SIZE)
  header.writeUInt8(familyOf(address), 0)
  header.writeInt32LE(ours.index, 4)
  if (verb === 'delete') {
    return { type: RTM.DELNEIGH, flags: 0, body: Buffer.concat([header, attribute(NDA.DST, address)]) }
  }
  header.writeUInt16LE(NUD_PERMANENT, STATE_OFFSET)
  const lladdr = attribute(NDA.LLADDR, macToBytes(object.mac))
  const body = Buffer.concat([header, attribute(NDA.DST, address), lladdr, u8(NDA.PROTOCOL, ours.protocol)])
  return { type: RTM.NEWNEIGH, flags: NLM_F.CREATE | NLM_F.REPLACE, body }
}

/** Asks for all neighbours. */
export function getNeighbours(): Message {
  return { type: RTM.GETNEIGH, flags: 0, body: Buffer.alloc(NDMSG_SIZE) }
}

/** Decodes a neighbour. Undefined unless it is permanent and has that protocol number: there may be very many others. */
export function decodeNeighbour(body: Buffer, protocol: number): FoundNeighbour | undefined {
  if (
    body.readUInt16LE(STATE_OFFSET) !== NUD_PERMANENT ||
    find(body, NDMSG_SIZE, NDA.PROTOCOL)?.[0] !== protocol
  ) {
    return undefined
  }
  return decodeAnyNeighbour(body)
}

/** Decodes a neighbour. */
export function decodeAnyNeighbour(body: Buffer): FoundNeighbour | undefined {
  const address = find(body, NDMSG_SIZE, NDA.DST)
  if (!address) return undefined
  return {
    index: body.readInt32LE(4),
    address: bytesToIp(address),
    mac: bytesToMac(find(body, NDMSG_SIZE, NDA.LLADDR) ?? Buffer.alloc(0)),
    protocol: find(body, NDMSG_SIZE, NDA.PROTOCOL)?.[0] ?? 0,
    isPermanent: body.readUInt16LE(STATE_OFFSET) === NUD_PERMANENT
  }
}
