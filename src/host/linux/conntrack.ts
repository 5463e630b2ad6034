/**
 * Connection tracking remembers flows of an address that is no longer in use, with what was translated for them; a
 * container that gets the address next must not inherit them. Flows that are older than a published port go on past it. Done
 * behind the answer: nobody waits for it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { KernelError } from '../../errors.js'
import type { Log } from '../../log.js'
import { bytesToIp, familyOf, ipToBytes } from './bytes.js'
import { AF, CTA, CTA_FILTER, CTA_FILTER_F_IP_SRC, CTA_IP, CTA_TUPLE_IP } from './constants.js'
import type { Kernel } from './kernel.js'
import { deletionOf, getEntries } from './conntrack-messages.js'
import { flushUntranslated } from './conntrack-ports.js'
import type { UdpPort } from './conntrack-ports.js'
import { attribute, findNested, nested } from './messages.js'
import type { Message } from './messages.js'
import { NFGENMSG_SIZE } from './nftables.js'

const COUNT = '/proc/sys/net/netfilter/nf_conntrack_count'
const TUPLES = [CTA.TUPLE_ORIG, CTA.TUPLE_REPLY] as const

/** Flushes one after the other; addresses that come meanwhile are done together. What goes wrong is only logged. */
export class ConntrackCleaner {
  readonly #kernel: Kernel
  readonly #log: Log
  #waiting = new Set<string>()
  #ports: UdpPort[] = []
  #running: Promise<void> | undefined

  constructor(kernel: Kernel, log: Log) {
    this.#kernel = kernel
    this.#log = log
  }

  /** Returns at once. */
  forget(addresses: Iterable<string>): void {
    for (const address of addresses) this.#waiting.add(address)
    if (this.#waiting.size > 0) this.#running ??= this.#run()
  }

  /** The same for flows that are older than the ports they go to. */
  restart(ports: readonly UdpPort[]): void {
    this.#ports.push(...ports)
    if (this.#ports.length > 0) this.#running ??= this.#run()
  }

  /** Waits until everything is done. */
  async idle(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#waiting.size > 0 || this.#ports.length > 0) {
      const [addresses, ports] = [this.#waiting, this.#ports]
      this.#waiting = new Set()
      this.#ports = []
      try {
        const flushed =
          (await flushConntrack(addresses, this.#kernel)) + (await flushUntranslated(ports, this.#kernel))
        if (flushed > 0)
          this.#log.debug('conntrack entries flushed', {
            addresses: addresses.size,
            ports: ports.length,
            flushed
          })
      } catch (error) {
        if (!(error instanceof KernelError)) throw error
        this.#log.warn('conntrack entries of addresses that are gone remain', { err: error.message })
      }
    }
    this.#running = undefined
  }
}

/**
 * Deletes all entries that have one of the addresses as source or destination, in either direction. Returns how many.
 * Throws KernelError if they cannot be listed.
 */
export async function flushConntrack(addresses: ReadonlySet<string>, kernel: Kernel): Promise<number> {
  if (addresses.size === 0 || kernel.inside(countEntries) === 0) return 0
  const found = new Map<string, Message>()
  for (const question of questionsFor(addresses)) {
    for (const [id, message] of await kernel.filterDumps.dump(question, (body) => deletion(body, addresses)))
      found.set(id, message)
  }
  const answers = await kernel.filter.request([...found.values()])
  return answers.filter(({ errno }) => errno === undefined).length
}

/** Entries of this network namespace; none where the kernel does not track connections. */
function countEntries(): number {
  return existsSync(COUNT) ? Number(readFileSync(COUNT, 'utf8')) : 0
}

/** Of one address the kernel picks the entries itself, from 5.8 on; of many it is asked for all entries once. */
function questionsFor(addresses: ReadonlySet<string>): Message[] {
  const [only = ''] = addresses
  if (addresses.size > 1) return [getEntries(AF.UNSPEC)]
  const address = ipToBytes(only)
  const family = familyOf(address)
  const source = attribute(family === AF.INET ? CTA_IP.V4_SRC : CTA_IP.V6_SRC, address)
  return TUPLES.map((tuple) =>
    getEntries(family, nested(tuple, nested(CTA_TUPLE_IP, source)), filterBy(tuple))
  )
}

/** The flags are the only numbers here in the byte order of the machine. */
function filterBy(tuple: number): Buffer {
  const flags = (isWanted: boolean): Buffer => Buffer.of(isWanted ? CTA_FILTER_F_IP_SRC : 0, 0, 0, 0)
  return nested(
    CTA.FILTER,
    attribute(CTA_FILTER.ORIG_FLAGS, flags(tuple === CTA.TUPLE_ORIG)),
    attribute(CTA_FILTER.REPLY_FLAGS, flags(tuple === CTA.TUPLE_REPLY))
  )
}

/** Id of the entry and the message that deletes it, if one of the addresses is in it. */
function deletion(body: Buffer, addresses: ReadonlySet<string>): readonly [string, Message] | undefined {
  const family = body[0] ?? AF.UNSPEC
  const keys = family === AF.INET ? [CTA_IP.V4_SRC, CTA_IP.V4_DST] : [CTA_IP.V6_SRC, CTA_IP.V6_DST]
  const isConcerned = TUPLES.some((tuple) =>
    keys.some((key) => {
      const address = findNested(body, NFGENMSG_SIZE, tuple, CTA_TUPLE_IP, key)
      return address !== undefined && addresses.has(bytesToIp(address))
    })
  )
  if (!isConcerned) return undefined
  const message = deletionOf(body)
  return [message.body.toString('latin1'), message]
}
