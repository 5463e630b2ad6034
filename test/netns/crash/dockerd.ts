/**
 * What dockerd does besides its calls, as far as the host sees it: it moves the container's end of a link into the container
 * after Join and back after Leave, and remembers what it was granted. It calls through `call`.
 */
import { containerLinkName } from '../../../src/model/endpoint.js'
import type { Call } from '../../support/daemon.js'
import { textAt } from '../../support/json.js'
import { ip } from '../scratch.js'
import type { Daemons } from './daemon.js'

export interface Granted {
  readonly PoolID: string
  readonly Address: string
}

interface Namespaces {
  readonly host: string
  readonly container: string
}

export class Dockerd {
  readonly granted = new Map<string, Granted>()
  readonly networks = new Set<string>()
  readonly pools = new Set<string>()
  readonly #daemons: Daemons
  readonly #namespaces: Namespaces
  /** Ends of links in the container. */
  readonly #inside = new Set<string>()
  readonly #hasIpv6: boolean

  constructor(daemons: Daemons, namespaces: Namespaces, hasIpv6 = true) {
    this.#daemons = daemons
    this.#namespaces = namespaces
    this.#hasIpv6 = hasIpv6
  }

  /** Calls a method, and what goes with it. Throws an Error with Docker's text, or the connection's error. */
  readonly call: Call = async (method, asked = {}) => {
    const body = this.#hasIpv6 ? asked : withoutIpv6(asked)
    if (body === undefined) return {}
    if (method === 'NetworkDriver.Leave') await this.#post('NetworkDriver.RevokeExternalConnectivity', body)
    try {
      this.#forget(method, body)
      const answer = await this.#post(method, body)
      await this.#goOn(method, body, answer)
      return answer
    } finally {
      if (method === 'NetworkDriver.Leave') this.#takeBack(textAt(body, 'EndpointID'))
    }
  }

  /** All containers are dead, and their network namespaces with them. */
  killContainers(): void {
    for (const name of this.#inside) ip(this.#namespaces.container, `link delete ${name}`)
    this.#inside.clear()
  }

  async #post(method: string, body: unknown): Promise<unknown> {
    const { status, body: answer, text } = await this.#daemons.post(method, body)
    if (status !== 200) throw new Error(`${method}: ${text}`)
    return answer
  }

  async #goOn(method: string, body: unknown, answer: unknown): Promise<void> {
    switch (method) {
      case 'IpamDriver.RequestPool':
        this.pools.add(textAt(answer, 'PoolID'))
        break
      case 'IpamDriver.RequestAddress': {
        const [Address = ''] = textAt(answer, 'Address').split('/')
        this.granted.set(Address, { PoolID: textAt(body, 'PoolID'), Address })
        break
      }
      case 'NetworkDriver.CreateNetwork':
        this.networks.add(textAt(body, 'NetworkID'))
        break
      case 'NetworkDriver.Join':
        await this.#post('NetworkDriver.ProgramExternalConnectivity', body)
        await this.#post('NetworkDriver.EndpointOperInfo', body)
        this.#move(textAt(answer, 'InterfaceName', 'SrcName'))
    }
  }

  /** What is given back, dockerd has forgotten, whatever the answer. */
  #forget(method: string, body: unknown): void {
    if (method === 'IpamDriver.ReleaseAddress') this.granted.delete(textAt(body, 'Address'))
    if (method === 'IpamDriver.ReleasePool') this.pools.delete(textAt(body, 'PoolID'))
    if (method === 'NetworkDriver.DeleteNetwork') this.networks.delete(textAt(body, 'NetworkID'))
  }

  #move(name: string): void {
    const { host, container } = this.#namespaces
    ip(host, `link set ${name} netns ${container}`)
    ip(container, `link set ${name} up`)
    this.#inside.add(name)
  }

  #takeBack(endpoint: string): void {
    const name = containerLinkName(endpoint)
    if (!this.#inside.delete(name)) return
    const { host, container } = this.#namespaces
    ip(container, `link set ${name} down netns ${host}`)
  }
}

/** The same for a network without IPv6; undefined = not called at all. */
function withoutIpv6(body: unknown): object | undefined {
  if (`${textAt(body, 'Pool')}${textAt(body, 'PoolID')}`.includes(':')) return undefined
  const { Interface, ...rest } = body as { Interface?: object }
  return {
    ...rest,
    ...('IPv6Data' in rest ? { IPv6Data: [] } : {}),
    ...(Interface === undefined ? {} : { Interface: { ...Interface, AddressIPv6: '' } })
  }
}
