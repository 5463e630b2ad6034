/** Steps of a command that may fail as expected: with which code, all of them, or quietly. */
import { RoutedError } from '../errors.js'
import { CniError } from './error.js'

/** What is expected to go wrong has this code. */
export async function coded<T>(code: number | undefined, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof RoutedError) || code === undefined) throw error
    throw new CniError(code, error.message, { cause: error })
  }
}

/** Does all, one after the other, and throws the first error. */
export async function inTurn(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: RoutedError[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      failures.push(error)
    }
  }
  if (failures[0]) throw failures[0]
}

/** What is expected to go wrong does not matter: something else has failed already. */
export async function quietly(work: () => Promise<unknown> | undefined): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof RoutedError)) throw error
  }
}
