/** Which endpoints stand in the way of a new one although their containers are gone. Pure. */
import { ConflictError } from '../errors.js'
import { grantedAddresses, hostLinkName } from '../model/endpoint.js'
import type { Endpoint } from '../model/endpoint.js'
import { addressOf } from '../model/ip.js'
import type { Ip } from '../model/ip.js'
import type { Records } from '../store/records.js'
import type { EndpointRequest } from './decide.js'

/**
 * The engine's own bookkeeping gave the address to this request, so another endpoint with it is dead. Of addresses that users
 * gave, the engine knows nothing: there only an endpoint whose link is `lost` is.
 */
export function staleRivals(
  request: EndpointRequest,
  records: Records,
  lost: ReadonlySet<string>
): { readonly endpoint: Endpoint; readonly address: Ip }[] {
  const extra = (request.options?.extraAddresses ?? []).map(addressOf)
  const all = [...request.addresses.map(addressOf), ...extra]
  return all.flatMap((address) =>
    records.endpointsWithAddress(address).flatMap((endpoint) => {
      const isGranted = grantedAddresses(endpoint).some((prefix) => addressOf(prefix) === address)
      const isDead = lost.has(hostLinkName(endpoint.id)) || endpoint.deleted === true
      return isDead || (isGranted && !extra.includes(address)) ? [{ endpoint, address }] : []
    })
  )
}

/** The endpoint that is there already, for the same request again. Throws ConflictError for another one. */
export function sameOrConflict(known: Endpoint, request: EndpointRequest): Endpoint {
  const isSame =
    known.networkId === request.networkId && grantedAddresses(known).join() === request.addresses.join()
  if (isSame && (request.mac === undefined || request.mac === known.mac)) return known
  throw new ConflictError(
    `endpoint ${request.id} exists already with addresses ${known.addresses.join(', ')}`
  )
}
