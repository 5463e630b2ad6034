import { KINDS, keyOf, linkOf, satisfies } from './objects.js'
import type { HostObject, Op } from './objects.js'

export interface Difference {
  /** Adds and replaces in the order of KINDS, then deletes in the opposite order. */
  readonly ops: readonly Op[]
  /** Names of links that should be there, are not, and cannot be made again. What lives on them is left out of `ops`. */
  readonly lost: readonly string[]
}

/** What must be done to get from `actual` to `desired`, both by key. `hasLink` says whether a link exists now. */
export function diff(
  desired: ReadonlyMap<string, HostObject>,
  actual: ReadonlyMap<string, HostObject>,
  hasLink: (name: string) => boolean
): Difference {
  const coming = new Set<string>()
  const lost: string[] = []
  for (const object of desired.values()) {
    if (object.kind !== 'link' || hasLink(object.name)) continue
    if (object.veth) coming.add(object.name)
    else lost.push(object.name)
  }
  const possible = (object: HostObject): boolean => {
    const link = neededLink(object)
    return link === undefined || coming.has(link) || hasLink(link)
  }
  const isUnwanted = (key: string): boolean => {
    const object = desired.get(key)
    return object === undefined || ('of' in object && !possible(object))
  }
  const changes = [...desired].flatMap(([key, object]) =>
    possible(object) ? change(object, actual.get(key)) : []
  )
  const deletes = [...actual].flatMap(([key, object]): Op[] =>
    isUnwanted(key) && object.kind !== 'sysctl' ? [{ verb: 'delete', object }] : []
  )
  return { ops: [...changes.sort(byKind), ...deletes.sort((a, b) => byKind(b, a))], lost }
}

/** Objects by their key. */
export function byKey(objects: Iterable<HostObject>): Map<string, HostObject> {
  return new Map(Array.from(objects, (object) => [keyOf(object), object]))
}

function neededLink(object: HostObject): string | undefined {
  if (object.kind === 'link') return object.name
  return 'of' in object ? object.of : linkOf(object)
}

function change(desired: HostObject, actual: HostObject | undefined): Op[] {
  if (!actual) return [{ verb: 'add', object: desired }]
  return satisfies(desired, actual) ? [] : [{ verb: 'replace', object: desired }]
}

function byKind(a: Op, b: Op): number {
  return KINDS.indexOf(a.object.kind) - KINDS.indexOf(b.object.kind)
}
