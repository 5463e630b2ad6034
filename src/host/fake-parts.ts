/** How a fake namespace shows and changes what is in it. Pure. */
import type { ContainerEnd, EndAddition } from './ends.js'
import type { HostObject, Kind } from './objects.js'

/** What is an element of which table. */
export const TABLE_OF: ReadonlyMap<Kind, string> = new Map([
  ['source', 'guard'],
  ['port', 'publisher'],
  ['exclusion', 'publisher'],
  ['hairpin', 'publisher'],
  ['policy', 'policer']
])

/** A link is read back without the way it was made. */
export function listed(object: HostObject): HostObject {
  if ('of' in object) {
    const { of: _of, ...rest } = object
    return rest
  }
  if (object.kind !== 'link') return object
  const { veth: _veth, ...link } = object
  return link
}

/** The end with what was added to it; what was there stays. */
export function extended(
  end: ContainerEnd,
  { addresses, routes, sysctls }: EndAddition
): Pick<ContainerEnd, 'ipv6' | 'addresses' | 'routes'> {
  return {
    ipv6: end.ipv6 || sysctls['net.ipv6.conf.IFNAME.disable_ipv6'] === '0',
    addresses: [...new Set([...end.addresses, ...addresses])],
    routes: [...end.routes, ...routes.filter(({ dst }) => !end.routes.some((own) => own.dst === dst))]
  }
}

/** Most settings are signed numbers of 32 bits: the kernel takes no larger ones. `refused`: the first of them. */
export function settable(sysctls: EndAddition['sysctls']): {
  taken: Record<string, string>
  refused: string | undefined
} {
  const all = Object.entries(sysctls)
  const isLarge = ([, value]: readonly [string, string]): boolean => Number(value) > 2 ** 31 - 1
  return { taken: Object.fromEntries(all.filter((one) => !isLarge(one))), refused: all.find(isLarge)?.[0] }
}
