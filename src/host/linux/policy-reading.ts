/** Policies as they are in the kernel: lists by name, links by direction, counters. */
import type { Counts, Policy, PolicyCounts, Traffic } from '../policies.js'
import {
  NFTA_COUNTER_BYTES,
  NFTA_COUNTER_PACKETS,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_EXPR,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_EXPR,
  NFTA_SET_ELEM_KEY,
  NFTA_VERDICT
} from './constants.js'
import type { Kernel } from './kernel.js'
import { findNested, findText } from './messages.js'
import { decodeBytes, decodeName, elementsIn, getElements } from './nftables.js'
import type { NamedSet } from './nftables.js'
import { commentsOf, listName, listOfName, listText, setsOf } from './policy-lists.js'
import { DIRECTIONS, POLICY_SETS, POLICY_SKELETON, POLICY_TABLE } from './policy-table.js'
import type { Direction } from './policy-table.js'
import { isIntact, readTable } from './tables.js'
import type { TableState } from './tables.js'

/** No list looks like this: another one will be put in its place. */
export const ALTERED = 'altered'
/** What somebody else may have put into our sets under another name could not be told to nft. */
const LINK_NAME = /^nr-[\w.-]+$/
const NO_TRAFFIC: Traffic = { packets: 0, bytes: 0 }

/** A list as it is: which of its parts are there, and whether it is just as its name says. */
export interface FoundList {
  readonly hasChain: boolean
  readonly sets: ReadonlySet<string>
  readonly intact: boolean
}

/** What a list allows, and the comments of its rules, which are work to make. */
export interface KnownList {
  readonly text: string
  readonly comments: string
}

/** What is known of one link: for each direction, the name of its list, '' if nothing is allowed; absent = everything. */
export type LinkLists = Readonly<Partial<Record<Direction, string>>>

export interface FoundPolicies {
  /** The table without lists and links; absent = not there. */
  readonly intact?: boolean
  readonly lists: ReadonlyMap<string, FoundList>
  readonly links: ReadonlyMap<string, LinkLists>
  readonly policies: readonly Policy[]
  /** Lists by name, if they are as we made them. */
  readonly known: ReadonlyMap<string, KnownList>
}

type Reader = Pick<Kernel, 'filter' | 'filterDumps'>

/** Reads everything. `before`: lists of which nothing can have changed since they were read; each is a message less. */
export async function readPolicies(
  kernel: Reader,
  before: ReadonlyMap<string, KnownList> = new Map()
): Promise<FoundPolicies> {
  const state = await readTable(POLICY_TABLE, kernel)
  if (!state) return { lists: new Map(), links: new Map(), policies: [], known: new Map() }
  const { lists, known } = await readLists(state, kernel, before)
  const links = new Map<string, LinkLists>()
  const found = new Map<string, Policy>()
  for (const direction of DIRECTIONS) {
    for (const [link, { name, text }] of await readLinks(direction, known, kernel)) {
      links.set(link, { ...links.get(link), ...(name === undefined ? {} : { [direction]: name }) })
      const open = { kind: 'policy', link, ingress: 'any', egress: 'any' } as const
      found.set(link, { ...open, ...found.get(link), [direction]: text })
    }
  }
  return {
    intact: isIntact(POLICY_SKELETON, withoutLists(state)),
    lists,
    links,
    policies: [...found.values()],
    known
  }
}

/** Counters by link. */
export async function readCounts({ filterDumps }: Reader): Promise<ReadonlyMap<string, PolicyCounts>> {
  const read = async (direction: Direction): Promise<ReadonlyMap<string, Counts>> => {
    const of = async (set: NamedSet): Promise<Map<string, Traffic>> =>
      new Map((await filterDumps.dump(getElements(set), decodeCounts)).flat())
    const all = await of(POLICY_SETS[direction].restricted)
    const refused = await of(POLICY_SETS[direction].refused)
    return new Map(Array.from(all, ([link, sum]) => [link, countsOf(sum, refused.get(link))]))
  }
  const [ingress, egress] = [await read('ingress'), await read('egress')]
  const nothing: Counts = { accepted: NO_TRAFFIC, denied: NO_TRAFFIC }
  return new Map(
    [...new Set([...ingress.keys(), ...egress.keys()])].map((link) => [
      link,
      { ingress: ingress.get(link) ?? nothing, egress: egress.get(link) ?? nothing }
    ])
  )
}

