/**
 * Lists of policies: a chain, and a set for each form that its items have. Their name is made of what is in them, so links
 * with the same list share one, a list never changes, and another one is put in its place at once.
 */
import { createHash } from 'node:crypto'
import { bytesToIp, ipToBytes } from './bytes.js'
import {
  NFPROTO,
  NFTA_LIST_ELEM,
  NFTA_SET,
  NFTA_SET_DESC_CONCAT,
  NFTA_SET_FIELD_LEN,
  NFTA_TABLE,
  NFT_MSG,
  NFT_SET_CONCAT,
  NFT_SET_INTERVAL,
  NLM_F
} from './constants.js'
import { nested, text } from './messages.js'
import type { Message } from './messages.js'
import { changeManyBytes, getElements, nfgenmsg, nftType } from './nftables.js'
import type { Bytes, NamedSet } from './nftables.js'
import { addChain, addRule, be32, deleteChain, flushChain } from './nftables-rules.js'
import type { Expression, Rule } from './nftables-rules.js'
import { POLICY_TABLE } from './policy-table.js'
import type { Direction } from './policy-table.js'
import { commentFor } from './tables.js'

/** Forms of items: addresses of a family and a protocol, or ports, too. */
interface Form {
  readonly suffix: string
  readonly family: 4 | 6
  readonly hasPorts: boolean
}

const FORMS: readonly Form[] = [
  { suffix: '4', family: 4, hasPorts: false },
  { suffix: '4-ports', family: 4, hasPorts: true },
  { suffix: '6', family: 6, hasPorts: false },
  { suffix: '6-ports', family: 6, hasPorts: true }
]
/** Every field of a key takes whole words. */
const WORD = 4
const ADDRESS_BYTES = { 4: 4, 6: 16 } as const
const NFPROTOS = { 4: NFPROTO.IPV4, 6: NFPROTO.IPV6 } as const
/** Offsets in the headers of IPv4 and IPv6. */
const OFFSETS: Readonly<Record<Direction, Readonly<Record<4 | 6, number>>>> = {
  ingress: { 4: 12, 6: 8 },
  egress: { 4: 16, 6: 24 }
}
const DESTINATION_PORT_OFFSET = 2
/** libnftables' numbers of types, six bits for each, so that nft shows them: ipv4_addr, ipv6_addr, inet_proto, inet_service. */
const TYPES = { 4: 7, 6: 8, protocol: 12, port: 13 } as const
const TYPE_BITS = 6
const LAST_PROTOCOL = 255
const ELEMENTS_AT_ONCE = 400
interface Parts {
  readonly sets: ReadonlySet<string>
  readonly hasChain: boolean
}

const LIST_NAME = /^(ingress|egress)-[0-9a-f]{16}$/
const SET_NAME = /^((?:ingress|egress)-[0-9a-f]{16})-[46](?:-ports)?$/

/** Name of the chain of a list. */
export function listName(direction: Direction, list: string): string {
  return `${direction}-${createHash('sha256').update(list).digest('hex').slice(0, 16)}`
}

/** The list that a chain or a set belongs to. */
export function listOfName(name: string): string | undefined {
  if (LIST_NAME.test(name)) return name
  return SET_NAME.exec(name)?.[1]
}

/** All sets that a list may have. */
export function setsOf(name: string): readonly NamedSet[] {
  return FORMS.map((form) => setOf(name, form))
}

/** How a list is made. */
export interface Making {
  /** Names of its sets. */
  readonly sets: ReadonlySet<string>
  /** Transactions in this order: its sets with all that is in them, and a chain that does not ask them yet. */
  readonly prepare: readonly (readonly Message[])[]
  /**
   * Then it asks them. The kernel switches to the elements of an interval set a moment after the rules of the same
   * transaction; and rules cost with the number of lists, because the kernel looks for loops, so they come with what
   * leads to the chain.
   */
  readonly finish: readonly Message[]
}

/** Makes a list; its chain may be there already if it is empty. */
export function makeList(direction: Direction, list: string): Making {
  const name = listName(direction, list)
  const items = elementsByForm(list)
  const forms = FORMS.filter((form) => items.has(form))
  const head = [addChain(POLICY_TABLE, name), ...forms.map((form) => newSet(name, form))]
  const [first, ...rest] = forms.flatMap((form) =>
    portionsOf(items.get(form) ?? []).map((some) => changeManyBytes('add', setOf(name, form), some))
  )
  return {
    sets: new Set(forms.map((form) => setOf(name, form).name)),
    prepare: [[...head, ...(first ? [first] : [])], ...rest.map((message) => [message])],
    finish: rulesOf(direction, name, forms).map((rule) => addRule(POLICY_TABLE, name, rule))
  }
}

/** Takes everything out of a list of which these parts are there. */
export function emptyList(name: string, { sets, hasChain }: Parts): Message[] {
  const present = setsOf(name).filter((set) => sets.has(set.name))
  return [...(hasChain ? [flushChain(POLICY_TABLE, name)] : []), ...present.map(deleteSet)]
}

/** Removes a list that nothing leads to. */
export function removeList(name: string, parts: Parts): Message[] {
  return [...emptyList(name, parts), ...(parts.hasChain ? [deleteChain(POLICY_TABLE, name)] : [])]
}

/** Comments of the rules that a list with these sets has. */
export function commentsOf(direction: Direction, name: string, sets: ReadonlySet<string>): string[] {
  const forms = FORMS.filter((form) => sets.has(setOf(name, form).name))
  return rulesOf(direction, name, forms).map(({ comment }) => comment)
}

