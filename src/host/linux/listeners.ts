/** Sockets of the host that wait for others: sock_diag(7), which needs no privilege and reads only these. */
import type { Listener } from '../host.js'
import { bytesToIp } from './bytes.js'
import { AF, IPPROTO, NETLINK, SOCK_DIAG } from './constants.js'
import { find } from './messages.js'
import type { Message } from './messages.js'
import { NetlinkSocket } from './netlink.js'
import type { Inside } from './netns.js'

/** struct inet_diag_req_v2; struct inet_diag_msg, before its attributes */
const REQUEST_SIZE = 56
const REPLY_SIZE = 72
const ADDRESS_OFFSET = 8
const PORT_OFFSET = 4
const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const

/** Of all protocols; one that the kernel does not have, or does not tell of, has none. */
export async function readListeners(inside: Inside): Promise<Listener[]> {
  const socket = inside(() => new NetlinkSocket(NETLINK.SOCK_DIAG))
  try {
    const found: Listener[] = []
    for (const protocol of PROTOCOLS) {
      for (const family of [AF.INET, AF.INET6])
        found.push(...(await socket.dump(request(family, protocol), decoder(protocol))).flat())
    }
    return found
  } finally {
    await socket.close()
  }
}

function request(family: number, protocol: Listener['protocol']): Message {
  const body = Buffer.alloc(REQUEST_SIZE)
  body.writeUInt8(family, 0)
  body.writeUInt8(IPPROTO[protocol], 1)
  body.writeUInt32LE(SOCK_DIAG.LISTENING | SOCK_DIAG.UNCONNECTED, 4)
  return { type: SOCK_DIAG.BY_FAMILY, flags: 0, body }
}

/** A socket that is not bound yet has port 0. One of IPv6 may be for IPv4, too. */
function decoder(protocol: Listener['protocol']): (body: Buffer) => Listener[] | undefined {
  return (body) => {
    const port = body.readUInt16BE(PORT_OFFSET)
    const length = body[0] === AF.INET ? 4 : 16
    const address = bytesToIp(body.subarray(ADDRESS_OFFSET, ADDRESS_OFFSET + length))
    if (port === 0) return undefined
    const isForBoth = address === '::' && find(body, REPLY_SIZE, SOCK_DIAG.V6ONLY)?.[0] !== 1
    const addresses = isForBoth ? [address, '0.0.0.0'] : [address]
    return addresses.map((one) => ({ protocol, address: one, port }))
  }
}
