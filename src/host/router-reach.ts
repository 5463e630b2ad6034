/** How routers are connected, and which of them can be reached, in the routing daemons' own words. */
import { field, fieldsOf, itemsOf, textOf } from './answers.js'
import { MAX_AGE_SECONDS } from './router-tables.js'

/** A way from a router to another one, or to a segment that it shares with others, named by its designated router. */
export interface RouterLink {
  readonly from: string
  readonly to: string
  readonly isSegment: boolean
  readonly cost: number
}

/** Of `show ip ospf database router json`, without the subnets at the edge. */
export function ospfLinks(answer: unknown): RouterLink[] {
  const areas = Object.values(fieldsOf(field(field(answer, 'routerLinkStates'), 'areas')))
  const lsas = areas.flatMap(itemsOf).filter((lsa) => field(lsa, 'lsaAge') !== MAX_AGE_SECONDS)
  return lsas.flatMap((lsa) =>
    Object.values(fieldsOf(field(lsa, 'routerLinks'))).flatMap((link): RouterLink[] => {
      const router = textOf(link, 'neighborRouterId')
      const segment = textOf(link, 'designatedRouterAddress')
      const cost = field(link, 'tos0Metric')
      const ends = { from: textOf(lsa, 'advertisingRouter'), to: router || segment }
      return ends.to ? [{ ...ends, isSegment: !router, cost: typeof cost === 'number' ? cost : 0 }] : []
    })
  )
}

/** Of `show ipv6 ospf6 database router detail json`; a segment is named by the router id of its designated router. */
export function ospf3Links(answer: unknown): RouterLink[] {
  const lsas = itemsOf(field(answer, 'areaScopedLinkStateDb')).flatMap((area) => itemsOf(field(area, 'lsa')))
  return lsas
    .filter((lsa) => field(lsa, 'age') !== MAX_AGE_SECONDS)
    .flatMap((lsa) =>
      itemsOf(field(lsa, 'lsaDescription')).flatMap((link): RouterLink[] => {
        const to = textOf(link, 'neighborRouterId')
        const isSegment = textOf(link, 'type') === 'Transit-Network'
        const cost = field(link, 'metric')
        const from = textOf(lsa, 'advertisingRouter')
        return to ? [{ from, to, isSegment, cost: typeof cost === 'number' ? cost : 0 }] : []
      })
    )
}

/**
 * Of `show ip ospf border-routers` and `show ipv6 ospf6 border-routers`, which have no JSON (FRR 8.4): the routers that
 * announce something of their own and can be reached.
 */
export function reachableRouters(answer: string): string[] {
  return answer.split('\n').flatMap((line) => /^(?:R +)?(\d+\.\d+\.\d+\.\d+) /.exec(line)?.[1] ?? [])
}
