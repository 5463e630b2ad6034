/** Versions of the CNI specification. */
import { CODE, CniError } from './error.js'

/** All there are, oldest first. native/cni.c has the same list. */
export const VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const
export type Version = (typeof VERSIONS)[number]

/** What a configuration without version has. */
const OLDEST: Version = VERSIONS[0]

/** Throws CniError for one that is not supported. */
export function parseVersion(value: unknown): Version {
  if (value === undefined || value === '') return OLDEST
  const version = VERSIONS.find((candidate) => candidate === value)
  if (version) return version
  throw new CniError(
    CODE.incompatibleVersion,
    `cniVersion ${JSON.stringify(value)} is not supported: there are ${VERSIONS.join(', ')}`
  )
}

export function isAtLeast(version: Version, other: Version): boolean {
  return VERSIONS.indexOf(version) >= VERSIONS.indexOf(other)
}
