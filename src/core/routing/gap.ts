/** What zebra sees of this host's container addresses, compared with what it should. */
import { gently } from '../../host/gently.js'
import type { KernelPath } from '../../host/router-tables.js'
import { isOfOurs, staleIn } from './strays.js'
import type { Visible, Wanted } from './visible.js'

export interface ZebraGap {
  /** Destinations to which zebra has a path of ours that it believes. */
  readonly active: ReadonlySet<string>
  readonly missed: readonly NonNullable<Visible['told']>[]
  /** What it has of ours although it should not. */
  readonly stale: readonly KernelPath[]
}

/** By destination and, for what should not be there, by our links: others may have routes to such addresses too. */
export async function gapIn(wanted: Wanted, paths: readonly KernelPath[]): Promise<ZebraGap> {
  const active = new Set<string>()
  await gently(paths, (path) => {
    if (path.isActive && isOfOurs(path)) active.add(path.dst)
  })
  const missed: NonNullable<Visible['told']>[] = []
  await gently(wanted.routes, ({ told }) => {
    if (told && !active.has(told.dst)) missed.push(told)
  })
  return { active, missed, stale: staleIn(paths, wanted) }
}

/** Destinations of which zebra does not know what it should. */
export function suspectsIn(gap: ZebraGap | undefined): Set<string> {
  return new Set(gap ? [...gap.missed, ...gap.stale].map(({ dst }) => dst) : [])
}
