/**
 * Notifications of the kernel. Node cannot wait for a netlink socket, and a thread that does would hold up the end of the
 * process; so the kernel is asked to send a signal when something arrives (fcntl(2), F_SETSIG). SIGURG, because nothing
 * else uses it here and because it does no harm to a process that does not listen.
 */
import { constants } from 'node:os'
import { NETLINK_OPTION } from './constants.js'
import { decode } from './messages.js'
import type { Received } from './messages.js'
import { openSocket } from './netlink.js'
import { close, joinGroup, receive, signalOnInput } from './syscalls.js'

const SIGNAL = 'SIGURG'
const DATAGRAM_BYTES = 64 * 1024
/** Datagrams handled before the event loop runs again. */
const DATAGRAMS_PER_TURN = 64

/** A socket in multicast groups, in the network namespace of the calling thread. */
export class EventSocket {
  readonly #fd: number
  readonly #datagram = Buffer.alloc(DATAGRAM_BYTES)
  readonly #drain = (): void => {
    this.#read()
  }
  #isOpen = true
  #onMessage: (message: Received) => void = () => undefined
  #onLoss: () => void = () => undefined

  constructor(protocol: number, groups: readonly number[]) {
    this.#fd = openSocket(protocol)
    for (const group of groups) joinGroup(this.#fd, NETLINK_OPTION.ADD_MEMBERSHIP, group)
  }

  /** Calls back for each message from now on, and when messages were lost because they came too fast. */
  listen(onMessage: (message: Received) => void, onLoss: () => void = () => undefined): void {
    this.#onMessage = onMessage
    this.#onLoss = onLoss
    process.on(SIGNAL, this.#drain)
    signalOnInput(this.#fd, constants.signals[SIGNAL])
    setImmediate(this.#drain)
  }

  /** Stops at once. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    close(this.#fd)
    process.off(SIGNAL, this.#drain)
  }

  #read(): void {
    for (let count = 0; this.#isOpen && count < DATAGRAMS_PER_TURN; count++) {
      const received = receive(this.#fd, this.#datagram)
      if (received === 'nothing') return
      if (received === 'lost') this.#onLoss()
      else this.#tell(this.#datagram.subarray(0, received))
    }
    if (this.#isOpen) setImmediate(this.#drain)
  }

  #tell(datagram: Buffer): void {
    for (const message of decode(datagram)) if (this.#isOpen) this.#onMessage(message)
  }
}
