/** What routing daemons should announce as the worst choice: a line for each address, or one for a subnet that is drained as a whole. */
import type { Endpoint } from '../../model/endpoint.js'
import { addressOf, contains, hostPrefix, lengthOf } from '../../model/ip.js'
import type { Prefix } from '../../model/ip.js'
import type { Network } from '../../model/network.js'

/**
 * Single addresses, and subnets that stand for all addresses in them. Also what is withdrawn already: if its line went, and FRR
 * heard of that before it hears of the withdrawal, it would announce the address as ever for a moment.
 */
export function drainedPrefixes(endpoints: readonly Endpoint[], networks: readonly Network[]): Prefix[] {
  const joined = endpoints.filter(({ sandbox, deleted }) => sandbox !== undefined && !deleted)
  const drained = joined.filter(({ drain }) => drain !== undefined).flatMap(addressesOf)
  if (drained.length === 0) return []
  const others = joined.filter(({ drain }) => drain === undefined).flatMap(addressesOf)
  const within = (subnet: Prefix, all: readonly Prefix[]): Prefix[] =>
    all.filter((prefix) => contains(subnet, addressOf(prefix)))
  const whole = networks
    .flatMap(({ subnets }) => subnets.map(({ prefix }) => prefix))
    .filter((subnet) => lengthOf(subnet) > 0 && within(subnet, drained).length > 1)
    .filter((subnet) => within(subnet, others).length === 0)
  const covered = new Set(whole.flatMap((subnet) => within(subnet, drained)))
  return [...new Set([...whole, ...drained.filter((prefix) => !covered.has(prefix))])]
}

function addressesOf({ addresses }: Endpoint): Prefix[] {
  return addresses.map((prefix) => hostPrefix(addressOf(prefix)))
}
