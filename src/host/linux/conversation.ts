/** Netlink in the namespaces of containers, over a socket that is opened there and closed again. */
import { decodeLink, getLink } from './links.js'
import type { FoundLink } from './links.js'
import { NetlinkSocket } from './netlink.js'
import { withNetns } from './netns.js'

/** Talks to the kernel in a container's namespace. Throws KernelError where it cannot be entered. */
export async function conversation<T>(
  netns: string,
  talk: (socket: NetlinkSocket) => Promise<T>
): Promise<T> {
  const socket = withNetns(netns, () => new NetlinkSocket())
  try {
    return await talk(socket)
  } finally {
    await socket.close()
  }
}

/** The link of that name, where the socket is. */
export async function findLink(socket: NetlinkSocket, name: string): Promise<FoundLink | undefined> {
  const [answer] = await socket.request([getLink(name)])
  return answer?.reply && decodeLink(answer.reply)
}
