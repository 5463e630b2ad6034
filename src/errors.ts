/**
 * Every error that net-routed raises on purpose. `code` is stable and meant for programs; `message` says what failed,
 * on which object and why, and is shown to users verbatim by Docker. Anything else that is thrown is a bug.
 */
export type ErrorCode =
  'invalid' | 'not-found' | 'conflict' | 'exhausted' | 'kernel' | 'store' | 'unavailable' | 'timeout'

/** Base of all expected errors. */
export class RoutedError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** The request or the configuration is wrong; the message names the field, the value and what would be right. */
export class InvalidError extends RoutedError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalid', message, options)
  }
}

/** The object that the request names does not exist. */
export class NotFoundError extends RoutedError {
  constructor(message: string, options?: ErrorOptions) {
    super('not-found', message, options)
  }
}

/** The request contradicts what exists: an address in use, an overlapping pool, a second joiner. */
export class ConflictError extends RoutedError {
  constructor(message: string, options?: ErrorOptions) {
    super('conflict', message, options)
  }
}

/** Nothing is left to hand out. */
export class ExhaustedError extends RoutedError {
  constructor(message: string, options?: ErrorOptions) {
    super('exhausted', message, options)
  }
}

/** The kernel, or a program that configures it, refused. `errno` is the symbolic name, such as `EEXIST`. */
export class KernelError extends RoutedError {
  readonly errno: string

  constructor(errno: string, message: string, options?: ErrorOptions) {
    super('kernel', message, options)
    this.errno = errno
  }
}

/** A record could not be read from or written to the state directory. */
export class StoreError extends RoutedError {
  constructor(message: string, options?: ErrorOptions) {
    super('store', message, options)
  }
}

/** The daemon cannot run here and now: another one holds the lock, a socket is taken. */
export class UnavailableError extends RoutedError {
  constructor(message: string, options?: ErrorOptions) {
    super('unavailable', message, options)
  }
}

/** An operation did not finish within its limit. */
export class TimeoutError extends RoutedError {
  constructor(message: string, options?: ErrorOptions) {
    super('timeout', message, options)
  }
}

/** Text of anything thrown, for logs and for wrapping. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const SHOWN_LENGTH = 80

/** A value that somebody sent, for an error message. Never fails, however odd the value is. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, SHOWN_LENGTH))
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return 'a list'
  if (value === null || value === undefined) return 'nothing'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
