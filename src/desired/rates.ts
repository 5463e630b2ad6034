/**
 * How much may pass the link of an endpoint, and how what comes from it is marked. A rate is of what TCP carries in packets of
 * full size; the kernel counts all of a frame. All numbers are on the kernel's own grid, so that they read back as they are.
 */
import type { HostObject, Mark, Shaper } from '../host/objects.js'
import { hostLinkName } from '../model/endpoint.js'
import type { Endpoint } from '../model/endpoint.js'

const ETHERNET_HEADER = 14
/** Of IPv4, and of TCP with timestamps. */
const INNER_HEADERS = 20 + 32
const SMALLEST_MTU = 576
const DEFAULT_MTU = 1500
/** Of what passes at once when nothing is said: what a timer that is late would lose, but not less than some packets. */
const BURST_SECONDS = 0.01
const LEAST_BURST = 16 * 1024
/** How long a packet may wait. Enough for TCP to fill the rate over a network, and not so much that all else suffers. */
const QUEUE_SECONDS = 0.05
const LEAST_QUEUE = 32 * 1024
/** The kernel measures a burst as the time that it takes at the rate, in steps of 64 ns. */
const TICK_NS = 64n
const NS_PER_SECOND = 1_000_000_000n
const LARGEST = 0xffff_ffff

/** What the host should have for the rates and the mark of an endpoint that has joined. */
export function desiredOfRates(endpoint: Endpoint): HostObject[] {
  const { id, rateIn, rateOut, burstIn, burstOut, mtu = DEFAULT_MTU, dscp } = endpoint
  const link = hostLinkName(id)
  const mark: Mark[] = dscp === undefined ? [] : [{ kind: 'mark', link, dscp, settled: true, of: link }]
  return [
    ...(rateIn === undefined ? [] : [shaper(link, 'in', { rate: rateIn, burst: burstIn, mtu })]),
    ...(rateOut === undefined ? [] : [shaper(link, 'out', { rate: rateOut, burst: burstOut, mtu })]),
    ...mark
  ]
}

function shaper(
  link: string,
  direction: Shaper['direction'],
  wanted: { rate: number; burst: number | undefined; mtu: number }
): Shaper {
  const frame = wanted.mtu + ETHERNET_HEADER
  const rate = Math.min(LARGEST, Math.round((wanted.rate / 8) * headersOf(wanted.mtu)))
  const bytes = Math.max(wanted.burst ?? Math.max(LEAST_BURST, rate * BURST_SECONDS), frame)
  const queue = Math.max(LEAST_QUEUE, rate * QUEUE_SECONDS)
  return {
    kind: 'shaper',
    link,
    direction,
    rate,
    burst: ticksOf(Math.ceil(bytes), rate),
    limit: Math.min(LARGEST, Math.ceil(bytes + queue)),
    settled: true,
    of: link
  }
}

/** How much more a frame is than what it carries. */
function headersOf(mtu: number): number {
  const size = Math.max(mtu, SMALLEST_MTU)
  return (size + ETHERNET_HEADER) / (size - INNER_HEADERS)
}

/** Rounded up: one packet less would never pass. */
function ticksOf(bytes: number, rate: number): number {
  const scale = BigInt(rate) * TICK_NS
  const ticks = (BigInt(bytes) * NS_PER_SECOND + scale - 1n) / scale
  return Math.min(LARGEST, Number(ticks))
}
