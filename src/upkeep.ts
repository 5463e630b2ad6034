/** When the daemon looks again: soon after kernel events, and from time to time. */
import { messageOf } from './errors.js'
import type { Additions } from './core/additions.js'
import type { Host } from './host/host.js'
import type { Kind } from './host/objects.js'
import type { Reconciler } from './host/reconciler.js'
import type { Log } from './log.js'
import type { Metrics } from './metrics.js'
import { parsePrefix } from './model/ip.js'
import type { Prefix } from './model/ip.js'

/** Reads everything again this often, for what no kernel event tells (iptables-legacy, lost events). */
const SWEEP_MS = 30_000
/** Events come in bursts, and the kernel's own follow-ups are part of one. */
const EVENT_DELAY_MS = 50
/** Short: until then nothing that containers send is checked. */
const GUARD_DELAY_MS = 20
/** Another number than the others: each is waited for once. */
const PORT_DELAY_MS = 25
const POLICY_DELAY_MS = 15
const POLICY_KINDS: readonly Kind[] = ['policer', 'policy']
const PORT_KINDS: readonly Kind[] = ['publisher', 'hairpin', 'exclusion', 'port']
const MARK_DELAY_MS = 30
/** dockerd takes its jump away and puts it back whenever it makes a network; what is in between must not be repaired. */
const FIREWALL_DELAY_MS = 300

/** Addresses and routes follow a link. */
const OUTWARD_DELAY_MS = 100

export interface WatchParts {
  readonly host: Host
  readonly reconciler: Reconciler
  readonly additions: Additions
  readonly log: Log
  readonly metrics: Metrics
  readonly upkeep: () => Promise<void>
  /** Reads anew what the host is like. */
  readonly look: () => Promise<void>
  /** A link of ours is up at both ends. */
  readonly runs: (link: string) => void
  /** Routing daemons take somebody else's route to a destination of ours. */
  readonly hides: (dst: Prefix) => void
}

/** Repairs soon after a kernel event that concerns us, and looks at everything from time to time. Returns how to stop. */
export function watch(parts: WatchParts): () => void {
  const { host, reconciler, additions, log, metrics, upkeep, look, runs, hides } = parts
  const failed = (error: unknown): void => {
    log.error('repair failed, will be tried again', { err: messageOf(error) })
  }
  const { after, cancel } = postponed(failed)
  const repairAfter = (ms: number, kinds?: readonly Kind[]): void => {
    after(ms, () => reconciler.resync(kinds))
  }
  const unwatch = host.watch((change) => {
    if (change.lost) {
      metrics.lostEvents++
      log.warn('kernel events were lost, everything is read again')
    }
    if (change.outward) after(OUTWARD_DELAY_MS, look)
    if (change.hides && change.key !== undefined && reconciler.has(change.key))
      hides(parsePrefix(change.key.slice('announcement '.length)))
    additions.heard(change).catch(failed)
    if (change.key !== undefined && change.runs !== undefined) {
      const link = change.key.slice('link '.length)
      if (change.runs) runs(link)
      reconciler.runs(link, change.runs).catch(failed)
    }
    if (!reconciler.concerns(change)) return
    log.debug('kernel event', { ...change })
    if (change.kind === 'firewall') repairAfter(FIREWALL_DELAY_MS, ['firewall'])
    else if (change.kind === 'guard' || change.kind === 'source')
      repairAfter(GUARD_DELAY_MS, ['guard', 'source'])
    else if (PORT_KINDS.includes(change.kind)) repairAfter(PORT_DELAY_MS, PORT_KINDS)
    else if (POLICY_KINDS.includes(change.kind)) repairAfter(POLICY_DELAY_MS, POLICY_KINDS)
    else if (change.kind === 'mark') repairAfter(MARK_DELAY_MS, ['mark'])
    else repairAfter(EVENT_DELAY_MS)
  })
  const sweep = setInterval(() => {
    upkeep().catch(failed)
  }, SWEEP_MS)
  return () => {
    unwatch()
    clearInterval(sweep)
    cancel()
  }
}

/** Work that is done later, of each delay one at a time. */
function postponed(failed: (error: unknown) => void): {
  after: (ms: number, work: () => Promise<unknown>) => void
  cancel: () => void
} {
  const timers = new Map<number, NodeJS.Timeout>()
  const after = (ms: number, work: () => Promise<unknown>): void => {
    if (timers.has(ms)) return
    const begin = (): void => {
      timers.delete(ms)
      work().catch(failed)
    }
    timers.set(ms, setTimeout(begin, ms))
  }
  const cancel = (): void => {
    for (const timer of timers.values()) clearTimeout(timer)
  }
  return { after, cancel }
}
