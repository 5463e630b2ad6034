/**
 * Kernel events told once more, for listeners that lost them: a routing daemon, when thousands of routes change at once. What
 * is there is replaced by its like; what is not there is made and ends at once.
 */
import { keyOf, linkOf } from './objects.js'
import type { HostObject, Op, Route } from './objects.js'
import type { Objects } from './reconciler.js'

/** A route that somebody takes to be there, over a link, or a blackhole. */
export type EndedRoute = Pick<Route, 'dst' | 'metric'> & { readonly link?: string }

/** For objects that are there and should be. */
export function tellAgain(missed: readonly HostObject[], desired: Objects, actual: Objects): Op[] {
  const links = new Set(missed.flatMap((object) => linkOf(object) ?? []))
  const routes = missed.flatMap((object): Op[] => {
    const key = keyOf(object)
    const present = actual.get(key)
    if (!present || !desired.has(key)) return []
    // An announcement that is there already would be no change to the kernel.
    if (object.kind !== 'announcement') return [{ verb: 'replace', object: present }]
    return [
      { verb: 'delete', object: present },
      { verb: 'add', object: present }
    ]
  })
  return [...linksAgain(links, actual), ...routes]
}

/** For routes that are not there, and should not be. It takes a link of ours to make one for a moment. */
export function tellEnds(ended: readonly EndedRoute[], desired: Objects, actual: Objects): Op[] {
  const link = [...actual.values()].find((object) => object.kind === 'link')
  if (!link) return []
  const taken = new Set([...desired.values()].flatMap((object) => ('dst' in object ? [object.dst] : [])))
  const routes = ended.flatMap(({ dst, metric, link: former }): Op[] => {
    const object: HostObject =
      former === undefined ? { kind: 'announcement', dst } : { kind: 'route', dst, metric, link: link.name }
    if (taken.has(dst) || actual.has(keyOf(object))) return []
    return [
      { verb: 'add', object },
      { verb: 'delete', object }
    ]
  })
  return [...linksAgain(new Set([link.name]), actual), ...routes]
}

/** Whoever missed a route may have missed its link, and would not believe the route. */
function linksAgain(names: ReadonlySet<string>, actual: Objects): Op[] {
  return [...names].flatMap((name): Op[] => {
    const object = actual.get(`link ${name}`)
    return object ? [{ verb: 'replace', object }] : []
  })
}
