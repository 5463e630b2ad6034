/** Who may reach an endpoint, and what it may reach, as its host has it. */
import type { Policy } from '../host/policies.js'
import type { Allowed } from '../model/allowed.js'
import { disjoint } from '../model/disjoint.js'
import { hostLinkName } from '../model/endpoint.js'
import type { Endpoint } from '../model/endpoint.js'
import type { Ip } from '../model/ip.js'
import { isPoliced, listOf } from '../model/options/policy.js'
import type { PolicyOptions } from '../model/options/policy.js'

/** What is known of the DNS names in lists now. */
export type AddressesOf = (name: string) => readonly Ip[]

/** The DNS names that an endpoint's lists have. */
export function namesIn({ egress }: PolicyOptions): string[] {
  return egress === undefined || egress === 'any' ? [] : egress.flatMap(({ name }) => name ?? [])
}

/** Nothing where everything is allowed, and for links that other plugins have made. */
export function desiredOfPolicy(endpoint: Endpoint, addressesOf: AddressesOf): Policy[] {
  if (endpoint.delegate || !isPoliced(endpoint)) return []
  return [
    {
      kind: 'policy',
      link: hostLinkName(endpoint.id),
      ingress: textOf(listOf(endpoint, 'ingress'), addressesOf),
      egress: textOf(listOf(endpoint, 'egress'), addressesOf)
    }
  ]
}

/** `10.0.0.0-10.255.255.255 any, 10.1.0.2-10.1.0.2 6 443-443`: see `Policy`. */
function textOf(list: 'any' | readonly Allowed[], addressesOf: AddressesOf): string {
  if (list === 'any') return list
  return disjoint(list, addressesOf)
    .map(({ first, last, protocol, ports }) => {
      const service = [protocol ?? 'any', ...(ports ? [ports.join('-')] : [])].join(' ')
      return `${first}-${last} ${service}`
    })
    .join(', ')
}
