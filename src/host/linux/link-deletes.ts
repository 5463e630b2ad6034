/**
 * Deleting links, many at a time. The kernel waits for 16 to 24 ms after a delete although the link is gone after 1 or 2, and
 * it waits only once for many links. So: one request for all, by group, in a thread; done when the kernel has told that
 * they are gone.
 */
import { keyOf } from '../objects.js'
import type { Op } from '../objects.js'
import { AF, NETLINK, RTM, RTNLGRP } from './constants.js'
import { EventSocket } from './event-socket.js'
import { findLinkAt, findLinks, refusal } from './kernel.js'
import type { Failures, Kernel } from './kernel.js'
import { deleteGroup, isOurs, setGroup } from './links.js'
import type { Message } from './messages.js'
import type { Answer } from './netlink.js'
import { NetlinkSocket } from './netlink.js'
import { isShaperLink, shaperLink } from './shapers.js'

interface Doomed {
  readonly op: Op
  readonly index: number
}

/** Groups are used in turn, so that two batches at once do not delete each other's links. */
const FIRST_GROUP = 0x6e720001
const GROUPS = 0xfffe
/** Node's own default. */
const POOL_THREADS = 4
/** Threads of the pool that deletes leave to other changes and to files. */
const SPARE_THREADS = 2
/** Offset of the index in struct ifinfomsg. */
const INDEX_OFFSET = 4

/** The link that goes with an object. */
function nameOf({ object }: Op): string[] {
  if (object.kind === 'link') return [object.name]
  return object.kind === 'shaper' && object.direction === 'out' ? [shaperLink(object.link)] : []
}

/** Deletes links. Each batch keeps a thread busy until long after its links are gone: only so many at once. */
export class LinkDeleter {
  readonly #kernel: Kernel
  readonly #running = new Set<Promise<unknown>>()
  readonly #limit = Math.max(1, (Number(process.env['UV_THREADPOOL_SIZE']) || POOL_THREADS) - SPARE_THREADS)
  #batches = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** Deletes the links that are still there and still ours. Resolves when they are gone. */
  async delete(ops: readonly Op[]): Promise<Failures> {
    while (this.#running.size >= this.#limit) await Promise.race(this.#running)
    const doomed = await this.#find(ops)
    if (doomed.length === 0) return new Map()
    const group = FIRST_GROUP + (this.#batches++ % GROUPS)
    const grouped = await this.#kernel.requests.request(doomed.map(({ index }) => setGroup(index, group)))
    const failures: Failures = new Map()
    const ready = doomed.filter(({ op }, at) => {
      const answer = grouped[at]
      if (answer?.errno === undefined) return true
      if (answer.errno !== 'ENODEV') failures.set(keyOf(op.object), refusal(op, answer.errno, answer.text))
      return false
    })
    const answer = ready.length === 0 ? undefined : await this.#deleteGroup(group, ready)
    if (answer?.errno !== undefined) await this.#blame(ready, answer, failures)
    return failures
  }

  async #find(ops: readonly Op[]): Promise<Doomed[]> {
    const found = await findLinks(this.#kernel, ops.flatMap(nameOf))
    return ops.flatMap((op): Doomed[] => {
      const link = found.get(nameOf(op)[0] ?? '')
      return link && (isOurs(link) || isShaperLink(link)) ? [{ op, index: link.index }] : []
    })
  }

  /** Resolves with the kernel's answer, or with nothing as soon as all links are gone. */
  async #deleteGroup(group: number, ready: readonly Doomed[]): Promise<Answer | undefined> {
    const events = this.#kernel.inside(() => new EventSocket(NETLINK.ROUTE, [RTNLGRP.LINK]))
    const remaining = new Set(ready.map(({ index }) => index))
    const gone = new Promise<undefined>((resolve) => {
      events.listen(({ type, body }) => {
        if (type === RTM.DELLINK && body[0] === AF.UNSPEC) remaining.delete(body.readInt32LE(INDEX_OFFSET))
        if (remaining.size === 0) resolve(undefined)
      })
    })
    try {
      return await Promise.race([gone, this.#send(deleteGroup(group))])
    } finally {
      events.close()
    }
  }

  /** On a socket of its own, since others would have to wait for its answer. */
  async #send(message: Message): Promise<Answer | undefined> {
    const socket = this.#kernel.inside(() => new NetlinkSocket())
    const answers = socket.request([message])
    this.#running.add(answers)
    try {
      return (await answers)[0]
    } finally {
      this.#running.delete(answers)
      await socket.close()
    }
  }

  async #blame(ready: readonly Doomed[], answer: Answer, failures: Failures): Promise<void> {
    for (const { op, index } of ready) {
      const left = await findLinkAt(this.#kernel, index)
      if (left) failures.set(keyOf(op.object), refusal(op, answer.errno ?? 'EIO', answer.text))
    }
  }
}
