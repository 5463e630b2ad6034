/** What others are told of an endpoint's addresses, as changes of its record. Pure. */
import type { Endpoint } from '../../model/endpoint.js'
import type { Ip } from '../../model/ip.js'

/** It gives the address up to another host that has it, too. The same for one without container. */
export function yielding(address: Ip): (endpoint: Endpoint) => Endpoint {
  return (endpoint) => {
    const { yielded = [] } = endpoint
    return !endpoint.sandbox || yielded.includes(address)
      ? endpoint
      : { ...endpoint, yielded: [...yielded, address] }
  }
}

/** It has the address alone again. */
export function returning(address: Ip): (endpoint: Endpoint) => Endpoint {
  return (endpoint) => {
    const { yielded = [], ...rest } = endpoint
    const left = yielded.filter((one) => one !== address)
    if (left.length === yielded.length) return endpoint
    return { ...rest, ...(left.length > 0 ? { yielded: left } : {}) }
  }
}

/** Others are told of the address by itself from now on, not by a block. */
export function uncovering(address: Ip): (endpoint: Endpoint) => Endpoint {
  return (endpoint) => {
    const { covered = [], ...rest } = endpoint
    const left = covered.filter((one) => one !== address)
    if (left.length === covered.length) return endpoint
    return { ...rest, ...(left.length > 0 ? { covered: left } : {}) }
  }
}
