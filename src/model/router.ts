/**
 * What we have written into one routing daemon, and what must therefore go when it is not wanted any more. Lines that were
 * there before are not in it, nor what carries our name.
 */
export interface Router {
  /** The daemon's name, `ospfd`. */
  readonly id: string
  /** Directory of its command socket. */
  readonly vty: string
  readonly lines: readonly WrittenLine[]
}

export interface WrittenLine {
  /** The stanzas around it, outermost first: `router ospf`. */
  readonly within: readonly string[]
  /** Without secrets. */
  readonly text: string
}
