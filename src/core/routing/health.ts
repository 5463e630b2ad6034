/**
 * Whether containers with a check are fit to be announced. The state is in the endpoint's record, so that a restart of the
 * daemon withdraws nothing; what a check has said in a row, and why, is here.
 *
 * Invariants: one check of an endpoint at a time; what belongs to a sandbox that is left meanwhile counts for nothing; nobody
 * who calls us waits for a check.
 */
import { RoutedError } from '../../errors.js'
import type { ContainerHealth, Engine } from '../../host/engine.js'
import type { Probe, Prober } from '../../host/prober.js'
import type { Log } from '../../log.js'
import type { Endpoint } from '../../model/endpoint.js'
import { NO_STREAK, afterCheck, checkTimes, healthOf, isChecked } from '../../model/health.js'
import type { HealthState, Streak } from '../../model/health.js'
import { addressOf } from '../../model/ip.js'
import type { Records } from '../../store/records.js'
import type { Endpoints } from '../endpoints.js'

export interface HealthParts {
  readonly records: Records
  readonly endpoints: Endpoints
  readonly prober: Prober
  readonly engine: Engine
  readonly log: Log
}

/** As it is shown. */
export interface HealthStatus {
  readonly state: HealthState
  readonly since: string
  /** Why the last check failed; absent = it did not, or there was none yet. */
  readonly error?: string
}

/** An endpoint that is checked. */
interface Patient {
  /** Another sandbox is another patient. */
  readonly sandbox: string
  streak: Streak
  error?: string
  timer?: NodeJS.Timeout
}

export class HealthChecks {
  readonly counters = { good: 0, bad: 0, changes: 0 }
  readonly #parts: HealthParts
  readonly #patients = new Map<string, Patient>()
  #changed = new Set<string>()
  #unwatch: (() => void) | undefined
  #engineReason: string | undefined
  #stopped = false

