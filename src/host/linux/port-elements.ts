/** Published ports, exclusions and hairpins as elements of the sets and maps of their table, both ways. */
import type { Exclusion, Hairpin, HostObject, Port } from '../objects.js'
import { bytesToIp, ipToBytes, parsePrefix } from './bytes.js'
import { IFNAMSIZ } from './constants.js'
import type { Bytes, NamedSet } from './nftables.js'
import { decodeName, nameBytes } from './nftables.js'
import { PORT_SETS } from './port-table.js'

export type PortObject = Port | Exclusion | Hairpin

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const
const NAMES = Object.keys(PROTOCOLS) as Port['protocol'][]
const WORD = 4
const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::'])
const BITS_OF_BYTE = 8
const HAIRPINS = /^(hairpins|selves)[46]$/

/** All sets of the table that have elements. */
export const ELEMENT_SETS: readonly NamedSet[] = [
  ...[PORT_SETS.everywhere, PORT_SETS.bound, PORT_SETS.hairpins, PORT_SETS.selves].flatMap((sets) => [
    sets[4],
    sets[6]
  ]),
  PORT_SETS.exclusions
]

export function isPortObject(object: HostObject): object is PortObject {
  return object.kind === 'port' || object.kind === 'exclusion' || object.kind === 'hairpin'
}

/** Where an object goes, and as which bytes. */
export function elementOf(object: PortObject): { readonly set: NamedSet; readonly element: Bytes } {
  switch (object.kind) {
    case 'port': {
      const address = ipToBytes(object.address)
      const family = familyOf(address)
      const place = portBytes(object.protocol, object.hostPort)
      const data = Buffer.concat([address, numberBytes(object.port)])
      return EVERYWHERE.has(object.host)
        ? { set: PORT_SETS.everywhere[family], element: { key: place, data } }
        : {
            set: PORT_SETS.bound[family],
            element: { key: Buffer.concat([ipToBytes(object.host), place]), data }
          }
    }
    case 'exclusion':
      return {
        set: PORT_SETS.exclusions,
        element: {
          key: Buffer.concat([nameBytes(object.device), portBytes(object.protocol, object.hostPort)])
        }
      }
    case 'hairpin': {
      const to = ipToBytes(object.address)
      const [first, last] = rangeOf(object.prefix)
      const key = Buffer.concat([first, to])
      if (first.equals(last)) return { set: PORT_SETS.selves[familyOf(to)], element: { key } }
      const element = { key, keyEnd: Buffer.concat([last, to]) }
      return { set: PORT_SETS.hairpins[familyOf(to)], element }
    }
  }
}

/** The object of an element; undefined where somebody else has made it, and it is none. */
export function objectOf(set: string, { key, keyEnd, data }: Bytes): PortObject | undefined {
  if (HAIRPINS.test(set)) return hairpinOf(key, keyEnd)
  const protocol = NAMES.find((name) => PROTOCOLS[name] === key[key.length - 2 * WORD])
  if (protocol === undefined) return undefined
  const hostPort = key.readUInt16BE(key.length - WORD)
  if (set === PORT_SETS.exclusions.name)
    return { kind: 'exclusion', device: decodeName(key.subarray(0, IFNAMSIZ)), protocol, hostPort }
  if (!data) return undefined
  const bound = key.subarray(0, key.length - 2 * WORD)
  const address = data.subarray(0, data.length - WORD)
  const everywhere = address.length === WORD ? '0.0.0.0' : '::'
  return {
    kind: 'port',
    protocol,
    host: bound.length > 0 ? bytesToIp(bound) : everywhere,
    hostPort,
    address: bytesToIp(address),
    port: data.readUInt16BE(data.length - WORD)
  }
}

function hairpinOf(key: Buffer, keyEnd: Buffer | undefined): Hairpin | undefined {
  const half = key.length / 2
  const first = key.subarray(0, half)
  const last = keyEnd?.subarray(0, half) ?? first
  const length = Array.from({ length: half * BITS_OF_BYTE }, (_, bit) => bit).find(
    (bit) => bitAt(first, bit) !== bitAt(last, bit)
  )
  const prefix = `${bytesToIp(first)}/${String(length ?? half * BITS_OF_BYTE)}`
  return { kind: 'hairpin', prefix, address: bytesToIp(key.subarray(half)) }
}

/** First and last address of a prefix. */
function rangeOf(prefix: string): [Buffer, Buffer] {
  const { address, length } = parsePrefix(prefix)
  const edge = (bit: 0 | 1): Buffer =>
    Buffer.from(
      address.map((byte, at) => {
        const hostBits = Math.min(BITS_OF_BYTE, Math.max(0, (at + 1) * BITS_OF_BYTE - length))
        const mask = (1 << hostBits) - 1
        return bit === 1 ? byte | mask : byte & ~mask
      })
    )
  return [edge(0), edge(1)]
}

function bitAt(bytes: Buffer, bit: number): number {
  const byte = bytes[bit >> 3] ?? 0
  return (byte >> (BITS_OF_BYTE - 1 - (bit % BITS_OF_BYTE))) & 1
}

function portBytes(protocol: Port['protocol'], port: number): Buffer {
  return Buffer.concat([Buffer.of(PROTOCOLS[protocol], 0, 0, 0), numberBytes(port)])
}

function numberBytes(port: number): Buffer {
  const bytes = Buffer.alloc(WORD)
  bytes.writeUInt16BE(port)
  return bytes
}

function familyOf(address: Buffer): 4 | 6 {
  return address.length === WORD ? 4 : 6
}
