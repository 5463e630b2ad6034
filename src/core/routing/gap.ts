/** What zebra sees of this host's container addresses, compared with what it should. */
import { gently } from '../../host/gently.js'
import type { KernelPath } from '../../host/router-tables.js'
import { isOfOurs } from './strays.js'
import type { Visible, Wanted } from './visible.js'

/** What zebra has missed, and what it has of ours although it should not. */
export interface ZebraGap {
  readonly missed: readonly NonNullable<Visible['told']>[]
  readonly stale: readonly KernelPath[]
}

/** By destination and, for what should not be there, by our links: others may have routes to such addresses too. */
export async function gapIn(wanted: Wanted, paths: readonly KernelPath[] | undefined): Promise<ZebraGap> {
  const missed: NonNullable<Visible['told']>[] = []
  const stale: KernelPath[] = []
  if (!paths) return { missed, stale }
  const known = await activeIn(paths)
  await gently(wanted.routes, ({ told }) => {
    if (told && !known.has(told.dst)) missed.push(told)
  })
  await gently(paths, (path) => {
    if (isOfOurs(path) && !wanted.destinations.has(path.dst)) stale.push(path)
  })
  return { missed, stale }
}

/** Destinations to which zebra has a path of ours that it believes. */
export async function activeIn(paths: readonly KernelPath[]): Promise<ReadonlySet<string>> {
  const active = new Set<string>()
  await gently(paths, (path) => {
    if (path.isActive && isOfOurs(path)) active.add(path.dst)
  })
  return active
}

/** Destinations of which zebra does not know what it should. */
export function suspectsIn({ missed, stale }: ZebraGap): Set<string> {
  return new Set([...missed, ...stale].map(({ dst }) => dst))
}
