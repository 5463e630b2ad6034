/** DNS as this host is configured to ask it. */
import { Resolver } from 'node:dns/promises'
import { UnavailableError } from '../../errors.js'
import type { LookupAnswer } from '../lookup.js'
import { bytesToIp, ipToBytes } from './bytes.js'

const TIMEOUT_MS = 2000
const TRIES = 2
/** There is no answer that says how long there is nothing. */
const NOTHING_TTL = 60

/** Reads /etc/resolv.conf anew each time; knows no /etc/hosts, which has no TTL. */
export async function lookup(name: string, family: 4 | 6): Promise<LookupAnswer> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  try {
    const options = { ttl: true } as const
    const records = await (family === 4 ? resolver.resolve4(name, options) : resolver.resolve6(name, options))
    return {
      addresses: records.map(({ address }) => bytesToIp(ipToBytes(address))),
      ttl: Math.min(...records.map(({ ttl }) => ttl))
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
    if (code === undefined) throw error
    if (code === 'ENODATA') return { addresses: [], ttl: NOTHING_TTL }
    throw new UnavailableError(`DNS does not say what ${name} is: ${code}`, { cause: error })
  }
}
