/** Operators change options of what runs. */
import { endpointNamed, networkNamed } from './admin-names.js'
import type { NameParts } from './admin-names.js'
import { PREFIX } from './cni/networks.js'
import { setEndpointOptions, setNetworkOptions } from './core/option-changes.js'
import type { OptionParts } from './core/option-changes.js'
import { InvalidError, shown } from './errors.js'
import type { Answer } from './http.js'
import type { Network as ModelNetwork } from './model/network.js'
import { parseChanges } from './model/options/options.js'

/** Answers with the ids of the endpoints that it is about. */
export async function setOptions(parts: OptionParts & NameParts, body: unknown): Promise<Answer> {
  const { Network, Endpoint, Options }: Readonly<Record<string, unknown>> =
    typeof body === 'object' && body !== null ? { ...body } : {}
  const given = textsOf(Options)
  if (typeof Network === 'string' && Network !== '') {
    const network = await networkNamed(parts, Network)
    refuseConfigured(network)
    return { body: { Endpoints: await setNetworkOptions(parts, network, parseChanges(given, 'network')) } }
  }
  if (typeof Endpoint === 'string' && Endpoint !== '') {
    const { id } = await endpointNamed(parts, Endpoint, ({ deleted }) => !deleted)
    await setEndpointOptions(parts, id, parseChanges(given, 'endpoint'))
    return { body: { Endpoints: [id] } }
  }
  throw new InvalidError(
    'give --network with a name or an id, or --endpoint with a container, an id or an address: see net-routed status'
  )
}

function refuseConfigured({ id }: ModelNetwork): void {
  if (id.startsWith(PREFIX))
    throw new InvalidError(
      `the options of network ${id} come with every ADD from its configuration: change them there`
    )
}

function textsOf(options: unknown): Record<string, string> {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new InvalidError(`Options: ${shown(options)}: give an object of options and their values`)
  return Object.fromEntries(
    Object.entries(options).map(([key, value]: [string, unknown]) => {
      if (typeof value === 'string') return [key, value]
      throw new InvalidError(`Options.${key}: ${shown(value)} is not a text`)
    })
  )
}
