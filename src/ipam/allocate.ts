import { ConflictError, ExhaustedError, InvalidError } from '../errors.js'
import { contains, familyOf, ipToBigInt, rangeOf, toIp } from '../model/ip.js'
import type { AddressRange, Ip, Prefix } from '../model/ip.js'
import { hasNetworkAddress, specialOf } from '../model/pool.js'
import type { Pool } from '../model/pool.js'

/** What is known about the addresses of a pool. */
export interface Usage {
  readonly isHeld: (address: Ip) => boolean
  readonly wasUsed: (address: Ip) => boolean
  /** Released addresses, longest released first. */
  readonly released: Iterable<Ip>
  /** Addresses below it need not be looked at again for one that was never used. */
  readonly cursor: bigint
}

export interface Choice {
  readonly address: Ip
  readonly cursor: bigint
}

/**
 * The next automatic address: one that was never used, then the one released longest ago, so that an address is not used
 * again while somebody may still remember its former owner. Throws ExhaustedError.
 */
export function chooseAddress(pool: Pool, usage: Usage): Choice {
  const { first, last, family } = usableRange(pool.range ?? pool.prefix, pool.prefix)
  let value = usage.cursor > first ? usage.cursor : first
  for (; value <= last; value++) {
    const address = toIp(value, family)
    if (!usage.wasUsed(address)) return { address, cursor: value + 1n }
  }
  for (const address of usage.released) {
    const candidate = ipToBigInt(address)
    const isUsable = familyOf(address) === family && candidate >= first && candidate <= last
    if (isUsable && !usage.isHeld(address)) return { address, cursor: value }
  }
  throw new ExhaustedError(
    `no address is left in ${pool.range ?? pool.prefix}: all ${String(last - first + 1n)} are in use; ` +
      'remove containers, or create a network with a larger subnet'
  )
}

/** Throws an error that says what is wrong with the address, unless it can be given to a container. */
export function checkAddress(pool: Pool, address: Ip): void {
  if (familyOf(address) !== familyOf(pool.prefix) || !contains(pool.prefix, address)) {
    throw new InvalidError(`address ${address} is outside of the subnet ${pool.prefix}`)
  }
  const special = specialOf(pool.prefix, address)
  if (special) throw new InvalidError(`address ${address} is the ${special} address of ${pool.prefix}`)
}

/** The error for an address that is taken. */
export function inUse(pool: Pool, address: Ip, purpose: 'endpoint' | 'gateway' | 'aux'): ConflictError {
  const owner = {
    endpoint: 'in use by a container',
    gateway: 'the gateway',
    aux: 'taken (by --aux-address, or in a network of another driver)'
  }[purpose]
  return new ConflictError(`address ${address} of subnet ${pool.prefix} is ${owner}`)
}

/** Addresses that may be given out: without network and broadcast address, as far as the range touches them. */
function usableRange(range: Prefix, subnet: Prefix): AddressRange {
  const { first, last, family } = rangeOf(range)
  const whole = rangeOf(subnet)
  if (!hasNetworkAddress(subnet)) return { first, last, family }
  return {
    family,
    first: first === whole.first ? first + 1n : first,
    last: family === 4 && last === whole.last ? last - 1n : last
  }
}