/** Refused ones are counted later than all, so between the two readings there may be more of them. */
function countsOf(all: Traffic, denied: Traffic = NO_TRAFFIC): Counts {
  const accepted = {
    packets: Math.max(0, all.packets - denied.packets),
    bytes: Math.max(0, all.bytes - denied.bytes)
  }
  return { accepted, denied }
}

function withoutLists({ flags, sets, chains }: TableState): TableState {
  const isOfTable = ([name]: readonly [string, unknown]): boolean => listOfName(name) === undefined
  return { flags, sets: new Map([...sets].filter(isOfTable)), chains: new Map([...chains].filter(isOfTable)) }
}

/** All lists, and those that are as we made them. */
async function readLists(
  { sets, chains }: TableState,
  { filterDumps }: Reader,
  before: ReadonlyMap<string, KnownList>
): Promise<{ lists: Map<string, FoundList>; known: Map<string, KnownList> }> {
  const names = new Set([...sets.keys(), ...chains.keys()].flatMap((name) => listOfName(name) ?? []))
  const lists = new Map<string, FoundList>()
  const known = new Map<string, KnownList>()
  for (const name of names) {
    const own = setsOf(name).filter((set) => sets.has(set.name))
    const list = before.get(name) ?? (await readList(name, own, filterDumps))
    const intact = list !== undefined && chains.get(name)?.comments.join() === list.comments
    lists.set(name, { hasChain: chains.has(name), sets: new Set(own.map((set) => set.name)), intact })
    if (intact) known.set(name, list)
  }
  return { lists, known }
}

/** Undefined if its sets do not have what its name says. */
async function readList(
  name: string,
  sets: readonly NamedSet[],
  dumps: Reader['filterDumps']
): Promise<KnownList | undefined> {
  const elements = []
  for (const set of sets) elements.push(...(await dumps.dump(getElements(set), decodeBytes)).flat())
  const text = listText(elements)
  const direction = name.startsWith('ingress') ? 'ingress' : 'egress'
  if (listName(direction, text) !== name) return undefined
  return { text, comments: commentsOf(direction, name, new Set(sets.map((set) => set.name))).join() }
}

interface FoundLink {
  /** As in `LinkLists`. */
  readonly name: string | undefined
  readonly text: string
}

async function readLinks(
  direction: Direction,
  known: ReadonlyMap<string, KnownList>,
  { filterDumps }: Reader
): Promise<Map<string, FoundLink>> {
  const linksIn = async (set: NamedSet): Promise<Map<string, string>> =>
    new Map((await filterDumps.dump(getElements(set), decodeLinks)).flat())
  const { restricted, refused, lists } = POLICY_SETS[direction]
  const [closed, counted, led] = [await linksIn(restricted), await linksIn(refused), await linksIn(lists)]
  const found = new Map<string, FoundLink>()
  for (const link of new Set([...closed.keys(), ...counted.keys(), ...led.keys()])) {
    const name = led.get(link)
    const isWhole = closed.has(link) && counted.has(link)
    const text = name === undefined ? '' : known.get(name)?.text
    found.set(link, { name: name ?? '', text: (isWhole ? text : undefined) ?? ALTERED })
  }
  return found
}

/** Names of links, and of the chains that they lead to. */
function decodeLinks(body: Buffer): (readonly [string, string])[] {
  return elementsIn(body).flatMap((element) => {
    const key = findNested(element, 0, NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE)
    const data = findNested(element, 0, NFTA_SET_ELEM_DATA, NFTA_DATA_VERDICT)
    const link = key && decodeName(key)
    if (link === undefined || !LINK_NAME.test(link)) return []
    return [[link, (data && findText(data, 0, NFTA_VERDICT.CHAIN)) ?? ''] as const]
  })
}

function decodeCounts(body: Buffer): (readonly [string, Traffic])[] {
  return elementsIn(body).flatMap((element) => {
    const key = findNested(element, 0, NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE)
    const counter = findNested(element, 0, NFTA_SET_ELEM_EXPR, NFTA_EXPR.DATA)
    if (!key || !counter) return []
    const numberAt = (type: number): number => Number(findNested(counter, 0, type)?.readBigUInt64BE(0) ?? 0n)
    const traffic = { packets: numberAt(NFTA_COUNTER_PACKETS), bytes: numberAt(NFTA_COUNTER_BYTES) }
    return [[decodeName(key), traffic] as const]
  })
}
