import { readFileSync, writeFileSync } from 'node:fs'
import { KernelError, messageOf } from '../../errors.js'
import type { Op, Sysctl } from '../objects.js'
import { keyOf } from '../objects.js'
import { refusal } from './kernel.js'
import type { Failures } from './kernel.js'
import type { Inside } from './netns.js'

const ROOT = '/proc/sys'

/** Sets values. A value that is right already is not written, so that a read-only /proc/sys does no harm then. */
export function applySysctls(ops: readonly Op[], inside: Inside): Failures {
  const failures: Failures = new Map()
  for (const op of ops) {
    if (op.object.kind !== 'sysctl' || op.verb === 'delete') continue
    const { key, value } = op.object
    const errno = inside(() => writeSysctl(pathOf(key), value))
    if (errno !== undefined) failures.set(keyOf(op.object), refusal(op, errno, advice(errno, key, value)))
  }
  return failures
}

/** Present values of those that exist here. */
export function listSysctls(inside: Inside, keys: Iterable<string>): Sysctl[] {
  return inside(() =>
    [...keys].flatMap((key): Sysctl[] => {
      const value = readSysctl(pathOf(key))
      return value === undefined ? [] : [{ kind: 'sysctl', key, value }]
    })
  )
}

/** Writes a file under /proc/sys unless it says that already. Returns the errno if that fails. */
export function writeSysctl(path: string, value: string): string | undefined {
  try {
    if (readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value)
    return undefined
  } catch (error) {
    return errnoOf(error)
  }
}

function readSysctl(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT') return undefined
    throw new KernelError(errno, `cannot read ${path}: ${errno}`, { cause: error })
  }
}

function pathOf(key: string): string {
  return `${ROOT}/${key.replace(/[./]/g, (sign) => (sign === '.' ? '/' : '.'))}`
}

function advice(errno: string, key: string, value: string): string {
  if (errno === 'EROFS') {
    return `${errno}: /proc/sys is read-only here: run the container with --security-opt systempaths=unconfined, or set ${key}=${value} on the host`
  }
  if (errno === 'ENOENT') return `${errno}: there is no ${key} on this host`
  return errno
}

function errnoOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  throw new KernelError('EIO', messageOf(error), { cause: error })
}
