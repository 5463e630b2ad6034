/**
 * Options of what runs are changed: an endpoint's own, or those of a network, which its endpoints have unless they chose
 * themselves. All of it, or nothing.
 */
import type { Endpoint } from '../model/endpoint.js'
import type { Network } from '../model/network.js'
import type { NetworkOptions, OptionChanges } from '../model/options/option.js'
import { OPTION_FIELDS, defaultsOf, withFields } from '../model/options/options.js'
import type { Records } from '../store/records.js'
import type { Endpoints } from './endpoints.js'
import type { Networks } from './networks.js'

export interface OptionParts {
  readonly records: Records
  readonly networks: Networks
  readonly endpoints: Endpoints
}

/** Values by field; undefined = without the field. */
type Fields = Readonly<Partial<Record<keyof NetworkOptions, unknown>>>

const MESSAGE = 'endpoint has other options'
/** Endpoints that are changed side by side: they share a pass over the kernel. */
const AT_ONCE = 64

/** What is unset is as the network says. Throws KernelError when it is as before. */
export function setEndpointOptions(parts: OptionParts, id: string, changes: OptionChanges): Promise<void> {
  return parts.endpoints.change(id, MESSAGE, (endpoint) => {
    const ofNetwork = parts.records.get('network', endpoint.networkId) ?? {}
    const { set, unset } = changes
    const left = (endpoint.chosen ?? []).filter((field) => !unset.some((name) => name === field))
    const chosen = [...new Set([...left, ...Object.keys(set)])]
    const { chosen: _chosen, ...rest } = withFields(endpoint, {
      ...pick(defaultsOf(ofNetwork), unset),
      ...set
    })
    return { ...rest, ...(chosen.length > 0 ? { chosen } : {}) }
  })
}

/** Returns the ids of the network's endpoints. Throws KernelError when network and endpoints are as before. */
export async function setNetworkOptions(
  parts: OptionParts,
  network: Network,
  { set, unset }: OptionChanges
): Promise<string[]> {
  const fields = [...unset, ...(Object.keys(set) as (keyof NetworkOptions)[])]
  try {
    return await apply(parts, network.id, { ...pick({}, unset), ...set })
  } catch (error) {
    await apply(parts, network.id, pick(network, fields))
    throw error
  }
}

async function apply(
  { records, networks, endpoints }: OptionParts,
  id: string,
  fields: Fields
): Promise<string[]> {
  await networks.setOptions(id, fields)
  const ids = records.endpointsOfNetwork(id).map((endpoint) => endpoint.id)
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const changes = ids
      .slice(at, at + AT_ONCE)
      .map((one) => endpoints.change(one, MESSAGE, (endpoint) => inherit(endpoint, fields)))
    const results = await Promise.allSettled(changes)
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }
  return ids
}

/** Only what endpoints can have, and did not choose. */
function inherit(endpoint: Endpoint, fields: Fields): Endpoint {
  const names = Object.keys(fields) as (keyof NetworkOptions)[]
  const own = new Set(endpoint.chosen)
  const inherited = names.filter((name) => Object.hasOwn(OPTION_FIELDS, name) && !own.has(name))
  return withFields(endpoint, pick(fields, inherited))
}

function pick(fields: Fields, names: readonly (keyof NetworkOptions)[]): Fields {
  return Object.fromEntries(names.map((name) => [name, fields[name]]))
}
