/** How much traffic an endpoint may have, and how what it sends is marked. */
import { InvalidError, shown } from '../../errors.js'
import type { Option } from './option.js'

export interface RateOptions {
  /** Towards the container, in bit/s. */
  readonly rateIn?: number
  /** From the container, in bit/s. */
  readonly rateOut?: number
  /** What may pass at once before the rate counts, in bytes; absent = enough for the rate. */
  readonly burstIn?: number
  readonly burstOut?: number
  /** Differentiated services code point of what it sends: 0 to 63. */
  readonly dscp?: number
}

type Units = Readonly<Record<string, number>>

/** The kernel counts bytes in a second in 32 bits. */
const LARGEST_RATE = 34_000_000_000
const SMALLEST_RATE = 8_000
const LARGEST_BURST = 1 << 30
/** Bytes. */
export const SMALLEST_BURST = 1_600
const LARGEST_DSCP = 63

const rate = { type: 'integer', minimum: SMALLEST_RATE, maximum: LARGEST_RATE } as const
const burst = { type: 'integer', minimum: SMALLEST_BURST, maximum: LARGEST_BURST } as const

/** Schemas of the fields in stored records. */
export const RATE_FIELDS = {
  rateIn: rate,
  rateOut: rate,
  burstIn: burst,
  burstOut: burst,
  dscp: { type: 'integer', minimum: 0, maximum: LARGEST_DSCP }
} as const

const BOTH = ['network', 'endpoint'] as const

export const RATE_OPTIONS: readonly Option[] = [
  {
    keys: ['net-routed.rate-in'],
    places: BOTH,
    changes: ['rateIn'],
    parse: (value, key) => ({ rateIn: parseRate(value, key) })
  },
  {
    keys: ['net-routed.rate-out'],
    places: BOTH,
    changes: ['rateOut'],
    parse: (value, key) => ({ rateOut: parseRate(value, key) })
  },
  {
    keys: ['net-routed.burst'],
    places: BOTH,
    changes: ['burstIn', 'burstOut'],
    parse: (value, key) => {
      const bytes = parseBurst(value, key)
      return { burstIn: bytes, burstOut: bytes }
    }
  },
  {
    keys: ['net-routed.dscp'],
    places: BOTH,
    changes: ['dscp'],
    parse: (value, key) => ({ dscp: parseDscp(value, key) })
  }
]

/** Bits of a unit, as tc has them. Not `mbps` and the like, which are bytes for tc, and bits for nearly everybody else. */
const RATE_UNITS: Units = {
  '': 1,
  bit: 1,
  kbit: 1e3,
  mbit: 1e6,
  gbit: 1e9,
  kibit: 1024,
  mibit: 1024 ** 2,
  gibit: 1024 ** 3
}
const BURST_UNITS: Units = { '': 1, b: 1, k: 1024, kb: 1024, m: 1024 ** 2, mb: 1024 ** 2, g: 1024 ** 3 }

/** Bit/s. Also CNI asks with a number. */
export function parseRate(value: unknown, field: string): number {
  const bits = quantity(value, RATE_UNITS)
  if (bits !== undefined && bits >= SMALLEST_RATE && bits <= LARGEST_RATE) return bits
  const isAmbiguous = /^[\d.]+ ?[kmg]?(bps|b\/s)$/i.test(String(value))
  throw new InvalidError(
    `${field}: ${shown(value)} is not a rate${isAmbiguous ? ', it may be bits or bytes' : ''}: give 8kbit to 34gbit, such as 512kbit, 10mbit, 1gbit`
  )
}

/** Bytes. */
export function parseBurst(value: unknown, field: string): number {
  const bytes = quantity(value, BURST_UNITS)
  if (bytes !== undefined && bytes >= SMALLEST_BURST && bytes <= LARGEST_BURST) return bytes
  throw new InvalidError(
    `${field}: ${shown(value)} is not a burst: give ${String(SMALLEST_BURST)} bytes to 1g, such as 32k, 1m`
  )
}

/** By number, or by the names of RFC 2474, 2597, 3246, 5865 and 8622. */
function parseDscp(value: unknown, field: string): number {
  const text = typeof value === 'number' ? String(value) : value
  const dscp = typeof text === 'string' ? dscpOf(text.toLowerCase()) : undefined
  if (dscp !== undefined && dscp <= LARGEST_DSCP) return dscp
  throw new InvalidError(
    `${field}: ${shown(value)} is not a DSCP: give 0 to 63, cs0 to cs7, af11 to af43, ef, va, le`
  )
}

function dscpOf(text: string): number | undefined {
  const [, group = '', drop = ''] = /^af([1-4])([1-3])$/.exec(text) ?? []
  if (group !== '') return 8 * Number(group) + 2 * Number(drop)
  if (/^cs[0-7]$/.test(text)) return 8 * Number(text[2])
  if (/^\d{1,2}$/.test(text)) return Number(text)
  return new Map([
    ['ef', 46],
    ['va', 44],
    ['le', 1]
  ]).get(text)
}

/** A whole number of the smallest unit; undefined if it is none. */
function quantity(value: unknown, units: Units): number | undefined {
  const [, number = '', unit = ''] = /^(\d{1,12}(?:\.\d{1,6})?)([a-z]*)$/i.exec(String(value)) ?? []
  const factor = units[unit.toLowerCase()]
  if (number === '' || factor === undefined || !(typeof value === 'string' || typeof value === 'number'))
    return undefined
  return Math.round(Number(number) * factor)
}

/** For people: `in 10mbit, out 1gbit, dscp 46`. */
export function ratesText({ rateIn, rateOut, dscp }: RateOptions): string[] {
  return [
    ...(rateIn === undefined ? [] : [`in ${rateText(rateIn)}`]),
    ...(rateOut === undefined ? [] : [`out ${rateText(rateOut)}`]),
    ...(dscp === undefined ? [] : [`dscp ${String(dscp)}`])
  ]
}

function rateText(bits: number): string {
  const units = [
    ['gbit', 1e9],
    ['mbit', 1e6],
    ['kbit', 1e3]
  ] as const
  const [name, factor] = units.find(([, size]) => bits % size === 0) ?? ['bit', 1]
  return `${String(bits / factor)}${name}`
}
