/** Addresses for an attachment: out of our pools, from another IPAM plugin, or those that it asks for. */
import { InvalidError, RoutedError } from '../errors.js'
import type { Ipam } from '../ipam/ipam.js'
import type { DelegatedPlugin } from '../model/endpoint.js'
import {
  addressOf,
  contains,
  familyOf,
  hostPrefix,
  lengthOf,
  parseIp,
  parsePrefix,
  subnetOf,
  widthOf
} from '../model/ip.js'
import type { Family, Ip, Prefix } from '../model/ip.js'
import { leaseId } from '../model/lease.js'
import type { Network } from '../model/network.js'
import { poolId } from '../model/pool.js'
import type { Records } from '../store/records.js'
import { callDelegate } from './delegate.js'
import { CODE, CniError } from './error.js'
import type { NetConf } from './netconf.js'
import type { ConfiguredNetworks } from './networks.js'
import { parseResult } from './result.js'
import type { Dns } from './result.js'
import type { RunDelegate } from './sessions.js'
import { quietly } from './steps.js'

/** What an attachment was granted. */
export interface Grant {
  readonly network: Network
  /** As the container has them. */
  readonly addresses: readonly Prefix[]
  /** Next hops that another IPAM wants. */
  readonly gateway?: Ip
  readonly gateway6?: Ip
  /** Absent = everything. */
  readonly destinations?: readonly Prefix[]
  readonly subnets: readonly Prefix[]
  readonly dns: Dns
  /** Where the addresses come from, if not from us. */
  readonly ipam?: DelegatedPlugin
  /** Gives the addresses back. Never throws what can be expected: something else has failed already. */
  readonly takeBack: () => Promise<void>
}

/** An ADD, as far as it matters here. */
export interface Asked {
  readonly conf: NetConf
  readonly input: string
  readonly run: RunDelegate
}

interface Parts {
  readonly records: Records
  readonly ipam: Ipam
  readonly configured: ConfiguredNetworks
}

/** Makes the network where it is missing, and chooses addresses. */
export function grantFor(parts: Parts, asked: Asked): Promise<Grant> {
  const { ipam } = asked.conf
  return ipam.kind === 'own'
    ? grantOwn(parts, asked.conf)
    : grantDelegated(parts, { type: ipam.type, input: asked.input }, asked)
}

/** Gives back what came out of our pools; what did not is no error. Tries all, and throws the last error. */
export async function releaseOwn(
  { ipam, records }: Pick<Parts, 'ipam' | 'records'>,
  addresses: readonly Prefix[]
): Promise<void> {
  let failure: RoutedError | undefined
  for (const address of addresses.map(addressOf)) {
    const lease = records.get('lease', leaseId('local', address))
    if (lease?.purpose !== 'endpoint') continue
    try {
      await ipam.releaseAddress(lease.poolId, address)
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      failure = error
    }
  }
  if (failure) throw failure
}

/**
 * Out of the network's pools: the addresses that were asked for, and one of each pool that nobody asked for one of. Where the
 * network has no pools, just those that were asked for.
 */
async function grantOwn(parts: Parts, conf: NetConf): Promise<Grant> {
  const isBare = conf.ipam.kind === 'own' && conf.ipam.subnets.length === 0
  const network = await parts.configured.ensure(conf, isBare ? familiesOf(conf.ips) : [])
  const subnets = ownSubnets(conf, network)
  const stray = conf.ips.find(
    (address) => subnets.length > 0 && !subnets.some((prefix) => contains(prefix, address))
  )
  if (stray !== undefined)
    throw new InvalidError(`ips: ${stray} is in none of the subnets of the network: ${subnets.join(', ')}`)
  const wishes = subnets.flatMap((prefix) => {
    const asked = conf.ips.filter((address) => contains(prefix, address))
    return asked.length > 0 ? asked.map((address) => ({ prefix, address })) : [{ prefix }]
  })
  const addresses = subnets.length === 0 ? conf.ips.map(hostPrefix) : await request(parts, wishes)
  return {
    network,
    addresses,
    subnets,
    dns: conf.dns,
    ...(conf.destinations ? { destinations: conf.destinations } : {}),
    takeBack: () => quietly(() => releaseOwn(parts, addresses))
  }
}

/** All or none. */
async function request(parts: Parts, wishes: readonly { prefix: Prefix; address?: Ip }[]): Promise<Prefix[]> {
  const granted: Prefix[] = []
  try {
    for (const { prefix, ...wish } of wishes)
      granted.push(
        await parts.ipam.requestAddress({ poolId: poolId('local', prefix), purpose: 'endpoint', ...wish })
      )
    return granted
  } catch (error) {
    await quietly(() => releaseOwn(parts, granted))
    throw error
  }
}

async function grantDelegated(parts: Parts, ipam: DelegatedPlugin, { conf, run }: Asked): Promise<Grant> {
  const takeBack = (): Promise<void> => quietly(() => callDelegate(run, { ...ipam, command: 'DEL' }))
  try {
    const answer = await callDelegate(run, { ...ipam, command: 'ADD' })
    const granted = granting(answer, ipam.type)
    const network = await parts.configured.ensure(conf, familiesOf(granted.addresses.map(addressOf)))
    const dns = Object.keys(conf.dns).length > 0 ? conf.dns : granted.dns
    return { ...granted, network, dns, ipam, takeBack }
  } catch (error) {
    await takeBack()
    throw error
  }
}

/** What the delegate's answer means for a container whose only neighbour is the host. */
function granting(answer: unknown, type: string): Omit<Grant, 'network' | 'takeBack'> {
  const field = `the answer of ${type}`
  const { ips, routes, dns } = parseResult(answer ?? {}, field)
  if (ips.length === 0) throw new CniError(CODE.delegate, `${field} has no address`)
  const prefixes = ips.map(({ address }) => parsePrefix(address, `${field}: ips.address`))
  const gateways = ips.flatMap(({ gateway }) => (gateway ? [parseIp(gateway, `${field}: ips.gateway`)] : []))
  const gateway = gateways.find((candidate) => familyOf(candidate) === 4)
  const gateway6 = gateways.find((candidate) => familyOf(candidate) === 6)
  const destinations = routes.map(({ dst }) => subnetOf(parsePrefix(dst, `${field}: routes.dst`)))
  return {
    addresses: prefixes.map(addressOf).map(hostPrefix),
    subnets: prefixes.filter((prefix) => lengthOf(prefix) < widthOf(familyOf(prefix))).map(subnetOf),
    dns,
    ...(gateway === undefined ? {} : { gateway }),
    ...(gateway6 === undefined ? {} : { gateway6 }),
    ...(destinations.length > 0 ? { destinations } : {})
  }
}

function familiesOf(addresses: readonly Ip[]): Family[] {
  return [...new Set(addresses.map(familyOf))]
}

function ownSubnets({ ipam }: NetConf, network: Network): readonly Prefix[] {
  if (ipam.kind === 'own' && ipam.subnets.length > 0) return ipam.subnets.map(({ prefix }) => prefix)
  return network.subnets.map(({ prefix }) => prefix).filter((prefix) => lengthOf(prefix) > 0)
}
