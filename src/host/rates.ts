/** How much may pass links, and how packets are marked, as it is in a network namespace. */

/**
 * How much may pass a link: a token bucket. Towards the container it is at the link itself; from the container at a link beside
 * it (ifb), through which all that comes in is led.
 */
export interface Shaper {
  readonly kind: 'shaper'
  readonly link: string
  readonly direction: 'in' | 'out'
  /** Bytes in a second. */
  readonly rate: number
  /** What may pass at once, as the time it takes at the rate, in 64 ns. */
  readonly burst: number
  /** Bytes that may wait. */
  readonly limit: number
  /** Always true in what is desired. Read back, false = only parts of it are there. */
  readonly settled: boolean
  /** Link without which it must not be there. */
  readonly of?: string
}

/** The differentiated services code point that all packets from a link get. */
export interface Mark {
  readonly kind: 'mark'
  readonly link: string
  readonly dscp: number
  /** As with shapers. */
  readonly settled: boolean
  readonly of?: string
}
