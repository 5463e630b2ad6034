/** What the reconciler remembers of objects, and picks out of that. */
import type { HostObject } from './objects.js'

/** What is about one of these links, and what all links share. */
export function isNeededBy(links: ReadonlySet<string>, object: HostObject): boolean {
  if (object.kind === 'firewall' || object.kind === 'guard' || object.kind === 'policer')
    return links.size > 0
  if (object.kind === 'link') return links.has(object.name)
  return 'link' in object && links.has(object.link)
}

/** Those of these keys that there are. */
export function pick(
  objects: ReadonlyMap<string, HostObject>,
  keys: ReadonlySet<string>
): Map<string, HostObject> {
  const picked = new Map<string, HostObject>()
  for (const key of keys) {
    const object = objects.get(key)
    if (object) picked.set(key, object)
  }
  return picked
}
