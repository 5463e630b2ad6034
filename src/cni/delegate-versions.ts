/**
 * Delegates that are older than the configuration. Many a host has IPAM plugins that know CNI up to 1.0.0: they are asked
 * which versions they have, and spoken to in the newest that both have.
 */
import { CODE } from './error.js'
import { parseDocument } from './netconf.js'
import { formatResult, parseResult } from './result.js'
import type { DelegateCall, DelegateResult, RunDelegate } from './sessions.js'
import { VERSIONS, isAtLeast, parseVersion } from './version.js'
import type { Version } from './version.js'

/** Versions that delegates were found to need, by their type. */
export type KnownVersions = Map<string, Version>

/** Runs delegates in a version that they understand. */
export function inTheirVersion(run: RunDelegate, known: KnownVersions): RunDelegate {
  return async (call) => {
    const before = known.get(call.type)
    const result = await run(before === undefined ? call : lowered(call, before))
    if (!isIncompatible(result) || before !== undefined) return result
    const version = await newestVersion(run, call.type)
    if (version === undefined) return result
    known.set(call.type, version)
    return run(lowered(call, version))
  }
}

/** The newest version that the delegate and we have; undefined if it does not say. */
export async function newestVersion(run: RunDelegate, type: string): Promise<Version | undefined> {
  const input = JSON.stringify({ cniVersion: VERSIONS[0] })
  const { exit, output } = await run({ type, env: { CNI_COMMAND: 'VERSION' }, input })
  const supported = exit === 0 ? fieldOf(output, 'supportedVersions') : undefined
  return Array.isArray(supported) ? VERSIONS.findLast((version) => supported.includes(version)) : undefined
}

/** The call in that version, with the result of before, if it is in a newer one. */
function lowered(call: DelegateCall, version: Version): DelegateCall {
  const document = parseDocument(call.input)
  if (isAtLeast(version, parseVersion(document['cniVersion']))) return call
  const { prevResult } = document
  const before =
    prevResult === undefined
      ? {}
      : { prevResult: formatResult(parseResult(prevResult, 'prevResult'), version) }
  return { ...call, input: JSON.stringify({ ...document, cniVersion: version, ...before }) }
}

function isIncompatible({ exit, output }: DelegateResult): boolean {
  return exit > 0 && fieldOf(output, 'code') === CODE.incompatibleVersion
}

function fieldOf(output: string, field: string): unknown {
  try {
    const value: unknown = JSON.parse(output)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
