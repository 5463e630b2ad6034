/**
 * Queueing disciplines, and the filter that leads what comes in through a link to another one: rtnetlink(7), tc(8). Ours have a
 * handle, and the filter a preference, that nobody else is likely to use.
 */
import type { Shaper } from '../objects.js'
import {
  ETH_P_ALL,
  NLM_F,
  RTM,
  TCA,
  TCA_ACT,
  TCA_EGRESS_REDIR,
  TCA_MIRRED_PARMS,
  TCA_TBF_PARMS,
  TCA_U32,
  TC_ACT_STOLEN,
  TC_H,
  TC_LINKLAYER_ETHERNET,
  TC_U32_TERMINAL
} from './constants.js'
import { attribute, findNested, findText, nested, text } from './messages.js'
import type { Message } from './messages.js'

/** struct tcmsg: family, padding, link index, handle, parent, info. */
const TCMSG_SIZE = 20
/** struct tc_tbf_qopt: two tc_ratespec of 12 bytes, limit, buffer, mtu. */
const TBF_SIZE = 36
const [LINKLAYER_OFFSET, RATE_OFFSET, LIMIT_OFFSET, BUFFER_OFFSET] = [1, 8, 24, 28]
/** struct tc_u32_sel with one struct tc_u32_key. */
const U32_SIZE = 32
/** struct tc_mirred: tc_gen of 20 bytes, then what to do, and the link. */
const MIRRED_SIZE = 28
const [ACTION_OFFSET, EACTION_OFFSET, TARGET_OFFSET] = [8, 20, 24]
const OUR_HANDLE = 0x6e72_0000
const INGRESS_HANDLE = 0xffff_0000
const PREFERENCE = 0x6e72

export interface FoundBucket extends Pick<Shaper, 'rate' | 'burst' | 'limit'> {
  /** Of the link. */
  readonly index: number
}

/** Puts a token bucket in front of a link, or gives the one that is there other numbers. */
export function setBucket(index: number, { rate, burst, limit }: Omit<FoundBucket, 'index'>): Message {
  const parameters = Buffer.alloc(TBF_SIZE)
  parameters.writeUInt8(TC_LINKLAYER_ETHERNET, LINKLAYER_OFFSET)
  parameters.writeUInt32LE(rate, RATE_OFFSET)
  parameters.writeUInt32LE(limit, LIMIT_OFFSET)
  parameters.writeUInt32LE(burst, BUFFER_OFFSET)
  const body = [
    tcmsg({ index, handle: OUR_HANDLE, parent: TC_H.ROOT }),
    text(TCA.KIND, 'tbf'),
    nested(TCA.OPTIONS, attribute(TCA_TBF_PARMS, parameters))
  ]
  return { type: RTM.NEWQDISC, flags: NLM_F.CREATE | NLM_F.REPLACE, body: Buffer.concat(body) }
}

/** Takes the token bucket away. */
export function deleteBucket(index: number): Message {
  const body = tcmsg({ index, handle: OUR_HANDLE, parent: TC_H.ROOT })
  return { type: RTM.DELQDISC, flags: 0, body }
}

/** Asks for the queueing disciplines of all links. */
export function getQdiscs(): Message {
  return { type: RTM.GETQDISC, flags: 0, body: tcmsg({}) }
}

/** Decodes a token bucket of ours. Undefined for anything else. */
export function decodeBucket(body: Buffer): FoundBucket | undefined {
  const isOurs = body.readUInt32LE(8) === OUR_HANDLE && body.readUInt32LE(12) === TC_H.ROOT
  const parameters = isOurs ? findNested(body, TCMSG_SIZE, TCA.OPTIONS, TCA_TBF_PARMS) : undefined
  if (!parameters || findText(body, TCMSG_SIZE, TCA.KIND) !== 'tbf') return undefined
  return {
    index: indexIn(body),
    rate: parameters.readUInt32LE(RATE_OFFSET),
    burst: parameters.readUInt32LE(BUFFER_OFFSET),
    limit: parameters.readUInt32LE(LIMIT_OFFSET)
  }
}

/** Index of the link that a message about a queueing discipline or a filter is about. */
export function indexIn(body: Buffer): number {
  return body.readInt32LE(4)
}

