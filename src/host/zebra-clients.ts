/** What zebra has passed on to each of the other routing daemons, and got of them, in FRR's words. */
import type { RouterDaemon } from './router-lines.js'

type Family = 4 | 6

export interface ZebraClient {
  readonly daemon: RouterDaemon
  /** Routes of others that it was told since it has connected. */
  readonly told: Readonly<Record<Family, number>>
  /** Routes that it has given to zebra since then. */
  readonly given: Readonly<Record<Family, number>>
}

const DAEMONS: Readonly<Record<string, RouterDaemon>> = { ospf: 'ospfd', ospf6: 'ospf6d', bgp: 'bgpd' }

/** Of `show zebra client`. */
export function zebraClients(answer: string): ZebraClient[] {
  return answer.split(/^Client: /m).flatMap((text): ZebraClient[] => {
    // FRR 10.7 has a second one, `bgp [1]`, for which routes are not.
    const [name = ''] = text.split('\n')
    const daemon = DAEMONS[name.trim()]
    const count = (name: string): number => Number(new RegExp(`^${name} +(\\d+)`, 'm').exec(text)?.[1] ?? 0)
    if (!daemon) return []
    return [
      {
        daemon,
        told: { 4: count('Redist:v4'), 6: count('Redist:v6') },
        given: { 4: count('IPv4'), 6: count('IPv6') }
      }
    ]
  })
}

/** The address families whose routes daemons ask zebra for; absent = none. */
export type Asked = Readonly<Partial<Record<RouterDaemon, readonly Family[]>>>

/**
 * Those that ask for a family and have been told nothing of it although zebra has something to tell: a daemon that outlives
 * zebra does not ask for routes again (FRR 8.4 to 10.7).
 */
export function deafIn(
  clients: readonly ZebraClient[],
  asked: Asked,
  families: ReadonlySet<Family>
): RouterDaemon[] {
  return clients.flatMap(({ daemon, told }) =>
    asked[daemon]?.some((family) => families.has(family) && told[family] === 0) ? [daemon] : []
  )
}

/** Those that have given zebra nothing of a family, which may be because they have nothing. */
export function muteIn(
  clients: readonly ZebraClient[],
  asked: Asked
): { readonly daemon: RouterDaemon; readonly family: Family }[] {
  return clients.flatMap(({ daemon, given }) =>
    (asked[daemon] ?? []).filter((family) => given[family] === 0).map((family) => ({ daemon, family }))
  )
}
