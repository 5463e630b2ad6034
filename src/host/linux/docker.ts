/**
 * Health of containers as dockerd knows it, from its socket: a stream of events, and one container read after each. Reading a
 * container waits while dockerd starts it, and its start may wait for us: nobody may wait for what is asked here.
 */
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { field, fieldsOf, itemsOf, parsed, textOf } from '../answers.js'
import type { ContainerHealth, Engine, HealthWatch } from '../engine.js'
import { readDocker } from './docker-api.js'
import { dockerNames, endpointsOf } from './docker-names.js'

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 10_000
const OUTPUT_SHOWN = 200
const OK = 200
const EVENTS = { type: ['container', 'network'], event: ['health_status', 'connect'] }

/** The dockerd that listens on this socket. */
export function dockerEngine(socketPath: string): Engine {
  return {
    ...dockerNames(socketPath),
    watchHealth: (watch) => {
      const connection = new Connection(socketPath, watch)
      connection.open()
      return () => {
        connection.stop()
      }
    }
  }
}

class Connection {
  readonly #socketPath: string
  readonly #watch: HealthWatch
  readonly #end = new AbortController()
  #retryMs = FIRST_RETRY_MS
  #timer: NodeJS.Timeout | undefined

  constructor(socketPath: string, watch: HealthWatch) {
    this.#socketPath = socketPath
    this.#watch = watch
  }

  open(): void {
    const { signal } = this.#end
    const path = `/events?filters=${encodeURIComponent(JSON.stringify(EVENTS))}`
    const asked = request({ socketPath: this.#socketPath, path, agent: false, signal })
    let isOver = false
    const lost = (reason: string): void => {
      if (isOver || signal.aborted) return
      isOver = true
      this.#watch.onAnswer(`${this.#socketPath}: ${reason}`)
      this.#timer = setTimeout(() => {
        this.open()
      }, this.#retryMs).unref()
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS)
    }
    asked.on('error', ({ message }) => {
      lost(message)
    })
    asked.on('response', (response) => {
      response.on('error', ({ message }) => {
        lost(message)
      })
      response.on('close', () => {
        lost('the stream of events has ended')
      })
      if (response.statusCode === 200) this.#listen(response)
      else response.destroy(new Error(`status ${String(response.statusCode)} for events`))
    })
    asked.end()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#end.abort()
  }

  /** The list comes after the beginning of the stream, so that nothing is missed in between. */
  #listen(response: IncomingMessage): void {
    this.#retryMs = FIRST_RETRY_MS
    this.#watch.onAnswer(undefined)
    const lines = createInterface(response)
    lines.on('line', (line) => {
      const id = this.#concernedContainer(parsed(line))
      if (id !== undefined) void this.#tell(id)
    })
    // The same one that the response has, which is heard there.
    lines.on('error', () => undefined)
    void this.#tellAll()
  }

  /** Of a change of health, or of a connection to a network that concerns us. */
  #concernedContainer(event: unknown): string | undefined {
    const actor = field(event, 'Actor')
    const id = textOf(actor, 'ID')
    if (textOf(event, 'Type') === 'container') return named(id)
    return this.#watch.concerns(id) ? named(textOf(field(actor, 'Attributes'), 'container')) : undefined
  }

  async #tellAll(): Promise<void> {
    const containers = await this.#get('/containers/json')
    for (const container of itemsOf(containers)) {
      const networks = Object.values(fieldsOf(field(field(container, 'NetworkSettings'), 'Networks')))
      const id = named(textOf(container, 'Id'))
      if (id !== undefined && networks.some((network) => this.#watch.concerns(textOf(network, 'NetworkID'))))
        await this.#tell(id)
    }
  }

  async #tell(container: string): Promise<void> {
    const found = await this.#get(`/containers/${encodeURIComponent(container)}/json`)
    const health = found === undefined ? undefined : healthOf(found)
    if (health && !this.#end.signal.aborted) this.#watch.onHealth(health)
  }

  /** Undefined where dockerd does not answer as it should: it is away, or the container is gone. */
  async #get(path: string): Promise<unknown> {
    const answer = await readDocker(this.#socketPath, path, this.#end.signal)
    return 'status' in answer && answer.status === OK ? answer.value : undefined
  }
}

const STATES = ['starting', 'healthy', 'unhealthy'] as const

/** Of `GET /containers/ID/json`. */
export function healthOf(container: unknown): ContainerHealth {
  const health = field(field(container, 'State'), 'Health')
  const status = textOf(health, 'Status')
  const output = textOf(itemsOf(field(health, 'Log')).at(-1), 'Output')
  return {
    endpoints: endpointsOf(container),
    state: STATES.find((state) => state === status) ?? 'none',
    output: output.replaceAll(/\s+/g, ' ').trim().slice(0, OUTPUT_SHOWN)
  }
}

/** Undefined for an answer without it. */
function named(id: string): string | undefined {
  return id === '' ? undefined : id
}
