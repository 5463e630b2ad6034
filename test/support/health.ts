/** A prober and an engine that say what a test wants. */
import { UnavailableError } from '../../src/errors.js'
import type {
  ContainerHealth,
  Engine,
  EngineContainer,
  EngineNetwork,
  HealthWatch
} from '../../src/host/engine.js'
import type { Probe, Prober } from '../../src/host/prober.js'

export class FakeProber implements Prober {
  /** What every probe finds; absent = an answer. */
  error: string | undefined
  readonly probes: Probe[] = []

  probe(probe: Probe): Promise<string | undefined> {
    this.probes.push(probe)
    return Promise.resolve(this.error)
  }
}

export class FakeEngine implements Engine {
  readonly networks = new Map<string, EngineNetwork>()
  readonly containers = new Map<string, EngineContainer>()
  /** Why it does not answer to names; absent = it does. */
  away: string | undefined
  readonly #watches = new Set<HealthWatch>()

  networkNamed(name: string): Promise<EngineNetwork | undefined> {
    return this.#told(this.networks.get(name))
  }

  containerNamed(name: string): Promise<EngineContainer | undefined> {
    return this.#told(this.containers.get(name))
  }

  watchHealth(watch: HealthWatch): () => void {
    this.#watches.add(watch)
    return () => {
      this.#watches.delete(watch)
    }
  }

  get isAsked(): boolean {
    return this.#watches.size > 0
  }

  concerns(networkId: string): boolean {
    return [...this.#watches].some((watch) => watch.concerns(networkId))
  }

  tell(container: ContainerHealth): void {
    for (const { onHealth } of this.#watches) onHealth(container)
  }

  /** Does not answer, and why; undefined = it does. */
  answer(reason: string | undefined): void {
    for (const { onAnswer } of this.#watches) onAnswer(reason)
  }

  #told<T>(found: T): Promise<T> {
    return this.away === undefined ? Promise.resolve(found) : Promise.reject(new UnavailableError(this.away))
  }
}
