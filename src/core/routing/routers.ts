/** The routing daemons of this host, each with its keeper; what they should have follows the networks. */
import { desiredRouting, neededDaemons, routerIdOf } from '../../desired/routing.js'
import { StoreError } from '../../errors.js'
import type { HostFacts } from '../../host/host.js'
import { ROUTER_DAEMONS } from '../../host/router-lines.js'
import type { RouterDaemon, WantedLine } from '../../host/router-lines.js'
import type { OpenVty } from '../../host/vty.js'
import type { Log } from '../../log.js'
import type { Endpoint } from '../../model/endpoint.js'
import { addressOf, contains, hostPrefix } from '../../model/ip.js'
import type { Ip, Prefix } from '../../model/ip.js'
import type { Router } from '../../model/router.js'
import type { Routing } from '../../model/routing.js'
import type { Records } from '../../store/records.js'
import type { Change } from '../change.js'
import type { Committer } from '../commit.js'
import { drainedPrefixes } from './drained.js'
import { RouterKeeper } from './router-keeper.js'
import type { RouterState } from './router-keeper.js'
import { planRouters } from './router-plans.js'
import type { RouterPlan } from './router-plans.js'
import { strictUplinks } from './uplinks.js'

const ZEBRA = 'routing zebra'

export interface RoutersParts {
  /** Absent = nothing is wanted; what was written before goes. */
  readonly routing: Routing | undefined
  /** Opens command sessions with the daemons whose sockets are in a directory. */
  readonly vty: (directory: string) => OpenVty
  readonly records: Records
  readonly committer: Committer
  readonly log: Log
}

/** What endpoints want of the routing daemons. */
interface Choices {
  readonly drained: readonly Prefix[]
  readonly anycast: readonly Prefix[]
}

export class Routers {
  readonly #parts: RoutersParts
  readonly #keepers: ReadonlyMap<RouterDaemon, RouterKeeper>
  /** Destinations that others should be preferred for, besides drained ones. */
  readonly #worst = new Set<Prefix>()
  /** Our destinations that zebra takes somebody else's kernel route for. */
  #hidden: readonly Prefix[] = []
  /** Found out of the records, as of that number of changes. */
  #found: (Choices & { readonly changes: number }) | undefined
  /** What counts as drained while changes are under way. */
  #meanwhile: readonly Prefix[] | undefined
  #routerId: Ip | undefined
  #warnings: readonly string[] = []
  /** Why zebra does not answer, where nothing of it is ours to keep, so that its keeper does not ask. */
  #silence: string | undefined

  constructor(parts: RoutersParts) {
    this.#parts = parts
    this.#keepers = new Map(ROUTER_DAEMONS.map((daemon) => [daemon, this.#keeperOf(daemon)]))
  }

  /** Of this host, where one is configured or was found. */
  get routerId(): Ip | undefined {
    const { ospf, ospf3, bgp } = this.#parts.routing ?? {}
    return ospf?.routerId ?? ospf3?.routerId ?? bgp?.routerId ?? this.#routerId
  }

