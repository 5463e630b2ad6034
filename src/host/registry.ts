import { StoreError } from '../errors.js'

/**
 * Registrations: small files that tell other programs of this host what there is, by their path. There are two:
 * fileRegistry and MemoryRegistry, held to the same contract (test/contract/registry-contract.ts). Throws StoreError.
 */
export interface Registry {
  /** Writes the whole text; whoever reads sees the one before or this one. Makes directories that are missing. */
  put(path: string, text: string): Promise<void>
  /** What is not there is no error. */
  remove(path: string): Promise<void>
  /** Undefined if it is not there. */
  read(path: string): Promise<string | undefined>
}

/** For tests. */
export class MemoryRegistry implements Registry {
  readonly files = new Map<string, string>()
  /** True = nothing can be written. */
  refuse = false

  put(path: string, text: string): Promise<void> {
    if (this.refuse) return Promise.reject(new StoreError(`cannot write ${path}: EROFS`))
    this.files.set(path, text)
    return Promise.resolve()
  }

  remove(path: string): Promise<void> {
    this.files.delete(path)
    return Promise.resolve()
  }

  read(path: string): Promise<string | undefined> {
    return Promise.resolve(this.files.get(path))
  }
}
