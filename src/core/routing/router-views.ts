/** Reads what the routing daemons know of container addresses: zebra's table, what each protocol announces, neighbours. */
import { RoutedError, TimeoutError } from '../../errors.js'
import { parsed } from '../../host/answers.js'
import {
  bgpAdvertised,
  bgpNeighbours,
  ospf3KeepsExternals,
  ospfKeepsExternals,
  kernelPaths,
  ospf3Externals,
  ospf3Tagged,
  ospfDatabase,
  ospfNeighbours
} from '../../host/router-tables.js'
import { ospf3Links, ospfLinks, reachableRouters } from '../../host/router-reach.js'
import type { RouterLink } from '../../host/router-reach.js'
import type { External, KernelPath, RouterNeighbour } from '../../host/router-tables.js'
import type { OpenVty, VtySession } from '../../host/vty.js'
import { zebraClients } from '../../host/zebra-clients.js'
import type { ZebraClient } from '../../host/zebra-clients.js'
import { familyOf } from '../../model/ip.js'
import type { Prefix } from '../../model/ip.js'

/** What a protocol tells others, in one address family. */
export interface ProtocolView {
  /** `ospfd`, or `bgpd to eth0`. */
  readonly name: string
  readonly family: 4 | 6
  /** Destinations that this host announces. */
  readonly announced: ReadonlySet<string>
  readonly neighbours: readonly RouterNeighbour[]
  /** What all routers announce, with this host's router id, where the protocol has such a database. */
  readonly own?: string
  readonly externals?: readonly External[]
}

export interface RouterViews {
  /** Absent where zebra does not answer. */
  readonly zebra?: readonly KernelPath[]
  readonly protocols: readonly ProtocolView[]
  /** BGP neighbours without a session: they are told nothing. */
  readonly silent: readonly RouterNeighbour[]
  /** Daemons that do not answer, and why. */
  readonly absent: ReadonlyMap<string, string>
}

/** Asks every daemon that answers. One that is not configured for a protocol has no view. */
export async function routerViews(open: OpenVty): Promise<RouterViews> {
  const absent = new Map<string, string>()
  const ask = async <T>(daemon: string, work: Work<T>): Promise<T | undefined> => {
    try {
      const session = await openSoon(open, daemon)
      try {
        return await work(session)
      } finally {
        session.close()
      }
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      absent.set(daemon, error.message)
      return undefined
    }
  }
  const [zebra, two, three, bgp] = await Promise.all([
    ask('zebra', zebraPaths),
    ask('ospfd', ospfView),
    ask('ospf6d', asked(ospf3View)),
    ask('bgpd', asked(bgpSessions))
  ])
  const protocols = [...(two ?? []), ...(three ?? []), ...(bgp?.views ?? [])]
  return { ...(zebra ? { zebra } : {}), protocols, silent: bgp?.silent ?? [], absent }
}

/** True if every protocol of its family announces the destination, and no neighbour is known not to have heard of it. */
export async function isSpread(open: OpenVty, dst: Prefix): Promise<boolean> {
  const { protocols } = await routerViews(open)
  const views = protocols.filter(({ family }) => family === familyOf(dst))
  return views.every(
    ({ announced, neighbours }) =>
      announced.has(dst) && neighbours.every(({ acknowledged }) => acknowledged !== false)
  )
}

/** How the routers of an address family's OSPF are connected, and which of those that announce something can be reached. */
export interface Topology {
  readonly links: readonly RouterLink[]
  readonly reachable: readonly string[]
}

/** Of OSPFv2. Throws UnavailableError or TimeoutError. */
export async function readTopology(open: OpenVty): Promise<Topology> {
  const session = await open('ospfd')
  try {
    const { text } = await session.run('show ip ospf border-routers')
    const links = ospfLinks(await show(session, 'show ip ospf database router json'))
    return { links, reachable: reachableRouters(text) }
  } finally {
    session.close()
  }
}

/** Of OSPFv3. Throws UnavailableError or TimeoutError. */
export async function readTopology3(open: OpenVty): Promise<Topology> {
  const session = await open('ospf6d')
  try {
    const { text } = await session.run('show ipv6 ospf6 border-routers')
    const links = ospf3Links(await show(session, 'show ipv6 ospf6 database router detail json'))
    return { links, reachable: reachableRouters(text) }
  } finally {
    session.close()
  }
}

/** What routers of OSPFv3 have put a tag on: the list of all that they announce does not say. */
export async function readTagged3(open: OpenVty): Promise<External[]> {
  const session = await open('ospf6d')
  try {
    const answers = [
      await show(session, 'show ipv6 ospf6 database as-external detail json'),
      await show(session, 'show ipv6 ospf6 database type-7 detail json')
    ]
    return answers.flatMap(ospf3Tagged)
  } finally {
    session.close()
  }
}

