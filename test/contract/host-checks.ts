/** What the contract of a Host is checked with. */
import { expect } from 'chai'
import type { Host } from '../../src/host/host.js'
import { keyOf } from '../../src/host/objects.js'
import type { HostObject, Op } from '../../src/host/objects.js'

export function opsOf(verb: Op['verb'], objects: readonly HostObject[]): Op[] {
  return objects.map((object) => ({ verb, object }))
}

export async function applied(host: Host, verb: Op['verb'], objects: readonly HostObject[]): Promise<void> {
  const failed = await host.apply(opsOf(verb, objects))
  expect([...failed.values()].map(({ message }) => message)).to.deep.equal([])
}

export async function ours(host: Host): Promise<HostObject[]> {
  return sorted((await host.list()).filter(({ kind }) => kind !== 'sysctl'))
}

/** As it should be read back: a link without the way it was made, sysctls apart. */
export function expected(objects: readonly HostObject[]): HostObject[] {
  return sorted(
    objects
      .filter(({ kind }) => kind !== 'sysctl')
      .map((object) => {
        if ('of' in object) {
          const { of: _of, ...rest } = object
          return rest
        }
        if (object.kind !== 'link') return object
        const { veth: _veth, ...link } = object
        return link
      })
  )
}

function sorted(objects: readonly HostObject[]): HostObject[] {
  return objects.toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)))
}
