import { messageOf } from '../../src/errors.js'

/** The error that a promise ends with. Throws if it does not end with one. */
export async function errorOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error))
  }
  throw new Error('no error was thrown')
}
