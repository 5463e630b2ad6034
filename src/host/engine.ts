/** What an engine knows of its containers and networks that drivers are not told: their names, and their health. */
export interface Engine {
  /** By its name, or as the engine takes one. Undefined = there is none. Throws UnavailableError with the reason. */
  networkNamed(name: string): Promise<EngineNetwork | undefined>
  /** As a network. */
  containerNamed(name: string): Promise<EngineContainer | undefined>

  /**
   * Calls back for all containers on networks that concern us, now and whenever the health of one changes or it is connected;
   * also after the engine was away. Returns how to stop.
   */
  watchHealth(watch: HealthWatch): () => void
}

export interface EngineNetwork {
  readonly id: string
  readonly driver: string
}

export interface EngineContainer {
  /** The engine's ids; none while it does not run. */
  readonly endpoints: readonly string[]
}

export interface HealthWatch {
  /** By the engine's id of a network. */
  readonly concerns: (networkId: string) => boolean
  readonly onHealth: (container: ContainerHealth) => void
  /** The engine does not answer, and why; undefined = it does. */
  readonly onAnswer: (reason: string | undefined) => void
}

export interface ContainerHealth {
  /** The engine's ids. */
  readonly endpoints: readonly string[]
  /** `none`: its image and its start say nothing of health. */
  readonly state: 'starting' | 'healthy' | 'unhealthy' | 'none'
  /** What the last check has printed. */
  readonly output: string
}