  get states(): readonly RouterState[] {
    return [...this.#keepers.values()].map(({ state }) => state).filter(({ state }) => state !== 'idle')
  }

  get faults(): readonly { readonly key: string; readonly error: string }[] {
    const { routing } = this.#parts
    const { states } = this
    const nobody = routing && states.length > 0 && states.every(({ state }) => state === 'absent')
    const faults = [
      ...states.flatMap((state) => state.faults),
      ...(this.#silence === undefined ? [] : [{ key: ZEBRA, error: this.#silence }])
    ]
    if (!nobody || faults.length > 0) return faults
    const names = neededDaemons(routing).names.join(', ')
    return [{ key: 'routing', error: `none of ${names} answers in ${routing.vty}` }]
  }

  /** What of the host's settings does not fit to several uplinks. */
  get warnings(): readonly string[] {
    return this.#warnings
  }

  get counters(): { readonly passes: number; readonly commands: number; readonly repairs: number } {
    const all = [...this.#keepers.values()].map(({ counters }) => counters)
    const sum = (name: 'passes' | 'commands' | 'repairs'): number =>
      all.reduce((total, counters) => total + counters[name], 0)
    return { passes: sum('passes'), commands: sum('commands'), repairs: sum('repairs') }
  }

  /** The router id stays what it was found to be first: another one would end all neighbourships. */
  learn(facts: HostFacts): void {
    const { routing, log } = this.#parts
    if (!routing) return
    this.#routerId ??= routerIdOf(routing, facts.addressesByLink)
    const warnings = strictUplinks(routing, facts.sysctls)
    for (const err of warnings) if (!this.#warnings.includes(err)) log.warn('packets may be dropped', { err })
    this.#warnings = warnings
  }

  /** False = every other host that announces the destination is better. The caller has the daemons told. */
  prefer(dst: Prefix, isPreferred: boolean): void {
    if (isPreferred) this.#worst.delete(dst)
    else this.#worst.add(dst)
  }

  /**
   * While many endpoints are drained, or are no longer, one such change after the other: of half of them other lines would be
   * written, thousands of them. `undrained`: ids of those that count as announced as ever from the beginning.
   */
  async whileDraining(changes: () => Promise<void>, undrained: ReadonlySet<string>): Promise<void> {
    const { records } = this.#parts
    const endpoints = records.all('endpoint').map((endpoint): Endpoint => {
      const { drain: _drain, ...announced } = endpoint
      return undrained.has(endpoint.id) ? announced : endpoint
    })
    this.#meanwhile = drainedPrefixes(endpoints, records.all('network'))
    this.#found = undefined
    try {
      await changes()
    } finally {
      this.#meanwhile = this.#found = undefined
    }
  }

  /** Whether zebra answers, without which nothing is announced; else why not. */
  noteZebra(found: string | undefined): void {
    const { log } = this.#parts
    const silence = this.#keepers.get('zebra')?.state.state === 'idle' ? found : undefined
    if (silence !== undefined && this.#silence === undefined) log.error('fault', { key: ZEBRA, err: silence })
    if (silence === undefined && this.#silence !== undefined) log.info('fault cleared', { key: ZEBRA })
    this.#silence = silence
  }

  /** They are announced all the same, whatever route zebra has taken: their containers are here. */
  noteHidden(hidden: readonly Prefix[]): void {
    if (hidden.length === this.#hidden.length && hidden.every((dst) => this.#hidden.includes(dst))) return
    if (hidden.length > 0)
      this.#parts.log.warn('kernel routes of others stand before ours', { addresses: hidden })
    this.#hidden = hidden
    this.wake()
  }

  /** As above, of one that has just been hidden. When it is not any more is found with the others. */
  hide(dst: Prefix): void {
    if (!this.#hidden.includes(dst)) this.noteHidden([...this.#hidden, dst])
  }

  /** Networks may have changed. Returns at once. */
  wake(): void {
    for (const keeper of this.#keepers.values()) void keeper.settle()
  }

  /** Closes the gap as of now, where the daemons answer. */
  async settle(): Promise<void> {
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.settle()))
  }

  /** Has daemons ask zebra for the kernel's routes again, which takes what they announce of them away for a moment. */
  async renew(daemons: readonly RouterDaemon[]): Promise<void> {
    await Promise.all(daemons.flatMap((daemon) => this.#keepers.get(daemon)?.renew() ?? []))
  }

  /** Has daemons give zebra again what they have learnt of others, which nobody else notices. */
  async giveAgain(daemons: readonly RouterDaemon[]): Promise<void> {
    await Promise.all(daemons.flatMap((daemon) => this.#keepers.get(daemon)?.giveAgain() ?? []))
  }

  /** What there should be and what differs, for our section or for another one that is being considered. */
  plans(routing = this.#parts.routing): Promise<RouterPlan[]> {
    const directory = routing?.vty ?? ''
    return planRouters(this.#wanted(routing), {
      open: this.#parts.vty(directory),
      written: (daemon) => this.#written(daemon)?.lines,
      isNeeded: routing !== undefined && neededDaemons(routing).all
    })
  }

  stop(): void {
    for (const keeper of this.#keepers.values()) keeper.stop()
  }

  #keeperOf(daemon: RouterDaemon): RouterKeeper {
    const { routing, vty, log } = this.#parts
    return new RouterKeeper({
      daemon,
      log,
      open: (name) => vty(routing?.vty ?? this.#written(daemon)?.vty ?? '')(name),
      wanted: () => this.#wanted(routing).filter((line) => line.daemon === daemon),
      isNeeded: () => routing !== undefined && neededDaemons(routing).all,
      written: () => this.#written(daemon),
      remember: (id, lines) =>
        this.#commit({
          put: [{ kind: 'router', record: { id, vty: routing?.vty ?? this.#written(id)?.vty ?? '', lines } }],
          isEnd: true
        }),
      forget: (id) => this.#commit({ remove: [{ kind: 'router', id }], isEnd: true })
    })
  }

  #wanted(routing: Routing | undefined): WantedLine[] {
    if (!routing) return []
    const routerId = this.#routerId
    const { drained: chosen, anycast } = this.#choices()
    const drained = [...new Set([...chosen, ...this.#worst])]
    const hidden = this.#hidden.filter(
      (dst) => !anycast.includes(dst) && !drained.some((prefix) => contains(prefix, addressOf(dst)))
    )
    return desiredRouting(routing, {
      networks: this.#parts.records.all('network'),
      ...{ drained, anycast, hidden },
      claims: this.#parts.records.all('block').map(({ prefix }) => prefix),
      ...(routerId === undefined ? {} : { routerId })
    })
  }

  /** Keepers ask often, and there may be many endpoints. */
  #choices(): Choices {
    const { records } = this.#parts
    const { changes } = records
    if (this.#found?.changes !== changes)
      this.#found = {
        changes,
        drained: this.#meanwhile ?? drainedPrefixes(records.all('endpoint'), records.all('network')),
        anycast: anycastIn(records)
      }
    return this.#found
  }

  #written(daemon: RouterDaemon): Router | undefined {
    return this.#parts.records.get('router', daemon)
  }

  /** A full disk must not keep routes from being announced: the committer has told it, and writes it later. */
  async #commit(change: Change): Promise<void> {
    try {
      await this.#parts.committer.commit(change)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
    }
  }
}

/** Addresses of containers that other hosts have on purpose, as destinations. */
function anycastIn(records: Records): Prefix[] {
  const endpoints = records.all('endpoint').filter(({ anycast, sandbox }) => anycast === true && sandbox)
  return endpoints.flatMap(({ addresses }) => addresses.map((prefix) => hostPrefix(addressOf(prefix))))
}
