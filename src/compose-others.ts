/** What deals with other hosts, wired together. Absent where the routing daemons are not ours to configure. */
import type { DaemonParts } from './compose.js'
import { Admission } from './core/admission.js'
import { Duplicates } from './core/duplicates.js'
import { announcersOf, heardElsewhere } from './core/elsewhere.js'
import type { Endpoints } from './core/endpoints.js'
import { Holds } from './core/holds.js'
import { Others } from './core/others.js'
import { RouterSessions } from './core/router-sessions.js'
import type { Routers } from './core/routers.js'
import { Trials } from './core/trials.js'
import type { Reconciler } from './host/reconciler.js'
import type { Routing } from './model/routing.js'
import type { Records } from './store/records.js'

/** What reads other hosts' announcements. */
export interface Outlook {
  readonly routing: Routing
  readonly sessions: RouterSessions
  readonly others: Others
  readonly holds: Holds
}

export function outlookOf(
  { config: { routing }, vty, log }: DaemonParts,
  reconciler: Reconciler
): Outlook | undefined {
  if (!routing) return undefined
  const sessions = new RouterSessions(vty(routing.vty))
  const holds = new Holds({
    grace: routing.grace * 1000,
    reconciler,
    elsewhere: (all) => heardElsewhere(sessions, all),
    log
  })
  return { routing, sessions, others: new Others(sessions), holds }
}

export function admissionOf(
  { log }: DaemonParts,
  { routing, sessions, holds }: Outlook,
  core: { readonly routers: Routers; readonly reconciler: Reconciler }
): Admission {
  const trials = new Trials({
    ...core,
    holds,
    isElsewhere: async (dst) => (await announcersOf(sessions, dst)).some(({ isOwn }) => !isOwn)
  })
  return new Admission({
    mode: routing.duplicates,
    announcersOf: (dst) => announcersOf(sessions, dst),
    tryIt: (dst, networkId) => trials.run(dst, networkId),
    log
  })
}

export function duplicatesOf(
  { log }: DaemonParts,
  { routing, sessions, others }: Outlook,
  core: { readonly records: Records; readonly endpoints: Endpoints }
): Duplicates {
  return new Duplicates({
    ...core,
    mode: routing.duplicates,
    others,
    announcersOf: (dst) => announcersOf(sessions, dst),
    random: Math.random,
    log
  })
}
