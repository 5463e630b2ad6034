/** What the host does to packets that come in by one of several uplinks. */
import { UPLINK_SYSCTLS } from '../../host/objects.js'
import type { HostFacts } from '../../host/host.js'
import { linksOf } from '../../model/routing.js'
import type { Routing } from '../../model/routing.js'

/** Value of rp_filter with which a packet passes only by the link that an answer would leave by. */
const STRICT = '1'

/**
 * In words, for each uplink that drops what comes in by it while the way back is by another one, which the kernel does
 * without a word. Of the link's value and that of all links the larger one counts (ip-sysctl.rst); one uplink has no other.
 */
export function strictUplinks(routing: Routing, sysctls: HostFacts['sysctls']): string[] {
  const links = linksOf(routing)
  if (links.length < 2) return []
  const values = links.map((link) => {
    const [all = '0', own = '0'] = ['all', link].map((name) => sysctls[UPLINK_SYSCTLS.rpFilter(name)])
    return [link, all > own ? all : own] as const
  })
  return values.flatMap(([link, value]) => {
    const key = UPLINK_SYSCTLS.rpFilter(link)
    return value === STRICT
      ? [
          `the reverse path filter of ${link} is strict: packets that come in by it while the way back is by another uplink ` +
            `are dropped; set ${key}=2`
        ]
      : []
  })
}
