/** Checks over the network, out of this process, and by programs that the operator has put into a directory. */
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Probe, Prober } from '../prober.js'
import { exec } from './exec.js'

/** Programs that run at a time; others wait. */
const PROGRAMS_AT_ONCE = 8
const OUTPUT_SHOWN = 200
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** `programs`: absent = there are none. */
export function linuxProber(programs: string | undefined): Prober {
  const slots = new Slots(PROGRAMS_AT_ONCE)
  return {
    probe: (probe, timeoutMs) => {
      switch (probe.type) {
        case 'tcp':
          return tcp(probe, timeoutMs)
        case 'http':
          return http(probe, timeoutMs)
        case 'exec':
          return slots.run(() => program(programs, probe, timeoutMs))
      }
    }
  }
}

function tcp(
  { address, port }: Extract<Probe, { type: 'tcp' }>,
  timeoutMs: number
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: timeoutMs })
    const end = (error?: string): void => {
      socket.destroy()
      resolve(error)
    }
    socket.on('connect', () => {
      end()
    })
    socket.on('timeout', () => {
      end(`${where(address, port)} does not answer within ${String(timeoutMs)} ms`)
    })
    socket.on('error', ({ message }) => {
      end(message)
    })
  })
}

/** Any answer from 200 to 399 is good; its body is not read. */
function http(
  { address, port, path }: Extract<Probe, { type: 'http' }>,
  timeoutMs: number
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({
      host: address,
      port,
      path,
      agent: false,
      headers: { 'user-agent': 'net-routed' }
    })
    const end = (error?: string): void => {
      clearTimeout(timer)
      asked.destroy()
      resolve(error)
    }
    // For all of it: a server that sends a byte now and then is no good.
    const timer = setTimeout(() => {
      end(`http://${where(address, port)}${path} does not answer within ${String(timeoutMs)} ms`)
    }, timeoutMs)
    asked.on('response', ({ statusCode = 0 }) => {
      const isGood = statusCode >= 200 && statusCode < 400
      end(
        isGood ? undefined : `http://${where(address, port)}${path} answers with status ${String(statusCode)}`
      )
    })
    asked.on('error', ({ message }) => {
      end(message)
    })
    asked.end()
  })
}

async function program(
  programs: string | undefined,
  { name, environment }: Extract<Probe, { type: 'exec' }>,
  timeoutMs: number
): Promise<string | undefined> {
  if (programs === undefined)
    return `exec:${name}: this host has no programs for checks: see --check-programs`
  const path = join(programs, name)
  const { code, errno, stdout, stderr } = await exec([path], { timeoutMs, env: { PATH, ...environment } })
  if (code === 0) return undefined
  const why = errno === undefined ? `ends with ${String(code)}` : `fails with ${errno}`
  const output = `${stderr} ${stdout}`.replaceAll(/\s+/g, ' ').trim().slice(0, OUTPUT_SHOWN)
  return `${path} ${why}${output ? `: ${output}` : ''}`
}

function where(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${String(port)}`
}

/** Work of which only so much is done at a time, in the order in which it came. */
class Slots {
  readonly #waiting: (() => void)[] = []
  #free: number

  constructor(count: number) {
    this.#free = count
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }
}
