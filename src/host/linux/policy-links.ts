/** How links are led to the lists of their policies. */
import type { Policy } from '../policies.js'
import type { Message } from './messages.js'
import { changeBytes, nameBytes } from './nftables.js'
import { jumpTo } from './nftables-rules.js'
import { listName } from './policy-lists.js'
import type { LinkLists } from './policy-reading.js'
import { DIRECTIONS, POLICY_SETS, POLICY_TABLE } from './policy-table.js'
import type { Direction } from './policy-table.js'
import { nameOf } from './tables.js'

/** The names of the lists of a policy: '' where nothing is allowed, none where everything is. */
export function listsOf(policy: Policy): LinkLists {
  const named = DIRECTIONS.flatMap((direction) => {
    const list = policy[direction]
    if (list === 'any') return []
    return [[direction, list === '' ? '' : listName(direction, list)]]
  })
  return Object.fromEntries(named) as LinkLists
}

/** Leads a link from its lists to others. */
export function switchMessages(link: string, before: LinkLists, after: LinkLists): Message[] {
  return DIRECTIONS.flatMap((direction) => switchOne(direction, link, before[direction], after[direction]))
}

/** For nft: until their lists are there, nothing is allowed where policies do not allow everything. */
export function closedText(policies: readonly Policy[]): string {
  const lines = DIRECTIONS.flatMap((direction) => {
    const links = new Set(policies.filter((policy) => policy[direction] !== 'any').map(({ link }) => link))
    if (links.size === 0) return []
    const names = Array.from(links, (link) => `"${link}"`).join(', ')
    const { restricted, refused } = POLICY_SETS[direction]
    return [restricted, refused].map(
      ({ name }) => `add element ${nameOf(POLICY_TABLE)} ${name} { ${names} }\n`
    )
  })
  return lines.join('')
}

function switchOne(
  direction: Direction,
  link: string,
  before: string | undefined,
  after: string | undefined
): Message[] {
  const { restricted, refused, lists } = POLICY_SETS[direction]
  const element = { key: nameBytes(link) }
  const listed = (name: string): Message[] =>
    name === '' ? [] : [changeBytes('add', lists, { ...element, verdict: jumpTo(name) })]
  const close = [restricted, refused].map((set) => changeBytes('add', set, element))
  const leave = before === undefined || before === '' ? [] : [changeBytes('delete', lists, element)]
  if (after !== undefined) return [...close, ...(before === after ? [] : leave), ...listed(after)]
  if (before === undefined) return []
  // One of the two may be missing already; what has just been added is there.
  return [...close, ...leave, ...[restricted, refused].map((set) => changeBytes('delete', set, element))]
}