/** The list that these elements of its sets make. */
export function listText(elements: readonly Bytes[]): string {
  const items = elements.map(itemOf)
  return items
    .sort((a, b) => a.order.length - b.order.length || Buffer.compare(a.order, b.order))
    .map(({ item }) => item)
    .join(', ')
}

/** What no rule accepts goes back to where it came from, and is refused there. */
function rulesOf(direction: Direction, name: string, forms: readonly Form[]): Rule[] {
  return forms.map((form) => {
    const expressions = matchOf(direction, name, form)
    return { expressions, comment: commentFor(JSON.stringify(expressions)) }
  })
}

function matchOf(direction: Direction, name: string, form: Form): Expression[] {
  const { family, hasPorts } = form
  const length = ADDRESS_BYTES[family]
  const afterAddress = length / WORD
  const port: Expression = {
    kind: 'bytes',
    of: 'transport',
    offset: DESTINATION_PORT_OFFSET,
    length: 2,
    word: afterAddress + 1
  }
  return [
    { kind: 'family', is: NFPROTOS[family] },
    { kind: 'bytes', of: 'network', offset: OFFSETS[direction][family], length, word: 0 },
    { kind: 'protocol', word: afterAddress },
    ...(hasPorts ? [port] : []),
    { kind: 'in', set: setOf(name, form).name },
    { kind: 'accept' }
  ]
}

function setOf(name: string, { suffix }: Form): NamedSet {
  return { table: POLICY_TABLE, name: `${name}-${suffix}` }
}

function newSet(name: string, form: Form): Message {
  const { family, hasPorts } = form
  const fields = [ADDRESS_BYTES[family], 1, ...(hasPorts ? [2] : [])]
  const types: number[] = [TYPES[family], TYPES.protocol, ...(hasPorts ? [TYPES.port] : [])]
  const lengths = fields.map((length) => nested(NFTA_LIST_ELEM, be32(NFTA_SET_FIELD_LEN, length)))
  return {
    type: nftType(NFT_MSG.NEWSET),
    flags: NLM_F.CREATE,
    body: Buffer.concat([
      nfgenmsg(POLICY_TABLE.family),
      text(NFTA_TABLE, POLICY_TABLE.name),
      text(NFTA_SET.NAME, setOf(name, form).name),
      be32(NFTA_SET.FLAGS, NFT_SET_INTERVAL | NFT_SET_CONCAT),
      be32(
        NFTA_SET.KEY_TYPE,
        types.reduce((all, type) => (all << TYPE_BITS) | type)
      ),
      be32(
        NFTA_SET.KEY_LEN,
        fields.reduce((all, length) => all + Math.ceil(length / WORD) * WORD, 0)
      ),
      // The kernel wants a number to find a new set by, though we name it.
      be32(NFTA_SET.ID, FORMS.indexOf(form) + 1),
      nested(NFTA_SET.DESC, nested(NFTA_SET_DESC_CONCAT, ...lengths))
    ])
  }
}

function deleteSet(set: NamedSet): Message {
  return { ...getElements(set), type: nftType(NFT_MSG.DELSET) }
}

function portionsOf(elements: readonly Bytes[]): (readonly Bytes[])[] {
  return Array.from({ length: Math.ceil(elements.length / ELEMENTS_AT_ONCE) }, (_, at) =>
    elements.slice(at * ELEMENTS_AT_ONCE, (at + 1) * ELEMENTS_AT_ONCE)
  )
}

function elementsByForm(list: string): Map<Form, Bytes[]> {
  const found = new Map<Form, Bytes[]>()
  for (const item of list === '' ? [] : list.split(', ')) {
    const [span = '', protocol = '', ports] = item.split(' ')
    const [first, last] = span.split('-').map(ipToBytes)
    const form = FORMS.find(
      ({ family, hasPorts }) => ADDRESS_BYTES[family] === first?.length && hasPorts === (ports !== undefined)
    )
    if (!first || !last || !form) continue
    const [low, high] = protocol === 'any' ? [0, LAST_PROTOCOL] : [Number(protocol), Number(protocol)]
    const [from, to] = ports?.split('-').map(Number) ?? []
    const elements = found.get(form) ?? []
    elements.push({ key: keyOf(first, low, from), keyEnd: keyOf(last, high, to) })
    found.set(form, elements)
  }
  return found
}

function keyOf(address: Buffer, protocol: number, port: number | undefined): Buffer {
  const words = Buffer.alloc(port === undefined ? WORD : 2 * WORD)
  words.writeUInt8(protocol)
  if (port !== undefined) words.writeUInt16BE(port, WORD)
  return Buffer.concat([address, words])
}

interface Item {
  readonly item: string
  /** Comes before those of other items, byte by byte, if it is as long. */
  readonly order: Buffer
}

function itemOf({ key, keyEnd = key }: Bytes): Item {
  const hasPorts = key.length === 3 * WORD || key.length === ADDRESS_BYTES[6] + 2 * WORD
  const end = key.length - (hasPorts ? 2 : 1) * WORD
  const [low = 0, high = 0] = [key[end], keyEnd[end]]
  const protocol = low === 0 && high === LAST_PROTOCOL ? 'any' : String(low)
  const ports = hasPorts ? [key, keyEnd].map((bytes) => bytes.readUInt16BE(end + WORD)).join('-') : ''
  const span = `${bytesToIp(key.subarray(0, end))}-${bytesToIp(keyEnd.subarray(0, end))}`
  const port = hasPorts ? key.subarray(end + WORD, end + WORD + 2) : Buffer.alloc(2)
  return {
    item: [span, protocol, ...(hasPorts ? [ports] : [])].join(' '),
    order: Buffer.concat([key.subarray(0, end), Buffer.of(low), port])
  }
}
