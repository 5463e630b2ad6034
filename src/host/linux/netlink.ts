/**
 * Conversation with the kernel over one netlink socket.
 *
 * Invariants: one conversation at a time, others wait for their turn; every message asks for an acknowledgement and is
 * known by its sequence number, because a failing message does not stop the ones after it; all acknowledgements are in the
 * receive buffer when `send` returns, so nothing ever waits for the kernel; what does not fit there is lost, hence chunks.
 */
import { KernelError } from '../../errors.js'
import { NETLINK, NETLINK_OPTION, NLM_F, NLMSG, NLMSGERR_ATTR_MSG, SO, SOL } from './constants.js'
import { decode, encode, findText } from './messages.js'
import type { Message, Received } from './messages.js'
import { close, errnoName, openNetlink, receive, receiveLater, send, setOption } from './syscalls.js'
import { Turns } from '../turns.js'

/** What the kernel said to one message. */
export interface Answer {
  /** Absent = done. */
  readonly errno?: string
  /** The kernel's own words (extended acknowledgement), or the errno again. */
  readonly text: string
  /** Body of the message that was asked for. */
  readonly reply?: Buffer
}

const MESSAGES_PER_SEND = 64
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
/** The kernel fills at most 32 KiB at a time when it dumps. */
const DATAGRAM_BYTES = 64 * 1024
const HEADER_BYTES = 16
const ERRNO_BYTES = 4
const MAX_DUMPS = 10

/** Opens a netlink socket with a receive buffer that holds a burst. */
export function openSocket(protocol: number): number {
  const fd = openNetlink(protocol)
  if (!setOption(fd, SOL.SOCKET, SO.RCVBUFFORCE, RECEIVE_BUFFER_BYTES)) {
    setOption(fd, SOL.SOCKET, SO.RCVBUF, RECEIVE_BUFFER_BYTES)
  }
  return fd
}

export class NetlinkSocket {
  readonly #fd: number
  readonly #datagram = Buffer.alloc(DATAGRAM_BYTES)
  #sequence = 0
  #port: number | undefined
  readonly #turns = new Turns()

  /** Opens a socket in the network namespace of the calling thread. */
  constructor(protocol: number = NETLINK.ROUTE) {
    this.#fd = openSocket(protocol)
    for (const option of [NETLINK_OPTION.EXT_ACK, NETLINK_OPTION.CAP_ACK, NETLINK_OPTION.GET_STRICT_CHK]) {
      setOption(this.#fd, SOL.NETLINK, option, 1)
    }
  }

  /** What the kernel knows the socket by; undefined before the first answer. Events that it causes carry it. */
  get port(): number | undefined {
    return this.#port
  }

  /** Sends messages and gives the answer to each, in order. A failing one does not stop the others. */
  request(messages: readonly Message[]): Promise<Answer[]> {
    return this.#turns.take(async () => {
      const answers: Answer[] = []
      for (let at = 0; at < messages.length; at += MESSAGES_PER_SEND) {
        answers.push(...(await this.#exchange(messages.slice(at, at + MESSAGES_PER_SEND))))
      }
      return answers
    })
  }

  /**
   * Sends messages as one transaction, between two that mark its ends: all are done, or none. Gives the answer to each, in
   * order; if none is done, those that are not to blame have no errno.
   */
  transact(messages: readonly Message[], [begin, end]: readonly [Message, Message]): Promise<Answer[]> {
    return this.#turns.take(() => this.#exchange(messages, begin, end))
  }

  /**
   * Asks for all objects of a type and decodes each, leaving out undefined. The event loop runs between pieces. None if
   * the table that would have them does not exist. Starts again when the kernel says that things changed meanwhile; throws
   * KernelError EINTR if they never hold still.
   */
  dump<T>(message: Message, decodeBody: (body: Buffer) => T | undefined): Promise<T[]> {
    return this.#turns
      .take(async () => {
        for (let attempt = 0; attempt < MAX_DUMPS; attempt++) {
          const found = await this.#dumpOnce(message, decodeBody)
          if (found) return found
        }
        throw new KernelError('EINTR', 'cannot list kernel objects: they change all the time')
      })
      .catch(nothingIfMissing)
  }

  /** Closes the socket after the conversations that have begun. */
  async close(): Promise<void> {
    await this.#turns.take(() => {
      close(this.#fd)
      return Promise.resolve()
    })
  }

