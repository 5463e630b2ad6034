import { KernelError, UnavailableError } from '../../errors.js'
import { close, openLocked } from './syscalls.js'

/**
 * Takes an exclusive lock on a directory, which may be on a full or read-only disk. The kernel releases it when the process
 * ends, however it ends. Returns how to release it. Throws UnavailableError if another process holds it.
 */
export function lockDirectory(path: string): () => void {
  try {
    const fd = openLocked(path)
    return () => {
      close(fd)
    }
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== 'EAGAIN') throw error
    throw new UnavailableError(`${path} is locked: another net-routed is running here`, { cause: error })
  }
}
