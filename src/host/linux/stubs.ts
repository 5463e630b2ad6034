/** Links in containers that lead nowhere: addresses and routes can be put on them. */
import { KernelError } from '../../errors.js'
import { IFLA, IFLA_INFO, NLM_F, RTM } from './constants.js'
import { conversation, findLink } from './conversation.js'
import { ifinfo, settleEnd } from './links.js'
import { nested, text } from './messages.js'
import type { Message } from './messages.js'
import type { Answer, NetlinkSocket } from './netlink.js'

/** A dummy, or where the kernel has none the next best: nothing comes out of it either. */
const KINDS = ['dummy', 'ifb'] as const
/** Of a path that is no namespace any more: it is gone, or what it was mounted over is left. */
const GONE: readonly string[] = ['ENOENT', 'EINVAL']

/** See ContainerEnds. */
export function addStub(netns: string, name: string, alias: string): Promise<void> {
  const refused = (errno: string, why: string): KernelError =>
    new KernelError(errno, `cannot add link ${name} in ${netns}: ${why}`)
  return conversation(netns, async (socket) => {
    const present = await findLink(socket, name)
    if (present && present.alias !== alias)
      throw refused('EEXIST', 'there is one that net-routed has not made')
    const { errno, text: why } = present ? {} : await make(socket, name)
    if (errno !== undefined) throw refused(errno, why ?? errno)
    const found = present ?? (await findLink(socket, name))
    if (!found) throw refused('ENODEV', 'it was removed at once')
    const answers = await socket.request(settleEnd(found.index, alias))
    const problem = answers.find((answer) => answer.errno !== undefined)
    if (problem?.errno !== undefined) throw refused(problem.errno, problem.text)
  })
}

/** See ContainerEnds. */
export async function remove(netns: string, name: string, alias: string): Promise<void> {
  try {
    await conversation(netns, async (socket) => {
      const found = await findLink(socket, name)
      if (found?.alias !== alias) return
      const message = { type: RTM.DELLINK, flags: 0, body: ifinfo({ index: found.index }) }
      const [answer] = await socket.request([message])
      if (answer?.errno === undefined || answer.errno === 'ENODEV') return
      throw new KernelError(answer.errno, `cannot delete link ${name} in ${netns}: ${answer.text}`)
    })
  } catch (error) {
    if (!(error instanceof KernelError && GONE.includes(error.errno))) throw error
  }
}

async function make(socket: NetlinkSocket, name: string): Promise<Partial<Answer>> {
  let answer: Answer | undefined
  for (const kind of KINDS) {
    ;[answer] = await socket.request([newStub(name, kind)])
    if (answer?.errno !== 'ENOTSUP') break
  }
  return answer ?? {}
}

function newStub(name: string, kind: string): Message {
  const body = Buffer.concat([
    ifinfo(),
    text(IFLA.IFNAME, name),
    nested(IFLA.LINKINFO, text(IFLA_INFO.KIND, kind))
  ])
  return { type: RTM.NEWLINK, flags: NLM_F.CREATE | NLM_F.EXCL, body }
}
