import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError, messageOf } from '../../errors.js'
import type { Registry } from '../registry.js'

/** Readable for everybody, as programs that look for registrations expect. */
export const fileRegistry: Registry = { put, remove, read }

async function put(path: string, text: string): Promise<void> {
  await refusing(`write ${path}`, async () => {
    const made = await mkdir(dirname(path), { recursive: true })
    // Whatever the process's umask is.
    if (made !== undefined) await chmod(dirname(path), 0o755)
    const temporary = `${path}.net-routed`
    await writeFile(temporary, text)
    await chmod(temporary, 0o644)
    await rename(temporary, path)
  })
}

async function remove(path: string): Promise<void> {
  await refusing(`remove ${path}`, () => rm(path, { force: true }))
}

function read(path: string): Promise<string | undefined> {
  return refusing(`read ${path}`, async () => {
    try {
      return await readFile(path, 'utf8')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
  })
}

async function refusing<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new StoreError(`cannot ${what}: ${messageOf(error)}`, { cause: error })
  }
}
