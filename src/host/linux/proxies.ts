/** Proxy entries: the kernel answers neighbour solicitations for the address on that device, whoever has it. */
import { keyOf } from '../objects.js'
import type { Op, Proxy } from '../objects.js'
import { bytesToIp, familyOf, ipToBytes } from './bytes.js'
import { AF, NDA, NLM_F, NTF_PROXY, RTM } from './constants.js'
import { findLinks, refusal } from './kernel.js'
import type { Failures, Kernel } from './kernel.js'
import { decodeLink, getLinks } from './links.js'
import { attribute, find, u8 } from './messages.js'
import type { Message } from './messages.js'

/** struct ndmsg, as in neighbours.ts. */
const NDMSG_SIZE = 12
const FLAGS_OFFSET = 10

interface Step {
  readonly op: Op
  readonly object: Proxy
}

/** Applies operations on proxy entries. What is there or gone already is done. */
export async function changeProxies(ops: readonly Op[], kernel: Kernel): Promise<Failures> {
  const failures: Failures = new Map()
  const steps = ops.flatMap((op): Step[] => (op.object.kind === 'proxy' ? [{ op, object: op.object }] : []))
  const devices = await findLinks(kernel, [...new Set(steps.map(({ object }) => object.device))])
  const found = steps.flatMap((step) => {
    const index = devices.get(step.object.device)?.index
    return index === undefined ? [] : [{ ...step, index }]
  })
  const answers = await kernel.requests.request(
    found.map(({ op, object, index }) => changeProxy(op.verb, object, { index, protocol: kernel.protocol }))
  )
  found.forEach(({ op, object }, at) => {
    const { errno, text = '' } = answers[at] ?? {}
    if (errno === undefined || (op.verb === 'delete' && errno === 'ENOENT')) return
    failures.set(keyOf(object), refusal(op, errno, text))
  })
  for (const { op, object } of steps) {
    if (devices.has(object.device) || op.verb === 'delete') continue
    failures.set(keyOf(object), refusal(op, 'ENODEV', `ENODEV: there is no link ${object.device}`))
  }
  return failures
}

/** All with our protocol number. */
export async function listProxies(kernel: Kernel): Promise<Proxy[]> {
  const found = await kernel.dumps.dump(getProxies(), (body) => decodeProxy(body, kernel.protocol))
  if (found.length === 0) return []
  const links = await kernel.dumps.dump(getLinks(), decodeLink)
  const names = new Map(links.map(({ index, name }) => [index, name]))
  return found.flatMap(({ index, address }): Proxy[] => {
    const device = names.get(index)
    return device === undefined ? [] : [{ kind: 'proxy', device, address }]
  })
}

function changeProxy(
  verb: Op['verb'],
  { address }: Proxy,
  { index, protocol }: { index: number; protocol: number }
): Message {
  const bytes = ipToBytes(address)
  const header = header6(familyOf(bytes), index)
  const body = Buffer.concat([header, attribute(NDA.DST, bytes), u8(NDA.PROTOCOL, protocol)])
  if (verb === 'delete') return { type: RTM.DELNEIGH, flags: 0, body }
  return { type: RTM.NEWNEIGH, flags: NLM_F.CREATE | NLM_F.REPLACE, body }
}

function getProxies(): Message {
  return { type: RTM.GETNEIGH, flags: 0, body: header6(AF.INET6, 0) }
}

function header6(family: number, index: number): Buffer {
  const header = Buffer.alloc(NDMSG_SIZE)
  header.writeUInt8(family, 0)
  header.writeInt32LE(index, 4)
  header.writeUInt8(NTF_PROXY, FLAGS_OFFSET)
  return header
}

function decodeProxy(body: Buffer, protocol: number): { index: number; address: string } | undefined {
  const address = find(body, NDMSG_SIZE, NDA.DST)
  const isOurs = find(body, NDMSG_SIZE, NDA.PROTOCOL)?.[0] === protocol
  if (!address || !isOurs || body.readUInt8(FLAGS_OFFSET) !== NTF_PROXY) return undefined
  return { index: body.readInt32LE(4), address: bytesToIp(address) }
}