/** The paths that zebra has read from the kernel. Throws UnavailableError or TimeoutError. */
export async function readZebra(open: OpenVty): Promise<KernelPath[]> {
  const session = await open('zebra')
  try {
    return await zebraPaths(session)
  } finally {
    session.close()
  }
}

/** What zebra has passed on to the others. Throws UnavailableError or TimeoutError. */
export async function readClients(open: OpenVty): Promise<ZebraClient[]> {
  const session = await openSoon(open, 'zebra')
  try {
    return zebraClients((await session.run('show zebra client')).text)
  } finally {
    session.close()
  }
}

/** One that hangs must not keep back what the others say: whoever asks for all waits for ten seconds. */
const OPEN_MS = 3_000

async function openSoon(open: OpenVty, daemon: string): Promise<VtySession> {
  const opening = open(daemon)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new TimeoutError(`${daemon} runs, and has not answered for ${String(OPEN_MS / 1000)} s`))
    }, OPEN_MS)
  })
  try {
    return await Promise.race([opening, late])
  } catch (error) {
    opening.then(
      (session) => {
        session.close()
      },
      () => undefined
    )
    throw error
  } finally {
    clearTimeout(timer)
  }
}

type Work<T> = (session: VtySession) => Promise<T>

function asked<T>(view: (ask: Show) => Promise<T>): Work<T> {
  return (session) => view((command) => show(session, command))
}

/** The answer to a command that answers with JSON; undefined where it answers something else. */
type Show = (command: string) => Promise<unknown>

async function zebraPaths(session: VtySession): Promise<KernelPath[]> {
  const answers = [await session.run('show ip route kernel'), await session.run('show ipv6 route kernel')]
  return answers.flatMap(({ text }) => kernelPaths(text))
}

async function ospfView(session: VtySession): Promise<ProtocolView[]> {
  const ask: Show = (command) => show(session, command)
  const database = ospfDatabase(await ask('show ip ospf database json'))
  if (!database) return []
  const { own, externals } = database
  const neighbours = ospfNeighbours(await ask('show ip ospf neighbor json'))
  const { text } = await session.run('show ip ospf')
  const announced = announcedBy(own, externals, ospfKeepsExternals(text))
  return [{ name: 'ospfd', family: 4, announced, neighbours, own, externals }]
}

async function ospf3View(ask: Show): Promise<ProtocolView[]> {
  const summary = await ask('show ipv6 ospf6 json')
  const own = routerIdIn(summary)
  if (own === undefined) return []
  const externals = ospf3Externals(await ask('show ipv6 ospf6 database json'))
  const neighbours = ospfNeighbours(await ask('show ipv6 ospf6 neighbor json'))
  const announced = announcedBy(own, externals, ospf3KeepsExternals(summary))
  return [{ name: 'ospf6d', family: 6, announced, neighbours, own, externals }]
}

/** One view for each neighbour: BGP decides for each what it is told. */
async function bgpSessions(
  ask: Show
): Promise<{ readonly views: readonly ProtocolView[]; readonly silent: readonly RouterNeighbour[] }> {
  const summary = await ask('show bgp summary json')
  const views: ProtocolView[] = []
  const silent: RouterNeighbour[] = []
  for (const family of [4, 6] as const) {
    for (const neighbour of bgpNeighbours(summary, family)) {
      if (!neighbour.isUp) {
        silent.push(neighbour)
        continue
      }
      const command = `show bgp ipv${String(family)} unicast neighbors ${neighbour.name} advertised-routes json`
      const announced = new Set(bgpAdvertised(await ask(command)))
      views.push({ name: `bgpd to ${neighbour.name}`, family, announced, neighbours: [neighbour] })
    }
  }
  return { views, silent }
}

/** `isKept`: what is announced everywhere goes nowhere; in a not-so-stubby area there is another one for the area. */
function announcedBy(own: string, externals: readonly External[], isKept: boolean): Set<string> {
  return new Set(
    externals.flatMap(({ dst, router, isOfArea }) =>
      router === own && (isOfArea === true || !isKept) ? [dst] : []
    )
  )
}

function routerIdIn(answer: unknown): string | undefined {
  const id =
    typeof answer === 'object' && answer !== null && 'routerId' in answer ? answer.routerId : undefined
  return typeof id === 'string' ? id : undefined
}

async function show(session: VtySession, command: string): Promise<unknown> {
  const { text } = await session.run(command)
  return parsed(text)
}
