/** What a process sends to the kernel over netlink, taken apart. */

export interface Sent {
  readonly bytes: Buffer
  /** In words, what it changes; absent for a question. */
  readonly change?: string
}

const HEADER_BYTES = 16
const RTM_BASE = 16
const RTM_VERBS = ['new', 'delete', undefined, 'set'] as const
const RTM_NAMES = ['link', 'address', 'route', 'neighbour', 'rule'] as const
/** From here on, a type is a subsystem of netfilter and a message of it. */
const NETFILTER_TYPES = 0x100
const CTNETLINK_DELETE = 0x102
const BATCH_BEGIN = 16
/** The begin of a transaction is shorter than any message of rtnetlink with that number. */
const BATCH_BEGIN_BYTES = 20

/** The messages of one send; a transaction is one. */
export function messagesIn(packet: Buffer): readonly Sent[] {
  if (packet.readUInt16LE(4) === BATCH_BEGIN && packet.readUInt32LE(0) === BATCH_BEGIN_BYTES)
    return [{ bytes: packet, change: 'a transaction of nftables' }]
  const messages: Sent[] = []
  for (let at = 0; at + HEADER_BYTES <= packet.length;) {
    const length = packet.readUInt32LE(at)
    const change = changeOf(packet.readUInt16LE(at + 4))
    messages.push({
      bytes: packet.subarray(at, at + length),
      ...(change === undefined ? {} : { change })
    })
    at += (length + 3) & ~3
  }
  return messages
}

function changeOf(type: number): string | undefined {
  if (type >= NETFILTER_TYPES) return type === CTNETLINK_DELETE ? 'delete of a tracked connection' : undefined
  const verb = RTM_VERBS[(type - RTM_BASE) % RTM_VERBS.length]
  const kind = RTM_NAMES[Math.floor((type - RTM_BASE) / RTM_VERBS.length)] ?? `type ${String(type)}`
  return verb === undefined ? undefined : `${verb} ${kind}`
}
