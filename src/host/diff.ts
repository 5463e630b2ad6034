import { KINDS, keyOf, linkOf, satisfies } from './objects.js'
import type { HostObject, Kind, Op } from './objects.js'

export interface Difference {
  /** Adds and replaces in the order of KINDS, then deletes in the opposite order. */
  readonly ops: readonly Op[]
  /** Names of links that should be there, are not, and cannot be made again. What lives on them is left out of `ops`. */
  readonly lost: readonly string[]
  /** Left out of `ops` until the link of this name runs. */
  readonly waiting: readonly { readonly key: string; readonly link: string }[]
}

/** What must be done to get from `actual` to `desired`, both by key. `links`: as they are now. */
export function diff(
  desired: ReadonlyMap<string, HostObject>,
  actual: ReadonlyMap<string, HostObject>,
  links: { readonly exists: (name: string) => boolean; readonly runs: (name: string) => boolean }
): Difference {
  const coming = new Set<string>()
  const lost: string[] = []
  for (const object of desired.values()) {
    if (object.kind !== 'link' || links.exists(object.name)) continue
    if (object.veth) coming.add(object.name)
    else lost.push(object.name)
  }
  const possible = (object: HostObject): boolean => {
    const link = neededLink(object)
    return link === undefined || coming.has(link) || links.exists(link)
  }
  const isUnwanted = (key: string): boolean => {
    const object = desired.get(key)
    return object === undefined || ('of' in object && !possible(object))
  }
  const changes: Op[] = []
  const waiting: { key: string; link: string }[] = []
  for (const [key, object] of desired) {
    const verb = changeOf(object, actual.get(key))
    if (!verb || !possible(object)) continue
    const link = object.kind === 'announcement' ? object.of : undefined
    if (link !== undefined && !links.runs(link)) waiting.push({ key, link })
    else changes.push({ verb, object })
  }
  const deletes: Op[] = []
  for (const [key, object] of actual)
    if (isUnwanted(key) && object.kind !== 'sysctl') deletes.push({ verb: 'delete', object })
  return { ops: [...changes.sort(byKind), ...deletes.sort((a, b) => byKind(b, a))], lost, waiting }
}

/** True if nothing has to be done, as far as one can see without all others. */
export function isDone(
  desired: HostObject,
  actual: HostObject | undefined,
  exists: (link: string) => boolean
): boolean {
  if (changeOf(desired, actual) !== undefined) return false
  const link = 'of' in desired ? neededLink(desired) : undefined
  return link === undefined || exists(link)
}

/** Objects by their key. */
export function byKey(objects: Iterable<HostObject>): Map<string, HostObject> {
  return new Map(Array.from(objects, (object) => [keyOf(object), object]))
}

function neededLink(object: HostObject): string | undefined {
  if (object.kind === 'link') return object.name
  return 'of' in object ? object.of : linkOf(object)
}

function changeOf(desired: HostObject, actual: HostObject | undefined): 'add' | 'replace' | undefined {
  if (!actual) return 'add'
  return satisfies(desired, actual) ? undefined : 'replace'
}

const RANKS: ReadonlyMap<Kind, number> = new Map(KINDS.map((kind, rank) => [kind, rank]))

function byKind(a: Op, b: Op): number {
  return (RANKS.get(a.object.kind) ?? 0) - (RANKS.get(b.object.kind) ?? 0)
}
