/** What zebra has passed on to each of the other routing daemons, in FRR's words. */
import type { RouterDaemon } from './router-lines.js'

type Family = 4 | 6

export interface ZebraClient {
  readonly daemon: RouterDaemon
  /** Routes of others that it was told since it has connected. */
  readonly told: Readonly<Record<Family, number>>
}

const DAEMONS: Readonly<Record<string, RouterDaemon>> = { ospf: 'ospfd', ospf6: 'ospf6d', bgp: 'bgpd' }

/** Of `show zebra client`. */
export function zebraClients(answer: string): ZebraClient[] {
  return answer.split(/^Client: /m).flatMap((text): ZebraClient[] => {
    const daemon = DAEMONS[/^\S+/.exec(text)?.[0] ?? '']
    const told = (family: Family): number =>
      Number(new RegExp(`^Redist:v${String(family)} +(\\d+)`, 'm').exec(text)?.[1] ?? 0)
    return daemon ? [{ daemon, told: { 4: told(4), 6: told(6) } }] : []
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
