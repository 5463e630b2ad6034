/**
 * What routing daemons should announce as the worst choice. A line for each address would be exact, but FRR takes up to 50 ms for
 * each line of a list when it announces thousands of routes; so addresses stand together wherever nothing else is between them.
 */
import type { Endpoint } from '../../model/endpoint.js'
import {
  addressOf,
  familyOf,
  hostPrefix,
  ipToBigInt,
  lengthOf,
  rangeOf,
  toIp,
  widthOf,
  withLength
} from '../../model/ip.js'
import type { Family, Prefix } from '../../model/ip.js'
import type { Network } from '../../model/network.js'

/**
 * Single addresses, and prefixes that stand for all addresses in them. Also what is withdrawn already: if its line went, and FRR
 * heard of that before it hears of the withdrawal, it would announce the address as ever for a moment.
 */
export function drainedPrefixes(endpoints: readonly Endpoint[], networks: readonly Network[]): Prefix[] {
  const joined = endpoints.filter(({ sandbox, deleted }) => sandbox !== undefined && !deleted)
  const drained = joined.filter(({ drain }) => drain !== undefined)
  if (drained.length === 0) return []
  const all = addressesOf(drained)
  const others = addressesOf(joined.filter(({ drain }) => drain === undefined))
  const subnets = networks
    .flatMap((network) => network.subnets.map(({ prefix }) => prefix))
    .filter((subnet) => lengthOf(subnet) > 0)
  const families = ([4, 6] as const).map((family) => {
    const [mine, theirs] = [all, others].map((addresses) => numbersOf(addresses, family))
    return { family, mine: mine ?? [], theirs: theirs ?? [] }
  })
  const covering = families.flatMap(({ family, mine, theirs }) => {
    const own = subnets.filter((subnet) => familyOf(subnet) === family)
    const within = own.flatMap((subnet) => cover(blockOf(subnet), { mine, theirs }))
    const outside = own.reduce((left, subnet) => withoutThoseIn(left, blockOf(subnet)), mine)
    return [...within.map(prefixOf), ...outside.map((value) => hostPrefix(toIp(value, family)))]
  })
  return [...new Set(covering)]
}

/** Addresses that begin with the same bits. */
interface Block {
  readonly family: Family
  readonly first: bigint
  readonly length: number
}

/** Sorted. */
type Numbers = readonly bigint[]

/** The fewest blocks within one that have all of `mine` in it and none of `theirs`; a single address stands for itself. */
function cover(
  block: Block,
  { mine, theirs }: { readonly mine: Numbers; readonly theirs: Numbers }
): Block[] {
  const inside = within(mine, block)
  const [only] = inside
  if (only === undefined) return []
  const width = widthOf(block.family)
  if (inside.length === 1) return [{ ...block, first: only, length: width }]
  const rivals = within(theirs, block)
  if (rivals.length === 0 || block.length === width) return [block]
  const length = block.length + 1
  const half = 1n << BigInt(width - length)
  return [block.first, block.first + half].flatMap((first) =>
    cover({ ...block, first, length }, { mine: inside, theirs: rivals })
  )
}

function within(numbers: Numbers, block: Block): Numbers {
  return numbers.slice(positionOf(numbers, block.first), positionOf(numbers, endOf(block)))
}

function withoutThoseIn(numbers: Numbers, block: Block): Numbers {
  const [begin, end] = [positionOf(numbers, block.first), positionOf(numbers, endOf(block))]
  return [...numbers.slice(0, begin), ...numbers.slice(end)]
}

/** How many are smaller. */
function positionOf(numbers: Numbers, value: bigint): number {
  let [low, high] = [0, numbers.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[middle] ?? value) < value) low = middle + 1
    else high = middle
  }
  return low
}

function endOf({ family, first, length }: Block): bigint {
  return first + (1n << BigInt(widthOf(family) - length))
}

function blockOf(subnet: Prefix): Block {
  const { family, first } = rangeOf(subnet)
  return { family, first, length: lengthOf(subnet) }
}

function prefixOf({ family, first, length }: Block): Prefix {
  return withLength(toIp(first, family), length)
}

function addressesOf(endpoints: readonly Endpoint[]): Prefix[] {
  return endpoints.flatMap(({ addresses }) => addresses)
}

function numbersOf(addresses: readonly Prefix[], family: Family): Numbers {
  const own = addresses.filter((prefix) => familyOf(prefix) === family)
  const numbers = new Set(own.map((prefix) => ipToBigInt(addressOf(prefix))))
  return [...numbers].sort((a, b) => (a < b ? -1 : 1))
}
