/** Who may reach an endpoint, and what it may reach, as its host has it. */
import type { Policy } from '../host/policies.js'
import type { Allowed } from '../model/allowed.js'
import { disjoint } from '../model/disjoint.js'
import { hostLinkName } from '../model/endpoint.js'
import type { Endpoint } from '../model/endpoint.js'
import type { Ip } from '../model/ip.js'
import type { PolicyOptions } from '../model/options/policy.js'

/** What is known of the DNS names in lists now. */
export type AddressesOf = (name: string) => readonly Ip[]

/** True if not everything may come to the container and go from it. */
export function isPoliced({ ingress, egress, default: otherwise }: PolicyOptions): boolean {
  return (
    listOf(ingress, denies(otherwise, 'ingress')) !== 'any' ||
    listOf(egress, denies(otherwise, 'egress')) !== 'any'
  )
}

/** The DNS names that an endpoint's lists have. */
export function namesIn({ egress }: PolicyOptions): string[] {
  return egress === undefined || egress === 'any' ? [] : egress.flatMap(({ name }) => name ?? [])
}

/** Nothing where everything is allowed, and for links that other plugins have made. */
export function desiredOfPolicy(endpoint: Endpoint, addressesOf: AddressesOf): Policy[] {
  if (endpoint.delegate || !isPoliced(endpoint)) return []
  const { ingress, egress, default: otherwise } = endpoint
  return [
    {
      kind: 'policy',
      link: hostLinkName(endpoint.id),
      ingress: textOf(listOf(ingress, denies(otherwise, 'ingress')), addressesOf),
      egress: textOf(listOf(egress, denies(otherwise, 'egress')), addressesOf)
    }
  ]
}

function denies(otherwise: PolicyOptions['default'], direction: 'ingress' | 'egress'): boolean {
  return otherwise === 'deny' || otherwise === `deny-${direction}`
}

function listOf(list: PolicyOptions['ingress'], isDenied: boolean): 'any' | readonly Allowed[] {
  return list ?? (isDenied ? [] : 'any')
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
