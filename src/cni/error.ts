/** Errors as CNI runtimes read them (SPEC.md, Error). */
import {
  ConflictError,
  ExhaustedError,
  InvalidError,
  KernelError,
  RoutedError,
  StoreError
} from '../errors.js'

export const CODE = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  invalidEnvironment: 4,
  io: 5,
  undecodable: 6,
  invalidConfiguration: 7,
  invalidNamespace: 8,
  tryAgain: 11,
  unavailable: 50,
  /** From here on each plugin's own: ours. */
  conflict: 110,
  exhausted: 111,
  delegate: 112,
  broken: 113
} as const

/** An error whose CNI code is known where it is thrown. */
export class CniError extends RoutedError {
  readonly cniCode: number

  constructor(cniCode: number, message: string, options?: ErrorOptions) {
    super('invalid', message, options)
    this.cniCode = cniCode
  }
}

/** The CNI code of an expected error. */
export function codeOf(error: RoutedError): number {
  if (error instanceof CniError) return error.cniCode
  if (error instanceof InvalidError) return CODE.invalidConfiguration
  if (error instanceof ConflictError) return CODE.conflict
  if (error instanceof ExhaustedError) return CODE.exhausted
  return error instanceof KernelError || error instanceof StoreError ? CODE.io : CODE.tryAgain
}
