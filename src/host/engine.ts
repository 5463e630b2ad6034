/** What an engine knows of the health of its containers. */
export interface Engine {
  /**
   * Calls back for all containers on networks that concern us, now and whenever the health of one changes or it is connected;
   * also after the engine was away. Returns how to stop.
   */
  watchHealth(watch: HealthWatch): () => void
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
