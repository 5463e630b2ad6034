/**
 * Routing daemons in memory, with the rules of FRR's command channel that matter here: modes, stanzas, settings that
 * overwrite each other, a running configuration. Held to the real ones by test/contract/vty-contract.ts. Can be told to
 * fail in the ways that FRR does.
 */
import { UnavailableError } from '../../src/errors.js'
import { keyOfLine, slotOf } from '../../src/host/router-lines.js'
import type { Line } from '../../src/host/router-lines.js'
import type { OpenVty, VtyAnswer, VtySession } from '../../src/host/vty.js'

const STANZA = /^(interface|router|route-map|address-family|bfd$|profile) ?/
/** Negations that FRR keeps as lines. */
const REMEMBERED = /^no ip ospf passive$/
/** FRR has no such command. */
const UNKNOWN = '% Unknown command: '
/** CMD_ERR_NO_MATCH and CMD_WARNING_CONFIG_FAILED of lib/command.h. */
const STATUS_UNKNOWN = 2
const STATUS_FAILED = 13

export class FakeVty {
  /** The running configuration of each daemon that runs. */
  readonly configurations = new Map<string, Line[]>()
  /** What other `show` commands print. */
  readonly shows = new Map<string, string>()
  /** Every command that was run, in order. */
  readonly commands: string[] = []
  /** Lines that are taken without a word and without an effect. */
  ignores: (text: string) => boolean = () => false
  /** Why a line is refused. */
  refuses: (text: string) => string | undefined = () => undefined
  readonly #sessions = new Map<string, Set<() => void>>()

  constructor(...daemons: readonly string[]) {
    for (const daemon of daemons) this.start(daemon)
  }

  readonly open: OpenVty = (daemon) => {
    const lines = this.configurations.get(daemon)
    if (!lines)
      return Promise.reject(new UnavailableError(`${daemon} does not run: there is no ${daemon}.vty`))
    return Promise.resolve(this.#session(daemon))
  }

  /** With an empty configuration. */
  start(daemon: string): void {
    this.configurations.set(daemon, [])
  }

  stop(daemon: string): void {
    this.configurations.delete(daemon)
    for (const close of this.#sessions.get(daemon) ?? []) close()
  }

  textOf(daemon: string): string {
    const all = this.configurations.get(daemon) ?? []
    const under = (path: readonly string[]): string[] =>
      all
        .filter(
          ({ within }) => within.length === path.length && within.every((part, depth) => part === path[depth])
        )
        .flatMap(({ text }) => [' '.repeat(path.length) + text, ...under([...path, text])])
    return ['Current configuration:', '!', ...under([]), 'end', ''].join('\n')
  }

  #session(daemon: string): VtySession {
    let path: string[] | undefined
    let isOver = false
    let end: () => void = () => undefined
    const closed = new Promise<void>((resolve) => (end = resolve))
    const close = (): void => {
      isOver = true
      this.#sessions.get(daemon)?.delete(close)
      end()
    }
    this.#sessions.set(daemon, (this.#sessions.get(daemon) ?? new Set()).add(close))
    const run = (command: string): Promise<VtyAnswer> => {
      if (isOver)
        return Promise.reject(
          new UnavailableError(`${daemon}.vty: the routing daemon has closed the session`)
        )
      this.commands.push(command)
      if (command === 'show running-config') return answer(this.textOf(daemon))
      if (command.startsWith('show ')) return answer(this.shows.get(command) ?? '')
      if (command === 'enable' || command === 'end') path = undefined
      else if (command === 'configure terminal') path = []
      else if (path) return this.#configure(daemon, path, command)
      else return answer(`${UNKNOWN}${command}\n`, STATUS_UNKNOWN)
      return answer('')
    }
    return { run, closed, close }
  }

  #configure(daemon: string, path: string[], command: string): Promise<VtyAnswer> {
    const reason = this.refuses(command)
    if (reason !== undefined) return answer(`${reason}\n`, STATUS_FAILED)
    const all = this.configurations.get(daemon) ?? []
    if (this.ignores(command)) return answer('')
    if (command.startsWith('no ') && !REMEMBERED.test(command)) {
      const gone = keyOfLine({ within: path, text: command.slice(3) })
      const left = all.filter((line) => !`${keyOfLine(line)} `.startsWith(`${gone} `))
      this.configurations.set(daemon, left)
      return answer('')
    }
    if (/^(no-such|frobnicate)/.test(command)) return answer(`${UNKNOWN}${command}\n`, STATUS_UNKNOWN)
    const line: Line = { within: [...path], text: command }
    if (!STANZA.test(command)) {
      const place = all.findIndex((other) => slotOf(other) === slotOf(line))
      all.splice(place === -1 ? all.length : place, place === -1 ? 0 : 1, line)
      return answer('')
    }
    if (!all.some((other) => keyOfLine(other) === keyOfLine(line))) all.push(line)
    path.push(command)
    return answer('')
  }
}

function answer(text: string, status = 0): Promise<VtyAnswer> {
  return Promise.resolve({ text, status })
}