  constructor(parts: HealthParts) {
    this.#parts = parts
    parts.records.watchEndpoints((id) => {
      if (this.#changed.size === 0)
        setImmediate(() => {
          this.#admit()
        })
      this.#changed.add(id)
    })
  }

  /** Takes up what a former process has left, spread over the interval of each. */
  start(): void {
    const checked = this.#parts.records.all('endpoint').filter(isTreated)
    checked.forEach((endpoint, at) => {
      this.#treat(endpoint, (checkTimes(endpoint).intervalMs * at) / checked.length)
    })
  }

  stop(): void {
    this.#stopped = true
    this.#unwatch?.()
    for (const id of [...this.#patients.keys()]) this.#dismiss(id)
  }

  /** Undefined without a check. */
  statusOf(endpoint: Endpoint): HealthStatus | undefined {
    const state = healthOf(endpoint)
    if (state === undefined) return undefined
    const isDocker = endpoint.check?.type === 'docker'
    const error = this.#patients.get(endpoint.id)?.error ?? (isDocker ? this.#engineReason : undefined)
    const since = endpoint.health?.since ?? endpoint.since
    return { state, since, ...(error === undefined ? {} : { error }) }
  }

  #admit(): void {
    const changed = this.#changed
    this.#changed = new Set()
    for (const id of changed) {
      const endpoint = this.#parts.records.get('endpoint', id)
      const sandbox = endpoint && isTreated(endpoint) ? endpoint.sandbox?.path : undefined
      if (sandbox === this.#patients.get(id)?.sandbox) continue
      this.#dismiss(id)
      if (endpoint && sandbox !== undefined) this.#treat(endpoint, 0)
    }
  }

  #treat(endpoint: Endpoint, ms: number): void {
    const { id, sandbox, check } = endpoint
    if (this.#stopped || this.#patients.has(id) || !sandbox) return
    this.#patients.set(id, { sandbox: sandbox.path, streak: NO_STREAK })
    if (check?.type === 'docker') this.#listen()
    else this.#checkAfter(id, ms)
  }

  #dismiss(id: string): void {
    clearTimeout(this.#patients.get(id)?.timer)
    this.#patients.delete(id)
  }

  #checkAfter(id: string, ms: number): void {
    const patient = this.#patients.get(id)
    if (patient) patient.timer = setTimeout(() => void this.#check(id, patient), ms).unref()
  }

  async #check(id: string, patient: Patient): Promise<void> {
    const endpoint = this.#parts.records.get('endpoint', id)
    if (!endpoint) return
    const begin = performance.now()
    const { intervalMs, timeoutMs, rise, fall } = checkTimes(endpoint)
    const results = await Promise.all(
      probesOf(endpoint).map((probe) => this.#parts.prober.probe(probe, timeoutMs))
    )
    if (this.#patients.get(id) !== patient) return
    const error = results.find((result) => result !== undefined)
    const before = healthOf(this.#parts.records.get('endpoint', id) ?? endpoint) ?? 'starting'
    const next = afterCheck(before, patient.streak, { isGood: error === undefined, rise, fall })
    patient.streak = next.streak
    this.#note(patient, error)
    if (next.state !== before) await this.#change(endpoint, next.state, error)
    this.#checkAfter(id, Math.max(0, intervalMs - (performance.now() - begin)))
  }

  #note(patient: Patient, error: string | undefined): void {
    if (error === undefined) delete patient.error
    else patient.error = error
    if (error === undefined) this.counters.good++
    else this.counters.bad++
  }

  /** What is refused is tried again after the next check. */
  async #change(endpoint: Endpoint, state: HealthState, err?: string): Promise<void> {
    if (state === 'starting') return
    const { id, addresses } = endpoint
    const { log, endpoints } = this.#parts
    const told = { endpoint: id, addresses, ...(err === undefined ? {} : { err }) }
    this.counters.changes++
    if (state === 'healthy') log.info('check succeeds, address is announced', told)
    else log.warn('check fails, address is withdrawn', told)
    try {
      await endpoints.setHealth(endpoint, state)
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      log.warn('state of health cannot be kept, will be tried again', { endpoint: id, err: error.message })
    }
  }

  /** The engine is listened to from the first container on that needs it. */
  #listen(): void {
    this.#unwatch ??= this.#parts.engine.watchHealth({
      concerns: (networkId) =>
        this.#parts.records.endpointsOfNetwork(networkId).some(({ check }) => check?.type === 'docker'),
      onHealth: (container) => void this.#hear(container),
      onAnswer: (reason) => {
        if (reason !== undefined && this.#engineReason === undefined)
          this.#parts.log.warn('engine does not tell the health of containers, asked again', { err: reason })
        this.#engineReason = reason
      }
    })
  }

  /** The engine has its own interval and its own count. */
  async #hear({ endpoints, state, output }: ContainerHealth): Promise<void> {
    for (const id of endpoints) {
      const endpoint = this.#parts.records.get('endpoint', id)
      const patient = this.#patients.get(id)
      if (!endpoint || !patient || endpoint.check?.type !== 'docker') continue
      const error = complaintOf(state, output)
      this.#note(patient, error)
      if (state === 'healthy' || (state === 'unhealthy' && endpoint.health))
        if (endpoint.health?.state !== state) await this.#change(endpoint, state, error)
    }
  }
}

/** True if it has a container that its check is about. */
function isTreated(endpoint: Endpoint): boolean {
  const { sandbox, deleted, attaching } = endpoint
  return isChecked(endpoint) && sandbox !== undefined && !deleted && !attaching
}

/** Every address has to be good. */
function probesOf({ id, networkId, addresses, check }: Endpoint): Probe[] {
  switch (check?.type) {
    case 'tcp':
    case 'http':
      return addresses.map((prefix) => ({ ...check, address: addressOf(prefix) }))
    case 'exec': {
      const environment = {
        NET_ROUTED_ADDRESSES: addresses.map(addressOf).join(' '),
        NET_ROUTED_ENDPOINT: id,
        NET_ROUTED_NETWORK: networkId
      }
      return [{ type: 'exec', name: check.name, environment }]
    }
    case 'docker':
    case 'none':
    case undefined:
      return []
  }
}

function complaintOf(state: ContainerHealth['state'], output: string): string | undefined {
  if (state === 'none') return 'the container has no HEALTHCHECK, and the check is docker'
  return state === 'unhealthy' ? output || 'its HEALTHCHECK fails' : undefined
}
