/** Links that send back what they get, as if it had just come in: through them traffic can be made to wait. */
import { IFF, IFLA, IFLA_INFO, NLM_F, RTM } from './constants.js'
import { DEFAULT_GROUP, FRESH_GROUP, ifinfo } from './links.js'
import { nested, text, u32 } from './messages.js'
import type { Message } from './messages.js'

/** Makes a link that sends back what it gets. */
export function newIfb(name: string): Message {
  const attributes = [
    text(IFLA.IFNAME, name),
    u32(IFLA.GROUP, FRESH_GROUP),
    u32(IFLA.NUM_TX_QUEUES, 1),
    u32(IFLA.NUM_RX_QUEUES, 1),
    nested(IFLA.LINKINFO, text(IFLA_INFO.KIND, 'ifb'))
  ]
  const body = Buffer.concat([ifinfo(), ...attributes])
  return { type: RTM.NEWLINK, flags: NLM_F.CREATE | NLM_F.EXCL, body }
}

/** Marks such a link and sets it up. */
export function markIfb(index: number, alias: string): Message[] {
  const marked = [ifinfo({ index }), text(IFLA.IFALIAS, alias), u32(IFLA.GROUP, DEFAULT_GROUP)]
  return [
    { type: RTM.SETLINK, flags: 0, body: Buffer.concat(marked) },
    { type: RTM.SETLINK, flags: 0, body: ifinfo({ index, flags: IFF.UP }) }
  ]
}
