/** Daemons that die when they are told to, one after the other, in one network namespace and on one state directory. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withNetns } from '../../../src/host/linux/netns.js'
import { exchange } from '../../support/plugin.js'
import type { Reply } from '../../support/plugin.js'
import { pathOf } from '../scratch.js'
import type { Order } from './mortal.js'

const PROGRAM = fileURLToPath(new URL('mortal.js', import.meta.url))
const READY = '"message":"ready"'
/** Far more than a start takes: a daemon that needs longer hangs. */
const START_LIMIT_MS = 30_000
const IMMORTAL = 1_000_000_000

export interface Place {
  /** Name of the network namespace. */
  readonly netns: string
  /** Everything on disk is below it. */
  readonly directory: string
}

export interface StartOptions {
  /** It dies with so many effects; absent, it does not die. */
  readonly dieAfter?: number
  readonly sweepMs?: number
}

interface Process {
  readonly child: ChildProcess
  readonly gone: Promise<void>
  readonly waiting: Promise<void>
  /** What it said on standard error. */
  said: string
}

export class Daemons {
  readonly #place: Place
  #current: Process | undefined
  /** Waits for its order, so that a start is quick. */
  #next: Process | undefined

  constructor(place: Place) {
    this.#place = place
  }

  get stateDirectory(): string {
    return join(this.#place.directory, 'state')
  }

  /** What the present daemon, or the last one, has logged. */
  get log(): string {
    return this.#current?.said ?? ''
  }

  /** The effect with which the last one died, or before which. */
  get lastEffect(): string {
    return /^killed (.*)$/m.exec(this.log)?.[1]?.replaceAll(`${this.stateDirectory}/`, '') ?? 'nothing'
  }

  /** True = it serves, false = it died on the way. */
  async start({ dieAfter = IMMORTAL, sweepMs }: StartOptions = {}): Promise<boolean> {
    await this.kill()
    const next = this.#next ?? this.#load()
    this.#current = next
    this.#next = undefined
    await next.waiting
    const ready = this.#ready(next)
    const order = { dieAfter, argv: this.#argv(), ...(sweepMs === undefined ? {} : { sweepMs }) }
    await tell(next, order)
    const isUp = await ready
    this.#next = this.#load()
    return isUp
  }

  /** The present one dies with so many more effects. */
  async limit(dieAfter = IMMORTAL): Promise<void> {
    if (this.#current) await tell(this.#current, { dieAfter })
  }

  /** Asks; throws if there is no answer. */
  post(method: string, body?: unknown): Promise<Reply> {
    const text = body === undefined ? '' : JSON.stringify(body)
    return exchange(this.#socket, `/${method}`, { body: text })
  }

  /** Resolves when the present one is dead. */
  async died(): Promise<void> {
    await this.#current?.gone
  }

  /** Without warning. */
  async kill(): Promise<void> {
    await end(this.#current)
  }

  async close(): Promise<void> {
    await end(this.#current)
    await end(this.#next)
    this.#next = undefined
  }

  get #socket(): string {
    return join(this.#place.directory, 'net-routed.sock')
  }

  #argv(): readonly string[] {
    return [
      ...['--state-dir', this.stateDirectory, '--netsock', this.#socket, '--ipamsock', this.#socket],
      ...['--mtu', '1500']
    ]
  }

  #load(): Process {
    const child = withNetns(pathOf(this.#place.netns), () =>
      fork(PROGRAM, [this.stateDirectory], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    )
    const gone = new Promise<void>((resolve) => child.once('close', resolve))
    const waiting = new Promise<void>((resolve) =>
      child.once('message', () => {
        resolve()
      })
    )
    const process: Process = { child, gone, waiting, said: '' }
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (process.said += text))
    return process
  }

  /** False = it died before it was ready. */
  #ready(process: Process): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        reject(new Error(`a daemon is neither ready nor dead; it said:\n${process.said}`))
      }, START_LIMIT_MS)
      const settle = (isReady: boolean): void => {
        clearTimeout(limit)
        resolve(isReady)
      }
      process.child.stderr?.on('data', () => {
        if (process.said.includes(READY)) settle(true)
      })
      void process.gone.then(() => {
        if (/^killed/m.test(process.said)) settle(false)
        else reject(new Error(`a daemon ended by itself; it said:\n${process.said}`))
      })
    })
  }
}

/** Resolves when the process has heard it, or is dead. */
async function tell({ child, gone }: Process, order: Order): Promise<void> {
  const heard = new Promise<void>((resolve) =>
    child.once('message', () => {
      resolve()
    })
  )
  child.send(order, () => undefined)
  await Promise.race([heard, gone])
}

async function end(process: Process | undefined): Promise<void> {
  process?.child.kill('SIGKILL')
  await process?.gone
}
