/** A namespace-wide kernel setting that we changed, and its value before; it is put back with the last network. */
export interface Setting {
  /** The sysctl's name, `net.ipv4.ip_forward`. */
  readonly id: string
  readonly before: string
}
