// One stream of TCP (iperf3) and request/response (qperf tcp_lat). The programs are this machine's, run in the containers'
// networks, client and server on one CPU: so the figure is what the path costs, not where the scheduler puts the two.
import { availableParallelism } from 'node:os'
import { start } from './lab.mjs'
import { sizes } from './sizes.mjs'

/** Of iperf3, of qperf's control connection, of qperf's data. */
export const PORTS = [5201, 5301, 5302]
const NANOSECONDS_PER_SECOND = 1e9

/** Gbit/s of one stream of TCP. */
export async function throughput(run, { client, address, offset = 0 }) {
  const port = String(PORTS[0] + offset)
  const seconds = String(sizes.trafficSeconds)
  const { output } = await run(
    ...inNetworkOf(client),
    'iperf3',
    '-J',
    '-c',
    address,
    '-p',
    port,
    '-t',
    seconds
  )
  return JSON.parse(output).end.sum_received.bits_per_second / 1e9
}

/** Round trips of one byte per second. */
export async function requestResponse(run, { client, address, offset = 0 }) {
  const [, control, data] = PORTS.map((port) => String(port + offset))
  const flags = ['-lp', control, '-ip', data, '-t', String(sizes.trafficSeconds), '-m', '1', '-uu']
  const { output } = await run(...inNetworkOf(client), 'qperf', ...flags, address, 'tcp_lat')
  const [, nanoseconds] = /latency += +([\d.,]+) ns/.exec(output) ?? []
  if (nanoseconds === undefined) throw new Error(`qperf: ${output}`)
  // Its latency is that of one way.
  return NANOSECONDS_PER_SECOND / (2 * Number(nanoseconds.replaceAll(',', '')))
}

/**
 * One stream of TCP, or of UDP packets of 64 bytes: the CPU time of client and server together, in nanoseconds for a byte or
 * a packet, and how fast it was, in Gbit/s or thousands of packets per second that arrived.
 */
export async function streamed(run, { client, address }, { perPacket = false } = {}) {
  const flags = perPacket ? ['-u', '-b', '0', '-l', '64'] : []
  const command = ['iperf3', '-J', '-c', address, '-p', String(PORTS[0]), '-t', String(sizes.trafficSeconds)]
  const { output } = await run(...inNetworkOf(client), ...command, ...flags)
  const { cpu_utilization_percent: used, sum, sum_received: received } = JSON.parse(output).end
  const seconds = ((used.host_total + used.remote_total) / 100) * (received ?? sum).seconds
  const arrived = perPacket ? sum.packets - sum.lost_packets : received.bytes
  return {
    processorTime: (seconds * NANOSECONDS_PER_SECOND) / (perPacket ? sum.packets : received.bytes),
    speed: perPacket ? arrived / sum.seconds / 1000 : (arrived * 8) / received.seconds / 1e9
  }
}

/** Servers in the network of a process of the host; they end with the lab. */
export function serve(host, pid, offset = 0) {
  const [throughputPort, controlPort] = PORTS.map((port) => String(port + offset))
  const servers = [
    ['iperf3', '-s', '-p', throughputPort],
    ['qperf', '-lp', controlPort]
  ]
  for (const command of servers) {
    const { stdout, stderr } = start(host, ...inNetworkOf(pid), ...command)
    for (const stream of [stdout, stderr]) stream.resume()
  }
}

function inNetworkOf(pid) {
  const pinned = ['taskset', '--cpu-list', String(availableParallelism() - 1)]
  return pid === undefined ? pinned : [...pinned, 'nsenter', '--target', pid, '--net']
}
