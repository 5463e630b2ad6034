/**
 * Who announces an address besides this host. The kernel cannot say: of an address of ours it knows our own route only, and
 * a routing daemon does not install a second one. zebra keeps what OSPF has told it, and leaves out what cannot be reached;
 * bgpd tells zebra only of the best path, which is our own, so it is asked itself.
 */
import { RoutedError } from '../../errors.js'
import { numberOf, parsed, textOf } from '../../host/answers.js'
import { WORST_OSPF_METRIC } from '../../host/router-lines.js'
import { bgpAnnouncers, distinctAnnouncers, ospf3Announcers, ospfAnnouncers } from '../../host/announcers.js'
import type { Announcer } from '../../host/announcers.js'
import { heardRoutes, showRoute } from '../../host/zebra.js'
import type { HeardRoute } from '../../host/zebra.js'
import type { RouterSessions } from './router-sessions.js'
import { addressIn } from './visible.js'

/** Those of the given destinations, each one address, that others announce. Throws UnavailableError or TimeoutError. */
export async function heardElsewhere(
  sessions: RouterSessions,
  destinations: readonly string[]
): Promise<string[]> {
  const found: string[] = []
  for (const dst of destinations) {
    const announcers = await announcersOf(sessions, dst)
    if (announcers.some(({ isOwn }) => !isOwn)) found.push(dst)
  }
  return found
}

/**
 * All that announce the destination, this host too, as far as they can be reached. Throws UnavailableError or TimeoutError
 * if zebra does not answer; other daemons need not run.
 */
export async function announcersOf(sessions: RouterSessions, dst: string): Promise<Announcer[]> {
  const heard = heardRoutes(await sessions.ask('zebra', showRoute(dst)), dst)
  const ospf = heard.find(({ protocol }) => protocol === 'ospf' || protocol === 'ospf6')
  return [
    ...(ospf ? await withDetails(sessions, dst, ospf) : []),
    ...((await ifThere(() => bgpOf(sessions, dst))) ?? [])
  ]
}

/**
 * All that OSPF's database has of the destination, this host too, reachable or not: for a second or two no path leads to an
 * address while the network finds its way, and for an hour the database knows what a dead host has announced.
 */
export async function databaseOf(sessions: RouterSessions, dst: string): Promise<readonly Announcer[]> {
  return (await ifThere(() => (dst.includes(':') ? ospf3Of(sessions, dst) : ospfOf(sessions, dst)))) ?? []
}

/** True if OSPF or BGP has the destination from this host, besides others who announce it. Where none answers it is false. */
export async function isAnnounced(sessions: RouterSessions, dst: string): Promise<boolean> {
  const bgp = (await ifThere(() => bgpOf(sessions, dst))) ?? []
  return [...(await databaseOf(sessions, dst)), ...bgp].some(({ isOwn }) => isOwn)
}

/** zebra knows that there are others; who they are is in the database. */
async function withDetails(sessions: RouterSessions, dst: string, route: HeardRoute): Promise<Announcer[]> {
  const isFirst = route.protocol === 'ospf'
  const isLeaving = route.metric === WORST_OSPF_METRIC
  const details = (): Promise<Announcer[]> =>
    isFirst ? ospfOf(sessions, dst) : ospf3Of(sessions, dst, isLeaving)
  const found = (await ifThere(details)) ?? []
  if (found.some(({ isOwn }) => !isOwn)) return found
  const unknown = { rank: 0n, isOwn: false, isLeaving }
  return [...found, { protocol: isFirst ? 'ospf' : 'ospf6', router: route.via, ...unknown }]
}

async function ospfOf(sessions: RouterSessions, dst: string): Promise<Announcer[]> {
  const show = async (type: string): Promise<Announcer[]> => {
    const command = `show ip ospf database ${type} ${addressIn(dst)} json`
    return ospfAnnouncers(parsed(await sessions.ask('ospfd', command)))
  }
  // A host in a not-so-stubby area has its own announcement as both, and those of others as one of them.
  return distinctAnnouncers([...(await show('external')), ...(await show('nssa-external'))])
}

/** The database does not say who is leaving: `isLeaving` is about all others. */
async function ospf3Of(sessions: RouterSessions, dst: string, isLeaving = false): Promise<Announcer[]> {
  const own = textOf(parsed(await sessions.ask('ospf6d', 'show ipv6 ospf6 json')), 'routerId')
  const database = parsed(await sessions.ask('ospf6d', 'show ipv6 ospf6 database json'))
  return ospf3Announcers(database, { dst, own, isLeaving })
}

async function bgpOf(sessions: RouterSessions, dst: string): Promise<Announcer[]> {
  const family = dst.includes(':') ? 'ipv6' : 'ipv4'
  const answer = parsed(await sessions.ask('bgpd', `show bgp ${family} unicast ${dst} json`))
  if (bgpAnnouncers(answer, 0).every(({ isOwn }) => isOwn)) return []
  const summary = parsed(await sessions.ask('bgpd', `show bgp ${family} unicast summary json`))
  const announcers = bgpAnnouncers(answer, numberOf(summary, 'as') ?? 0)
  // By several uplinks each is heard several times: it leaves when all of them say so, and directly counts most.
  return distinctAnnouncers([
    ...announcers.filter(({ isLeaving }) => isLeaving),
    ...announcers.filter(({ isLeaving, isChosen }) => !isLeaving && isChosen),
    ...announcers.filter(({ isLeaving, isChosen }) => !isLeaving && !isChosen)
  ])
}

/** Undefined where the daemon does not answer. */
async function ifThere<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof RoutedError)) throw error
    return undefined
  }
}