  async #exchange(messages: readonly Message[], begin?: Message, end?: Message): Promise<Answer[]> {
    const beginning = this.#sequence + 1
    const first = begin ? beginning + 1 : beginning
    const asked = messages.map((message) => ({
      ...message,
      flags: message.flags | NLM_F.REQUEST | NLM_F.ACK
    }))
    const packets = [...(begin ? [begin] : []), ...asked, ...(end ? [end] : [])].map((message) =>
      encode(message, ++this.#sequence)
    )
    try {
      await send(this.#fd, Buffer.concat(packets))
    } catch (error) {
      if (!(error instanceof KernelError)) throw error
      const { errno, message: text } = error
      return messages.map(() => ({ errno, text }))
    }
    const answers = this.#answers(beginning, messages.length)
    const whole = begin && answers.get(beginning)
    return messages.map((_, index) => whole ?? answers.get(first + index) ?? LOST)
  }

  #answers(first: number, count: number): Map<number, Answer> {
    const answers = new Map<number, Answer>()
    const replies = new Map<number, Buffer>()
    while (answers.size < count) {
      const length = receive(this.#fd, this.#datagram)
      if (length === 'nothing') break
      if (length === 'lost') continue
      for (const { type, flags, sequence, port, body } of decode(this.#datagram.subarray(0, length))) {
        this.#port = port
        if (sequence < first) continue
        if (type !== NLMSG.ERROR) replies.set(sequence, Buffer.from(body))
        else answers.set(sequence, answerOf(body, flags, replies.get(sequence)))
      }
    }
    return answers
  }

  async #dumpOnce<T>(
    message: Message,
    decodeBody: (body: Buffer) => T | undefined
  ): Promise<T[] | undefined> {
    const sequence = ++this.#sequence
    await send(this.#fd, encode({ ...message, flags: message.flags | NLM_F.REQUEST | NLM_F.DUMP }, sequence))
    const found: T[] = []
    let interrupted = false
    for (;;) {
      const length = await receiveLater(this.#fd, this.#datagram)
      for (const received of decode(this.#datagram.subarray(0, length))) {
        if (received.sequence !== sequence) continue
        interrupted ||= (received.flags & NLM_F.DUMP_INTR) !== 0
        if (isEnd(received)) return interrupted ? undefined : found
        const object = decodeBody(received.body)
        if (object !== undefined) found.push(object)
      }
    }
  }
}

const LOST: Answer = { errno: 'ENOBUFS', text: 'the answer of the kernel was lost' }

/** A namespace without routes has no main table, and one without our nftables tables has no elements. */
function nothingIfMissing(error: unknown): [] {
  if (error instanceof KernelError && error.errno === 'ENOENT') return []
  throw error
}

/** True for the last message of a dump. Throws KernelError if the dump failed. */
function isEnd({ type, flags, body }: Received): boolean {
  if (type !== NLMSG.DONE && type !== NLMSG.ERROR) return false
  const { errno, text } = answerOf(body, type === NLMSG.DONE ? 0 : flags, undefined)
  if (errno !== undefined) throw new KernelError(errno, `cannot list kernel objects: ${text}`)
  return true
}

/** Decodes struct nlmsgerr: the errno, the header of the request (all of it unless capped), attributes. */
function answerOf(body: Buffer, flags: number, reply: Buffer | undefined): Answer {
  const errno = -body.readInt32LE(0)
  const rest = reply === undefined ? {} : { reply }
  if (errno === 0) return { text: 'done', ...rest }
  const name = errnoName(errno)
  // The end of a dump has nothing but the errno.
  const hasText = (flags & NLM_F.ACK_TLVS) !== 0
  const header = (): number => ((flags & NLM_F.CAPPED) !== 0 ? HEADER_BYTES : body.readUInt32LE(ERRNO_BYTES))
  const said = hasText ? findText(body, ERRNO_BYTES + header(), NLMSGERR_ATTR_MSG) : undefined
  return { errno: name, text: said === undefined ? name : `${name}: ${said}`, ...rest }
}
