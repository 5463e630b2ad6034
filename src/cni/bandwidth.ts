/** The capability `bandwidth`: bits in a second and bits, 0 = none. `ingress` is towards the container. */
import { InvalidError, shown } from '../errors.js'
import { SMALLEST_BURST, parseRate } from '../model/options/rates.js'
import type { RateOptions } from '../model/options/rates.js'

const FIELDS = ['ingressRate', 'ingressBurst', 'egressRate', 'egressBurst'] as const
type Field = (typeof FIELDS)[number]

export type BandwidthDocument = Readonly<Partial<Record<Field, number>>>

const BITS_OF_BYTE = 8
/** What Kubernetes gives for "any": 2^31 - 1 bits. */
const LARGEST_BURST = 2 ** 33

/** Throws InvalidError that names the field below `field`. */
export function parseBandwidth(given: BandwidthDocument, field: string): RateOptions {
  for (const name of FIELDS) {
    const value = given[name] ?? 0
    const isBurst = name.endsWith('Burst')
    if (Number.isInteger(value) && value >= 0 && (!isBurst || value <= LARGEST_BURST)) continue
    throw new InvalidError(`${field}.${name}: ${shown(value)}: give a number of bits, or 0 for none`)
  }
  for (const [burst, rate] of [
    ['ingressBurst', 'ingressRate'] as const,
    ['egressBurst', 'egressRate'] as const
  ]) {
    if ((given[burst] ?? 0) > 0 && (given[rate] ?? 0) === 0)
      throw new InvalidError(`${field}.${burst}: a burst without ${rate} means nothing: give that, too`)
  }
  const rate = (name: Field): number => parseRate(given[name], `${field}.${name}`)
  const burst = (name: Field): number =>
    Math.max(SMALLEST_BURST, Math.ceil((given[name] ?? 0) / BITS_OF_BYTE))
  return {
    ...(given.ingressRate ? { rateIn: rate('ingressRate') } : {}),
    ...(given.ingressBurst ? { burstIn: burst('ingressBurst') } : {}),
    ...(given.egressRate ? { rateOut: rate('egressRate') } : {}),
    ...(given.egressBurst ? { burstOut: burst('egressBurst') } : {})
  }
}
