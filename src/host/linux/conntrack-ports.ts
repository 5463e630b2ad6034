/**
 * UDP has no beginning: who sends to a port before it is published, and does not stop, has a tracked flow that leads to the
 * host itself, and the kernel asks for translation at the first packet of a flow only. Such flows begin anew.
 */
import type { Op, Port } from '../objects.js'
import { decodeAddress, getAddresses } from './addresses.js'
import { bytesToIp } from './bytes.js'
import { AF, CTA, CTA_IP, CTA_PROTO, CTA_TUPLE_IP, CTA_TUPLE_PROTO, IPPROTO } from './constants.js'
import { deletionOf, getEntries } from './conntrack-messages.js'
import type { Kernel } from './kernel.js'
import { findNested } from './messages.js'
import type { Message } from './messages.js'
import { NFGENMSG_SIZE } from './nftables.js'

export type UdpPort = Pick<Port, 'host' | 'hostPort'>

/** One end of a flow in one direction. */
interface End {
  readonly address: string
  readonly port: number
}

/** The ports of which flows may be older than they are. */
export function udpPortsOf(ops: readonly Op[]): UdpPort[] {
  return ops.flatMap(({ verb, object }) =>
    verb !== 'delete' && object.kind === 'port' && object.protocol === 'udp' ? [object] : []
  )
}

/** Deletes the flows to these ports that lead to the host itself. Returns how many. Throws KernelError if they cannot be listed. */
export async function flushUntranslated(ports: readonly UdpPort[], kernel: Kernel): Promise<number> {
  if (ports.length === 0) return 0
  const found = await kernel.dumps.dump(getAddresses(), decodeAddress)
  const own = new Set(found.map(({ address }) => address.replace(/\/.*/, '')))
  const wanted = new Set(ports.map(({ host, hostPort }) => `${host} ${String(hostPort)}`))
  const isConcerned = ({ address, port }: End): boolean =>
    own.has(address) && [address, everywhere(address)].some((host) => wanted.has(`${host} ${String(port)}`))
  const deletions = await kernel.filterDumps.dump(getEntries(AF.UNSPEC), (body) =>
    deletion(body, isConcerned)
  )
  const answers = await kernel.filter.request(deletions)
  return answers.filter(({ errno }) => errno === undefined).length
}

function everywhere(address: string): string {
  return address.includes(':') ? '::' : '0.0.0.0'
}

function deletion(body: Buffer, isConcerned: (to: End) => boolean): Message | undefined {
  const to = endOf(body, CTA.TUPLE_ORIG, 'to')
  const answers = endOf(body, CTA.TUPLE_REPLY, 'from')
  if (!to || !answers || !isConcerned(to)) return undefined
  const isTranslated = to.address !== answers.address || to.port !== answers.port
  return isTranslated ? undefined : deletionOf(body)
}

/** Undefined for other protocols. */
function endOf(body: Buffer, tuple: number, which: 'from' | 'to'): End | undefined {
  const value = (...path: number[]): Buffer | undefined => findNested(body, NFGENMSG_SIZE, tuple, ...path)
  if (value(CTA_TUPLE_PROTO, CTA_PROTO.NUM)?.[0] !== IPPROTO.udp) return undefined
  const [keys, portKey] =
    which === 'from'
      ? [[CTA_IP.V4_SRC, CTA_IP.V6_SRC], CTA_PROTO.SRC_PORT]
      : [[CTA_IP.V4_DST, CTA_IP.V6_DST], CTA_PROTO.DST_PORT]
  const address = keys.map((key) => value(CTA_TUPLE_IP, key)).find((bytes) => bytes !== undefined)
  const port = value(CTA_TUPLE_PROTO, portKey)?.readUInt16BE(0)
  return address && port !== undefined ? { address: bytesToIp(address), port } : undefined
}
