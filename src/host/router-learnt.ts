/** Whether a routing daemon has routes of others, which it should have given to zebra; and how it is made to give them again. */
import { field, fieldsOf, itemsOf, numberOf, parsed } from './answers.js'
import type { Line, RouterDaemon } from './router-lines.js'

type Family = 4 | 6

/** A question, and whether the answer to it has a route of others in it. */
export interface LearntQuestion {
  readonly command: string
  readonly isLearnt: (answer: string) => boolean
}

/** Of daemons that have routes of others. */
export function learntQuestion(daemon: RouterDaemon, family: Family): LearntQuestion | undefined {
  if (daemon === 'ospfd')
    return { command: 'show ip ospf route', isLearnt: (answer) => /^N .*\n +via /m.test(answer) }
  if (daemon === 'ospf6d')
    return { command: 'show ipv6 ospf6 route', isLearnt: (answer) => /^\*N .* fe80:/m.test(answer) }
  if (daemon === 'bgpd')
    return { command: `show bgp ipv${String(family)} unicast json`, isLearnt: hasBgpLearnt }
  return undefined
}

/** Weight of what a BGP router announces itself. */
const OWN_WEIGHT = 32_768

function hasBgpLearnt(answer: string): boolean {
  const routes = Object.values(fieldsOf(field(parsed(answer), 'routes')))
  return routes.some((paths) =>
    itemsOf(paths).some((path) => field(path, 'bestpath') === true && numberOf(path, 'weight') !== OWN_WEIGHT)
  )
}

/**
 * Lines that change nothing and have a daemon give zebra all its routes, once when they are set and once when they are taken
 * back: neighbours notice nothing (FRR 8.4 to 10.7). Where the operator has such a line it is that one.
 */
export function givingLines(daemon: RouterDaemon, running: readonly Line[]): Line[] {
  const places = running.flatMap(({ within, text }): Line['within'][] => {
    const isPlace = daemon === 'bgpd' ? /^address-family ipv[46] unicast$/ : /^router ospf6?$/
    return isPlace.test(text) ? [[...within, text]] : []
  })
  const [kind, standard] =
    daemon === 'bgpd' ? ['table-map ', 'table-map net-routed-in'] : ['distance ', 'distance 110']
  return places.map((within) => {
    const own = running.find((line) => line.within.join() === within.join() && line.text.startsWith(kind))
    return own ?? { within, text: standard }
  })
}
