/**
 * Entering other network namespaces. setns(2) moves only the calling thread, and JavaScript cannot be interrupted between
 * entering and leaving, so nobody else sees the other namespace, provided that nothing in between is asynchronous.
 */
import { closeSync, fstatSync, openSync, stat, statSync } from 'node:fs'
import { KernelError, messageOf } from '../../errors.js'
import { enterNetns } from './syscalls.js'

/** Runs synchronous work in some network namespace. */
export type Inside = <T>(work: () => T) => T

/** The namespace that the daemon is in. */
export const here: Inside = (work) => work()

/**
 * Runs `work` in the network namespace at `path`. `work` must be done when it returns; what it opens (sockets) or starts
 * (processes) stays in that namespace. Throws KernelError if the namespace cannot be entered.
 */
export function withNetns<T>(path: string, work: () => T): T {
  // Threads of the pool stay for ever in the namespace in which the pool is first used: make them here and now.
  stat('/', ignore)
  const home = openSync('/proc/thread-self/ns/net', 'r')
  try {
    const target = openNamespace(path)
    try {
      // Where that is not permitted, going back is not either.
      enterNetns(target)
      try {
        return work()
      } finally {
        leaveTo(home)
      }
    } finally {
      closeSync(target)
    }
  } finally {
    closeSync(home)
  }
}

/**
 * Opens the namespace of a container, for a message that names it. The caller closes it. Throws KernelError, also for the
 * namespace that `inside` leads to: that is the host's.
 */
export function openContainer(path: string, inside: Inside): number {
  const fd = openNamespace(path)
  const { dev, ino } = inside(() => statSync('/proc/thread-self/ns/net'))
  const opened = fstatSync(fd)
  if (opened.ino !== ino || opened.dev !== dev) return fd
  closeSync(fd)
  throw new KernelError('EINVAL', `network namespace ${path} is that of the host, not of a container`)
}

function openNamespace(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    throw new KernelError('ENOENT', `network namespace ${path} cannot be opened: ${messageOf(error)}`, {
      cause: error
    })
  }
}

function leaveTo(home: number): void {
  try {
    enterNetns(home)
  } catch (error) {
    process.stderr.write(`stranded in a foreign network namespace: ${messageOf(error)}\n`)
    process.abort()
  }
}

function ignore(): void {
  return undefined
}
