/**
 * Messages to and from nftables: include/uapi/linux/netfilter/nf_tables.h. Numbers in them are big-endian. Changes are
 * transactions: what fails in one undoes all of it.
 */
import {
  IFNAMSIZ,
  NFNL_MSG_BATCH,
  NFNL_SUBSYS,
  NFTA_DATA_VALUE,
  NFTA_GEN_ID,
  NFTA_LIST_ELEM,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_KEY_END,
  NFTA_SET_ELEM_LIST,
  NFTA_TABLE,
  NFT_MSG,
  NLA_TYPE_MASK,
  NLM_F
} from './constants.js'
import { find, findNested, nested, attribute, text } from './messages.js'
import type { Message } from './messages.js'
import type { Answer, NetlinkSocket } from './netlink.js'

/** struct nfgenmsg: family, version, and the big-endian number of what it is for. */
export const NFGENMSG_SIZE = 4

export interface Table {
  /** NFPROTO */
  readonly family: number
  readonly name: string
}

export interface NamedSet {
  readonly table: Table
  readonly name: string
}

/** Key of a set of ours: a link, and an address of 4 or 16 bytes that belongs to it. */
export interface Element {
  readonly link: string
  readonly address: Buffer
}

/** An element as the kernel has it. */
export interface Bytes {
  readonly key: Buffer
  /** The end of an interval that begins with `key`. */
  readonly keyEnd?: Buffer
  /** Of a map. */
  readonly data?: Buffer
  /** Of a map that leads to chains: `jumpTo`. */
  readonly verdict?: Buffer
}

/** Number of a message as it is in its header. */
export function nftType(message: number): number {
  return (NFNL_SUBSYS.NFTABLES << 8) | message
}

/** The fixed beginning of every body. */
export function nfgenmsg(family: number, resource = 0): Buffer {
  return Buffer.of(family, 0, resource >> 8, resource & 0xff)
}

/** Asks for a table, or for the chains, rules or sets of one. */
export function getOf(message: number, { family, name }: Table): Message {
  return { type: nftType(message), flags: 0, body: Buffer.concat([nfgenmsg(family), text(NFTA_TABLE, name)]) }
}

/** Deletes a table with all that is in it. */
export function deleteTable(table: Table): Message {
  return getOf(NFT_MSG.DELTABLE, table)
}

/** Adds an element, which may be there already, or deletes it. */
export function changeElement(verb: 'add' | 'delete', set: NamedSet, element: Element): Message {
  return changeBytes(verb, set, { key: keyBytes(element) })
}

/** The same with an element of any set or map. */
export function changeBytes(verb: 'add' | 'delete', set: NamedSet, element: Bytes): Message {
  return changeManyBytes(verb, set, [element])
}

/** The same with several, as many as 64 KiB hold. */
export function changeManyBytes(verb: 'add' | 'delete', set: NamedSet, elements: readonly Bytes[]): Message {
  const list = elements.map((element) => nested(NFTA_LIST_ELEM, elementBytes(element)))
  return {
    type: nftType(verb === 'add' ? NFT_MSG.NEWSETELEM : NFT_MSG.DELSETELEM),
    flags: verb === 'add' ? NLM_F.CREATE : 0,
    body: Buffer.concat([getElements(set).body, nested(NFTA_SET_ELEM_LIST.ELEMENTS, ...list)])
  }
}

/** Asks for the elements of a set. */
export function getElements({ table, name }: NamedSet): Message {
  const { type, flags, body } = getOf(NFT_MSG.GETSETELEM, table)
  return { type, flags, body: Buffer.concat([body, text(NFTA_SET_ELEM_LIST.SET, name)]) }
}

/** Decodes the elements of a message; none if their keys are not like ours. */
export function decodeElements(body: Buffer): Element[] {
  return decodeBytes(body).flatMap(({ key }) => {
    const length = key.length - IFNAMSIZ
    if (length !== 4 && length !== 16) return []
    return [{ link: decodeName(key), address: key.subarray(IFNAMSIZ) }]
  })
}

/** Decodes the elements of a message. */
export function decodeBytes(body: Buffer): Bytes[] {
  return elementsIn(body).flatMap((element) => {
    // The message is in a buffer that the next one will use.
    const value = (type: number): Buffer | undefined => {
      const found = findNested(element, 0, type, NFTA_DATA_VALUE)
      return found && Buffer.from(found)
    }
    const [key, data, keyEnd] = [NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_DATA, NFTA_SET_ELEM_KEY_END].map(value)
    return key ? [{ key, ...(data ? { data } : {}), ...(keyEnd ? { keyEnd } : {}) }] : []
  })
}

/** The name of a link that a key begins with. */
export function decodeName(key: Buffer): string {
  const name = key.subarray(0, IFNAMSIZ)
  return name.toString('latin1', 0, name.indexOf(0) < 0 ? IFNAMSIZ : name.indexOf(0))
}

/** A name of a link in a key. */
export function nameBytes(name: string): Buffer {
  const bytes = Buffer.alloc(IFNAMSIZ)
  bytes.write(name, 'latin1')
  return bytes
}

/** A number that grows with every transaction of anybody in the namespace. Undefined if the kernel did not say. */
export async function readGeneration(socket: NetlinkSocket): Promise<number | undefined> {
  const message = { type: nftType(NFT_MSG.GETGEN), flags: 0, body: nfgenmsg(0) }
  const [answer] = await socket.request([message])
  return answer?.reply && find(answer.reply, NFGENMSG_SIZE, NFTA_GEN_ID)?.readUInt32BE(0)
}

/** Sends messages as one transaction. */
export function transact(socket: NetlinkSocket, messages: readonly Message[]): Promise<Answer[]> {
  const edge = (type: number): Message => ({
    type,
    flags: NLM_F.REQUEST,
    body: nfgenmsg(0, NFNL_SUBSYS.NFTABLES)
  })
  return socket.transact(messages, [edge(NFNL_MSG_BATCH.BEGIN), edge(NFNL_MSG_BATCH.END)])
}

function elementBytes({ key, keyEnd, data, verdict }: Bytes): Buffer {
  const value = (type: number, bytes: Buffer | undefined): Buffer =>
    bytes ? nested(type, attribute(NFTA_DATA_VALUE, bytes)) : Buffer.alloc(0)
  return Buffer.concat([
    value(NFTA_SET_ELEM_KEY, key),
    verdict ? nested(NFTA_SET_ELEM_DATA, verdict) : value(NFTA_SET_ELEM_DATA, data),
    value(NFTA_SET_ELEM_KEY_END, keyEnd)
  ])
}

function keyBytes({ link, address }: Element): Buffer {
  return Buffer.concat([nameBytes(link), address])
}

/** The attributes of a message's elements. */
export function elementsIn(body: Buffer): Buffer[] {
  const list = find(body, NFGENMSG_SIZE, NFTA_SET_ELEM_LIST.ELEMENTS) ?? Buffer.alloc(0)
  return [...attributesOf(list)]
}

function* attributesOf(list: Buffer): Generator<Buffer> {
  for (let at = 0; at + 4 <= list.length;) {
    const length = list.readUInt16LE(at)
    if (length < 4) return
    if ((list.readUInt16LE(at + 2) & NLA_TYPE_MASK) === NFTA_LIST_ELEM)
      yield list.subarray(at + 4, at + length)
    at += (length + 3) & ~3
  }
}