/** True for the place for filters of what comes in. */
export function isIngress(body: Buffer): boolean {
  return body.readUInt32LE(8) === INGRESS_HANDLE
}

/** True for our filter, wherever it leads to. */
export function isRedirect(body: Buffer): boolean {
  return body.readUInt32LE(16) >>> 16 === PREFERENCE
}

/** Makes the place for filters of what comes in. It may be there already. */
export function addIngress(index: number): Message {
  const body = [tcmsg({ index, handle: INGRESS_HANDLE, parent: TC_H.INGRESS }), text(TCA.KIND, 'ingress')]
  return { type: RTM.NEWQDISC, flags: NLM_F.CREATE | NLM_F.EXCL, body: Buffer.concat(body) }
}

/** Takes it away with all filters. */
export function deleteIngress(index: number): Message {
  const body = tcmsg({ index, handle: INGRESS_HANDLE, parent: TC_H.INGRESS })
  return { type: RTM.DELQDISC, flags: 0, body }
}

/** Leads everything that comes in through a link to another one. */
export function addRedirect(index: number, target: number): Message {
  const selector = Buffer.alloc(U32_SIZE)
  selector.writeUInt8(TC_U32_TERMINAL, 0)
  selector.writeUInt8(1, 2)
  const action = Buffer.alloc(MIRRED_SIZE)
  action.writeInt32LE(TC_ACT_STOLEN, ACTION_OFFSET)
  action.writeInt32LE(TCA_EGRESS_REDIR, EACTION_OFFSET)
  action.writeUInt32LE(target, TARGET_OFFSET)
  const mirred = [text(TCA_ACT.KIND, 'mirred'), nested(TCA_ACT.OPTIONS, attribute(TCA_MIRRED_PARMS, action))]
  const options = nested(
    TCA.OPTIONS,
    attribute(TCA_U32.SEL, selector),
    nested(TCA_U32.ACT, nested(1, ...mirred))
  )
  const body = [redirects(index), text(TCA.KIND, 'u32'), options]
  return { type: RTM.NEWTFILTER, flags: NLM_F.CREATE | NLM_F.EXCL, body: Buffer.concat(body) }
}

/** Takes our filter away. */
export function deleteRedirect(index: number): Message {
  return { type: RTM.DELTFILTER, flags: 0, body: redirects(index) }
}

/** Asks for the filters of what comes in through a link. */
export function getRedirects(index: number): Message {
  return { type: RTM.GETTFILTER, flags: 0, body: tcmsg({ index, parent: INGRESS_HANDLE }) }
}

/** Index of the link that our filter leads to. Undefined for other filters. */
export function decodeRedirect(body: Buffer): number | undefined {
  if (!isRedirect(body)) return undefined
  const action = findNested(body, TCMSG_SIZE, TCA.OPTIONS, TCA_U32.ACT, 1)
  const isMirred = action && findText(action, 0, TCA_ACT.KIND) === 'mirred'
  const parameters = isMirred ? findNested(action, 0, TCA_ACT.OPTIONS, TCA_MIRRED_PARMS) : undefined
  const selector = findNested(body, TCMSG_SIZE, TCA.OPTIONS, TCA_U32.SEL)
  const takesAll = selector?.subarray(16).every((byte) => byte === 0)
  if (!parameters || !takesAll || parameters.readInt32LE(EACTION_OFFSET) !== TCA_EGRESS_REDIR)
    return undefined
  return parameters.readUInt32LE(TARGET_OFFSET)
}

function redirects(index: number): Buffer {
  // The protocol is in network order.
  const info = PREFERENCE * 0x1_0000 + (ETH_P_ALL << 8)
  return tcmsg({ index, parent: INGRESS_HANDLE, info })
}

function tcmsg({ index = 0, handle = 0, parent = 0, info = 0 }): Buffer {
  const bytes = Buffer.alloc(TCMSG_SIZE)
  bytes.writeInt32LE(index, 4)
  bytes.writeUInt32LE(handle, 8)
  bytes.writeUInt32LE(parent, 12)
  bytes.writeUInt32LE(info, 16)
  return bytes
}
