/**
 * The command sockets of FRR's and Quagga's daemons, which vtysh uses too (FRR lib/vty.c, vtysh/vtysh.c): a command ends
 * with a NUL; its answer is text, then three NULs and a byte with the status. One socket for each daemon; `vtysh` is not
 * needed, so the sockets' directory is all that a container needs of the host.
 */
import { createConnection } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { TimeoutError, UnavailableError, messageOf } from '../../errors.js'
import { Turns } from '../turns.js'
import type { OpenVty, VtyAnswer, VtySession } from '../vty.js'

const END = Buffer.from([0, 0, 0])
/** The largest of FRR's answers, a running configuration or a database, take less than a second. */
const LIMIT_MS = 10_000

interface Pending {
  readonly command: string
  readonly resolve: (answer: VtyAnswer) => void
  readonly reject: (error: Error) => void
}

/** Opens sessions with the daemons whose sockets are in a directory. */
export function vtyIn(directory: string): OpenVty {
  return async (daemon) => {
    const path = join(directory, `${daemon}.vty`)
    const session = new SocketSession(path, await connect(path, daemon))
    await session.run('enable')
    return session
  }
}

class SocketSession implements VtySession {
  readonly closed: Promise<void>
  readonly #path: string
  readonly #socket: Socket
  #received: Buffer[] = []
  #pending: Pending | undefined
  readonly #turns = new Turns()
  #error: Error | undefined

  constructor(path: string, socket: Socket) {
    this.#path = path
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk)
    })
    socket.on('error', (error) => {
      this.#fail(new UnavailableError(`${path}: ${error.message}`, { cause: error }))
    })
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#fail(new UnavailableError(`${path}: the routing daemon has closed the session`))
        resolve()
      })
    })
  }

  run(command: string): Promise<VtyAnswer> {
    return this.#turns.take(() => this.#send(command))
  }

  close(): void {
    this.#socket.destroy()
  }

  #send(command: string): Promise<VtyAnswer> {
    if (this.#error) return Promise.reject(this.#error)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const seconds = String(LIMIT_MS / 1000)
        this.#fail(
          new TimeoutError(`${this.#path}: no answer to "${firstWords(command)}" within ${seconds} s`)
        )
        this.#socket.destroy()
      }, LIMIT_MS)
      const end = <T>(settle: (value: T) => void) => {
        return (value: T): void => {
          clearTimeout(timer)
          settle(value)
        }
      }
      this.#received = []
      this.#pending = { command, resolve: end(resolve), reject: end(reject) }
      this.#socket.write(`${command}\0`)
    })
  }

  #receive(chunk: Buffer): void {
    this.#received.push(chunk)
    // The end is looked for only where it can be: a database has many chunks.
    const last = this.#received.length > 1 && chunk.length < END.length + 1 ? this.#joined() : chunk
    if (last.length < END.length + 1 || !last.subarray(-END.length - 1, -1).equals(END)) return
    const all = this.#joined()
    const pending = this.#pending
    this.#pending = undefined
    this.#received = []
    pending?.resolve({
      text: all.subarray(0, -END.length - 1).toString(),
      status: all.at(-1) ?? 0
    })
  }

  #joined(): Buffer {
    const joined = Buffer.concat(this.#received)
    this.#received = [joined]
    return joined
  }

  #fail(error: Error): void {
    this.#error ??= error
    this.#pending?.reject(this.#error)
    this.#pending = undefined
  }
}

function connect(path: string, daemon: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    const timer = setTimeout(() => socket.destroy(new Error('not accepted in time')), LIMIT_MS)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeAllListeners('error')
      resolve(socket)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      reject(new UnavailableError(reason(path, daemon, error), { cause: error }))
    })
  })
}

function reason(path: string, daemon: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return `${daemon} does not run: there is no ${path}`
    case 'ECONNREFUSED':
      return `${daemon} does not run: nobody listens on ${path}`
    case 'EACCES':
      return `${path} may not be opened: net-routed needs the group of that socket, frrvty as a rule`
    default:
      return `${path} cannot be opened: ${messageOf(error)}`
  }
}

/** Commands may hold keys. */
function firstWords(command: string): string {
  return command.split(' ').slice(0, 2).join(' ')
}
