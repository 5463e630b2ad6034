/** What packets of containers meet on their way out, as far as the host knows. */
import type { HostFacts } from '../host/host.js'
import type { Log } from '../log.js'
import type { Endpoint } from '../model/endpoint.js'
import type { Records } from '../store/records.js'

export type Paths = Pick<HostFacts, 'uplinkMtu' | 'routeMtus'>

/** Why packets as large as the container sends them do not fit everywhere, in words; undefined = they do. */
export function narrowness(
  { mtu, sandbox }: Pick<Endpoint, 'mtu' | 'sandbox'>,
  paths: Paths | undefined
): string | undefined {
  if (!paths || mtu === undefined || !sandbox) return undefined
  const routes = Object.entries(paths.routeMtus).map(([dst, size]) => [`the route ${dst}`, size] as const)
  const ways = [...routes, ['the way out', paths.uplinkMtu ?? mtu] as const]
  const [name, least] = ways.reduce((a, b) => (b[1] < a[1] ? b : a))
  return least < mtu ? `MTU ${String(mtu)} is larger than ${String(least)} of ${name}` : undefined
}

/** The default route may lead elsewhere than to containers of other hosts. */
export function pathsBy(
  links: readonly string[],
  { uplinkMtu, routeMtus, mtusByLink }: Paths & Pick<HostFacts, 'mtusByLink'>
): Paths {
  const sizes = [...links.map((link) => mtusByLink[link]), uplinkMtu].filter((size) => size !== undefined)
  return { routeMtus, ...(sizes.length > 0 ? { uplinkMtu: Math.min(...sizes) } : {}) }
}

/** Remembers what the host has told, and logs once what does not fit, and again when it is so for another reason. */
export class PathWatch {
  readonly #records: Records
  readonly #log: Log
  readonly #links: readonly string[]
  #known: Paths | undefined
  #told = new Map<string, string>()

  /** `links`: by which containers of other hosts are reached, where that is known. */
  constructor({ records, log, links }: { records: Records; log: Log; links: readonly string[] }) {
    this.#records = records
    this.#log = log
    this.#links = links
  }

  get known(): Paths | undefined {
    return this.#known
  }

  learn(facts: Paths & Pick<HostFacts, 'mtusByLink'>): void {
    const paths = pathsBy(this.#links, facts)
    this.#known = paths
    const now = new Map<string, string>()
    for (const endpoint of this.#records.all('endpoint')) {
      const reason = narrowness(endpoint, paths)
      if (reason === undefined) continue
      now.set(endpoint.id, reason)
      if (this.#told.get(endpoint.id) !== reason)
        this.#log.warn('packets of a container do not fit everywhere', { endpoint: endpoint.id, err: reason })
    }
    this.#told = now
  }
}
