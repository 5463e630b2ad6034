import type { Address, Op } from '../objects.js'
import { bytesToIp, familyOf, parsePrefix } from './bytes.js'
import { AF, IFA, IFA_F, NLM_F, RTM, RT_SCOPE } from './constants.js'
import { attribute, find, findU32 } from './messages.js'
import type { Message } from './messages.js'

/** struct ifaddrmsg: family, prefix length, flags, scope, link index. */
const IFADDRMSG_SIZE = 8
/** struct ifa_cacheinfo: how long it is preferred, how long it is valid, and two times of no interest. */
const IFA_CACHEINFO_SIZE = 16
const FOR_EVER = 0xffffffff

/** An address of any link. */
export interface FoundAddress {
  readonly index: number
  /** With prefix length. */
  readonly address: string
  /** False = autoconfigured. */
  readonly isPermanent: boolean
}

/** Adds or deletes an address of the link with that index. */
export function changeAddress(verb: Op['verb'], object: Address, index: number): Message {
  return message(verb, object.address, { index, scope: RT_SCOPE.LINK })
}

/** Adds an address that the container is known by. */
export function addEndAddress(address: string, index: number): Message {
  return message('add', address, { index, scope: RT_SCOPE.UNIVERSE })
}

/** The same, not chosen for what the container sends (RFC 4862 §5.5.4: deprecated). */
export function addPassiveAddress(address: string, index: number): Message {
  const times = Buffer.alloc(IFA_CACHEINFO_SIZE)
  times.writeUInt32LE(FOR_EVER, 4)
  const { body, ...rest } = addEndAddress(address, index)
  return { ...rest, body: Buffer.concat([body, attribute(IFA.CACHEINFO, times)]) }
}

/** Asks for all addresses. */
export function getAddresses(): Message {
  return { type: RTM.GETADDR, flags: 0, body: Buffer.alloc(IFADDRMSG_SIZE) }
}

/** Decodes an address. */
export function decodeAddress(body: Buffer): FoundAddress | undefined {
  const address = find(body, IFADDRMSG_SIZE, IFA.LOCAL) ?? find(body, IFADDRMSG_SIZE, IFA.ADDRESS)
  if (!address) return undefined
  const flags = findU32(body, IFADDRMSG_SIZE, IFA.FLAGS) ?? body.readUInt8(2)
  return {
    index: body.readUInt32LE(4),
    address: `${bytesToIp(address)}/${String(body.readUInt8(1))}`,
    isPermanent: (flags & IFA_F.PERMANENT) !== 0
  }
}

function message(verb: Op['verb'], prefix: string, where: { index: number; scope: number }): Message {
  const { address, length } = parsePrefix(prefix)
  const header = Buffer.alloc(IFADDRMSG_SIZE)
  const family = familyOf(address)
  header.writeUInt8(family, 0)
  header.writeUInt8(length, 1)
  // The other end is the only neighbour on the link: detection of duplicates would only delay the address.
  header.writeUInt8(family === AF.INET6 ? IFA_F.NODAD : 0, 2)
  header.writeUInt8(where.scope, 3)
  header.writeUInt32LE(where.index, 4)
  const body = Buffer.concat([header, attribute(IFA.LOCAL, address), attribute(IFA.ADDRESS, address)])
  if (verb === 'delete') return { type: RTM.DELADDR, flags: 0, body }
  return { type: RTM.NEWADDR, flags: NLM_F.CREATE | NLM_F.EXCL, body }
}
