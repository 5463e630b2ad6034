/** Routing daemons of one host, with what other hosts announce as the test says. Only the commands that ask for it. */
import { UnavailableError } from '../../src/errors.js'
import type { OpenVty } from '../../src/host/vty.js'

/** What OSPF has of a host's announcement. */
export interface Lsa {
  readonly router: string
  readonly age?: number
  readonly metric?: number
  /** How often it was sent anew. */
  readonly renewals?: number
  /** No path leads there. */
  readonly isLost?: true
}

export class OpenNetwork {
  /** By destination. */
  readonly #lsas = new Map<string, Lsa[]>()
  #changes = 0
  isAway = false

  /** Sets who announces the destination, this host too. */
  announce(dst: string, ...lsas: Lsa[]): void {
    this.#lsas.set(dst, lsas)
    this.#changes++
  }

  readonly open: OpenVty = (daemon) =>
    this.isAway || (daemon !== 'zebra' && daemon !== 'ospfd')
      ? Promise.reject(new UnavailableError(`${daemon} does not run`))
      : Promise.resolve({
          run: (command) => Promise.resolve({ text: JSON.stringify(this.#answer(command)), status: 0 }),
          closed: new Promise(() => undefined),
          close: () => undefined
        })

  #answer(command: string): unknown {
    const [, route] = /^show ip route (\S+) json$/.exec(command) ?? []
    if (route !== undefined)
      return { [route]: this.#othersOf(route).map(({ metric = 20 }) => ({ protocol: 'ospf', metric })) }
    const [, address] = /^show ip ospf database external (\S+) json$/.exec(command) ?? []
    if (address !== undefined)
      return { routerId: SELF, asExternalLinkStates: (this.#lsas.get(`${address}/32`) ?? []).map(detail) }
    if (command === 'show ip ospf json') return { routerId: SELF, lsaExternalChecksum: this.#changes }
    if (command === 'show ip ospf database json') return { routerId: SELF, asExternalLinkStates: this.#all() }
    return {}
  }

  #othersOf(dst: string): Lsa[] {
    return (this.#lsas.get(dst) ?? []).filter(({ router, isLost }) => router !== SELF && !isLost)
  }

  #all(): object[] {
    return [...this.#lsas].flatMap(([route, lsas]) =>
      lsas.map(({ router, age = 0 }) => ({ route, advertisedRouter: router, lsaAge: age }))
    )
  }
}

/** Router id of the host. */
export const SELF = '192.0.2.1'

function detail({ router, age = 0, metric = 20, renewals = 0 }: Lsa): object {
  const lsaSeqNumber = (0x8000_0001 + renewals).toString(16)
  return { advertisingRouter: router, lsaAge: age, lsaSeqNumber, metric, networkMask: 32 }
}
