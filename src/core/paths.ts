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

/** Remembers what the host has told, and logs once what does not fit, and again when it is so for another reason. */
export class PathWatch {
  readonly #records: Records
  readonly #log: Log
  #known: Paths | undefined
  #told = new Map<string, string>()

  constructor({ records, log }: { records: Records; log: Log }) {
    this.#records = records
    this.#log = log
  }

  get known(): Paths | undefined {
    return this.#known
  }

  learn(paths: Paths): void {
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
