/** What events say about rates: of the links beside, of queueing disciplines, and of the filters that lead to them. */
import type { HostChange } from '../host.js'
import { LINK_PREFIX, keyOf } from '../objects.js'
import type { Shaper } from '../objects.js'
import { RTM } from './constants.js'
import type { FoundLink } from './links.js'
import type { Received } from './messages.js'
import { decodeBucket, indexIn, isIngress, isRedirect } from './qdiscs.js'
import { SHAPER_PREFIX } from './shapers.js'

/** A link beside that goes, or goes down. */
export function besideChange(type: number, { name, isUp }: FoundLink): HostChange {
  return change({ ...shaperAt(name) }, type === RTM.DELLINK || !isUp)
}

/** A bucket that goes, or has other numbers; a filter that goes, alone or with all that is there. */
export function queueChange(
  { type, body }: Received,
  nameAt: (index: number) => string | undefined
): HostChange | undefined {
  const name = nameAt(indexIn(body))
  if (name === undefined) return undefined
  const gone = type === RTM.DELQDISC || type === RTM.DELTFILTER
  const bucket = type === RTM.DELTFILTER ? undefined : decodeBucket(body)
  if (bucket) {
    const { rate, burst, limit } = bucket
    const object: Shaper = { kind: 'shaper', ...shaperAt(name), rate, burst, limit, settled: true }
    return { ...change(object, gone), ...(gone ? {} : { object }) }
  }
  const isLead = type === RTM.DELQDISC ? isIngress(body) : type === RTM.DELTFILTER && isRedirect(body)
  return isLead ? change({ link: name, direction: 'out' }, true) : undefined
}

function change({ link, direction }: Pick<Shaper, 'link' | 'direction'>, gone: boolean): HostChange {
  return { kind: 'shaper', key: keyOf({ ...NONE, link, direction }), gone }
}

const NONE = { kind: 'shaper', rate: 0, burst: 0, limit: 0, settled: false } as const

function shaperAt(name: string): Pick<Shaper, 'link' | 'direction'> {
  if (!name.startsWith(SHAPER_PREFIX)) return { link: name, direction: 'in' }
  return { link: `${LINK_PREFIX}${name.slice(SHAPER_PREFIX.length)}`, direction: 'out' }
}
