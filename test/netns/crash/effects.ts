/**
 * Counts the effects of this process on the system, one by one, and kills it after a given number of them: each file that
 * is written, renamed or removed, each netlink message that changes something, and each program that is started, is given
 * its input and ends. What is sent to the kernel in one go is sent message by message here, which has the same result; a
 * transaction of nftables is whole or not at all, and so is one effect.
 *
 * Nothing in `src` knows of this: the functions of Node and of libc are replaced before it is loaded.
 */
import childProcess from 'node:child_process'
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import fs from 'node:fs'
import type { PathLike } from 'node:fs'
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import koffi from 'koffi'
import { messagesIn } from './messages.js'

export interface Effects {
  /** Lets so many more happen; with the last of them the process is dead. With 0 it dies before the next one. */
  limit(effects: number): void
}

type Spend = <T>(what: string, effect: () => T) => T

/** Programs that change something: `nft -f -`, `iptables-nft-restore`. */
const CHANGING = /^nft$|-restore$/

/** Watches from now on. Only modules that are loaded later are watched completely. */
export function watchEffects(isCounted: (path: string) => boolean): Effects {
  let left = Number.POSITIVE_INFINITY
  const spend: Spend = (what, effect) => {
    if (left <= 0) die(`before ${what}`)
    const result = effect()
    if (--left <= 0) die(`after ${what}`)
    return result
  }
  watchFiles(spend, isCounted)
  watchDurableFiles(spend, isCounted)
  watchPrograms(spend)
  watchNetlink(spend)
  syncBuiltinESMExports()
  return {
    limit: (effects) => {
      left = effects
    }
  }
}

/** Without a last word of Node's: nothing is flushed, closed or removed. */
function die(when: string): never {
  fs.writeSync(process.stderr.fd, `killed ${when}\n`)
  process.kill(process.pid, 'SIGKILL')
  throw new Error('a killed process goes on')
}

function watchFiles(spend: Spend, isCounted: (path: string) => boolean): void {
  const { writeFileSync, renameSync, rmSync } = fs
  const counted = <T>(what: string, path: PathLike | number, effect: () => T): T =>
    isCounted(String(path)) ? spend(`${what} ${String(path)}`, effect) : effect()
  Object.assign(fs, {
    writeFileSync: ((...args) => {
      counted('write', textOf(args[0]), () => {
        writeFileSync(...args)
      })
    }) satisfies typeof writeFileSync,
    renameSync: ((from, to) => {
      counted('rename', from, () => {
        renameSync(from, to)
      })
    }) satisfies typeof renameSync,
    rmSync: ((path, options) => {
      const effect = (): void => {
        rmSync(path, options)
      }
      if (fs.existsSync(path)) counted('remove', path, effect)
      else effect()
    }) satisfies typeof rmSync
  })
}

/** A durable write is three effects: an empty file, its content, its name. Syncing changes nothing that a process sees. */
function watchDurableFiles(spend: Spend, isCounted: (path: string) => boolean): void {
  const { open } = promises
  Object.assign(promises, {
    open: (async (path, flags, mode) => {
      const file = await open(path, flags, mode)
      if (!isCounted(textOf(path)) || flags !== 'wx') return file
      spend(`create ${textOf(path)}`, nothing)
      const write = file.writeFile.bind(file)
      const writeFile: typeof write = async (...args) => {
        await write(...args)
        spend(`write ${textOf(path)}`, nothing)
      }
      return Object.assign(file, { writeFile })
    }) satisfies typeof open
  })
}

/** Three effects: it runs, but will get nothing to do; it has its work, and does it whoever is dead; it has ended. */
function watchPrograms(spend: Spend): void {
  const { spawn } = childProcess
  Object.assign(childProcess, {
    spawn: (program: string, args: readonly string[], options: SpawnOptions): ChildProcess => {
      if (!CHANGING.test(program)) return spawn(program, args, options)
      const child = spend(`starting ${program}`, () => spawn(program, args, options))
      child.on('close', () => {
        spend(`the end of ${program}`, nothing)
      })
      const { stdin } = child
      if (!stdin) throw new Error(`${program} is not given any input`)
      const end = stdin.end.bind(stdin)
      Object.assign(stdin, { end: (input: string) => spend(`feeding ${program}`, () => end(input)) })
      return child
    }
  })
}

type SendArguments = [fd: number, message: Buffer, length: number, flags: number]
type Done = (error: unknown, sent: number) => void

function watchNetlink(spend: Spend): void {
  const load = koffi.load.bind(koffi)
  Object.assign(koffi, {
    load: (path: string | null) => {
      const library = load(path)
      const func = (prototype: string): unknown => {
        const found: unknown = library.func(prototype)
        return prototype.startsWith('long send(') ? watchedSend(found as KoffiSend, spend) : found
      }
      return { func }
    }
  })
}

interface KoffiSend {
  (...args: SendArguments): number
  async(...args: [...SendArguments, Done]): void
}

/** Questions are asked as before. What changes something is sent here and now, so that it is known when it is done. */
function watchedSend(send: KoffiSend, spend: Spend): object {
  return {
    async: (...args: [...SendArguments, Done]): void => {
      const [fd, packet, length, flags, done] = args
      const messages = messagesIn(packet.subarray(0, length))
      if (messages.every(({ change }) => change === undefined)) {
        send.async(...args)
        return
      }
      for (const { bytes, change } of messages) {
        const effect = (): number => send(fd, bytes, bytes.length, flags)
        const sent = change === undefined ? effect() : spend(change, effect)
        if (sent < 0) throw new Error(`the kernel does not take ${change ?? 'a question'}`)
      }
      setImmediate(done, undefined, length)
    }
  }
}

function textOf(path: unknown): string {
  return typeof path === 'string' ? path : ''
}

function nothing(): void {
  return undefined
}
