/**
 * Puts into containers what their engine cannot be told of. The engine moves the container end after it has our answer, and
 * sets it up; only then there is something to add to. When that is, the kernel tells by an event of the host end, newer
 * engines by their next request; what both missed is found by the upkeep.
 *
 * What was added once is not looked at again: what a container does to its own end is its own business.
 */
import { additionOf } from '../desired/end-addition.js'
import { InvalidError, KernelError } from '../errors.js'
import type { ContainerEnds, EndAddition } from '../host/ends.js'
import type { HostChange } from '../host/host.js'
import type { Log } from '../log.js'
import { hostLinkName } from '../model/endpoint.js'
import type { EndpointOptions } from '../model/options/option.js'
import type { Records } from '../store/records.js'
import { Exclusive } from './exclusive.js'

interface Parts {
  readonly records: Records
  readonly ends: ContainerEnds
  readonly log: Log
}

/** Where the additions of an endpoint stand. `reason`: why they are not in the container. */
export interface AdditionState {
  readonly isThere: boolean
  readonly reason?: string
}

/** Docker's name for `/run` (FHS 3.0 §3.15). A container that we run in may not have it. */
const VAR_RUN = /^\/var\/run\//
const NO_LINK = 'the container end is not set up yet'

export class Additions {
  readonly #parts: Parts
  readonly #exclusive = new Exclusive()
  /** By endpoint, as long as it has something to be added. */
  readonly #states = new Map<string, AdditionState & { readonly sandbox: string }>()
  /** Ids of endpoints by the key of their host end. */
  readonly #ids = new Map<string, string>()
  /** Those whose fault was logged. */
  readonly #told = new Set<string>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Undefined for an endpoint that has nothing to be added. */
  stateOf(id: string): AdditionState | undefined {
    return this.#states.get(id)
  }

  /** Before an endpoint or a network is made: throws InvalidError if what it needs could never be done here. */
  refuseImpossible({ extraAddresses = [], sysctls = {} }: EndpointOptions): void {
    const { ends } = this.#parts
    const unknown = Object.keys(sysctls).find((key) => !ends.knowsSysctl(key))
    if (unknown !== undefined)
      throw new InvalidError(`net-routed.sysctl.${unknown}: this kernel has no such setting`)
    const names = [
      ...(extraAddresses.length > 0 ? ['net-routed.addresses'] : []),
      ...Object.keys(sysctls).map((key) => `net-routed.sysctl.${key}`)
    ]
    const refusal = names.length > 0 ? ends.refusal() : undefined
    if (!refusal) return
    throw new InvalidError(
      `${names.join(', ')}: the daemon may not enter containers (${refusal.errno}): it needs the capability SYS_ADMIN, see docs/addresses.md`,
      { cause: refusal }
    )
  }

  /** Adds what is missing, as far as the engine has come. Never throws what can be expected: see `stateOf`. */
  settle(id: string): Promise<void> {
    return this.#exclusive.run(id, async () => {
      const endpoint = this.#parts.records.get('endpoint', id)
      const addition = endpoint && additionOf(endpoint)
      if (!addition || !endpoint.sandbox) {
        this.#forget(id)
        return
      }
      this.#ids.set(linkKey(id), id)
      const { path } = endpoint.sandbox
      const known = this.#states.get(id)
      const reason = await this.#extend(path, addition)
      this.#states.set(id, { sandbox: path, isThere: reason === undefined, ...(reason ? { reason } : {}) })
      if (reason === undefined && !known?.isThere)
        this.#parts.log.info('container has its additions', { endpoint: id, addresses: addition.addresses })
    })
  }

  /** All that are not there yet; at the start of the daemon, all. */
  async settleAll(): Promise<void> {
    for (const id of [...this.#states.keys()]) if (!this.#parts.records.get('endpoint', id)) this.#forget(id)
    for (const endpoint of this.#parts.records.all('endpoint')) {
      const { id, sandbox } = endpoint
      const known = this.#states.get(id)
      if ((known?.isThere && known.sandbox === sandbox?.path) || !additionOf(endpoint)) continue
      await this.settle(id)
      if (known && !known.isThere) this.#complain(id)
    }
  }

  /** A kernel event: of a link that containers with additions have, they are done again. */
  async heard({ kind, key, gone }: HostChange): Promise<void> {
    const id = kind === 'link' && !gone && key !== undefined ? this.#ids.get(key) : undefined
    if (id !== undefined) await this.settle(id)
  }

  /** Why it could not be done, in words. */
  async #extend(netns: string, addition: EndAddition): Promise<string | undefined> {
    try {
      const extent = await this.#parts.ends.extend(netns.replace(VAR_RUN, '/run/'), addition)
      if (extent === 'done') return undefined
      return extent === 'no link' ? NO_LINK : `the daemon does not see ${netns}`
    } catch (error) {
      if (!(error instanceof KernelError)) throw error
      return error.message
    }
  }

  /** Once, of what the engine cannot be still at. */
  #complain(id: string): void {
    const state = this.#states.get(id)
    if (state?.reason === undefined || this.#told.has(id)) return
    this.#told.add(id)
    this.#parts.log.error('container does not get its additions', { endpoint: id, err: state.reason })
  }

  #forget(id: string): void {
    this.#told.delete(id)
    this.#states.delete(id)
    this.#ids.delete(linkKey(id))
  }
}

function linkKey(id: string): string {
  return `link ${hostLinkName(id)}`
}
