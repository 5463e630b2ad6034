import { END_MARK } from '../host/ends.js'
import type { ContainerEnd } from '../host/ends.js'
import type { Endpoint, Sandbox } from '../model/endpoint.js'
import { familyOf } from '../model/ip.js'

/** The container end of an attachment, as the container should have it. */
export function containerEndOf({ id, addresses, mac, mtu }: Endpoint, sandbox: Sandbox): ContainerEnd {
  return {
    name: sandbox.ifName ?? '',
    alias: `${END_MARK} ${id}`,
    mac,
    ...(mtu === undefined ? {} : { mtu }),
    ipv6: addresses.some((prefix) => familyOf(prefix) === 6),
    addresses,
    routes: sandbox.routes ?? []
  }
}
