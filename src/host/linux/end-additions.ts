/** What is put beside that which an engine has set up: over a socket in the container's namespace, as container-ends.ts does. */
import { existsSync } from 'node:fs'
import { KernelError } from '../../errors.js'
import type { EndAddition, EndExtent } from '../ends.js'
import { addEndAddress, addPassiveAddress } from './addresses.js'
import { familyOf, parsePrefix } from './bytes.js'
import { AF } from './constants.js'
import { conversation } from './conversation.js'
import { decodeLink, getLinks } from './links.js'
import type { FoundLink } from './links.js'
import type { Message } from './messages.js'
import { withNetns } from './netns.js'
import { addEndRoute } from './routes.js'
import { writeSysctl } from './sysctls.js'

/** Not there yet, or only the file that it will be mounted over. */
const ABSENT: readonly string[] = ['ENOENT', 'EINVAL']
const OWN_NETNS = '/proc/thread-self/ns/net'

/** See ContainerEnds. */
export async function extend(netns: string, addition: EndAddition): Promise<EndExtent> {
  try {
    // Before a socket waits for answers there: an error of this call, and of no other, is about the namespace.
    withNetns(netns, () => undefined)
  } catch (error) {
    if (error instanceof KernelError && ABSENT.includes(error.errno)) return 'no namespace'
    throw error
  }
  return conversation(netns, async (socket) => {
    const links = await socket.dump(getLinks(), decodeLink)
    // The engine sets it up last, when it has its own addresses: they must be the first.
    const found = links.find(({ kind, mac, isUp }) => kind === 'veth' && mac === addition.mac && isUp)
    if (!found) return 'no link'
    const refused = Object.entries(addition.sysctls).map(([key, value]) =>
      setSysctl(netns, found, { key, value })
    )
    const steps = stepsOf(addition, found.index)
    const answers = await socket.request(steps.map(({ message }) => message))
    steps.forEach(({ what }, at) => {
      const { errno, text } = answers[at] ?? { errno: 'EIO', text: 'no answer' }
      if (errno === undefined || errno === 'EEXIST') return
      throw new KernelError(errno, `cannot add ${what} to ${found.name} in ${netns}: ${text}`)
    })
    // Last: for a setting that the kernel does not take the container does not go without its addresses.
    const first = refused.find((error) => error !== undefined)
    if (first) throw first
    return 'done'
  })
}

/** See ContainerEnds. */
export function refusal(): KernelError | undefined {
  try {
    withNetns(OWN_NETNS, () => undefined)
    return undefined
  } catch (error) {
    if (error instanceof KernelError) return error
    throw error
  }
}

/** See ContainerEnds. Outside of the first network namespace there are no defaults of neighbours. */
export function knowsSysctl(key: string): boolean {
  return ['default', 'lo'].some((name) => existsSync(pathOf(key, name)))
}

function setSysctl(
  netns: string,
  { name }: FoundLink,
  { key, value }: { key: string; value: string }
): KernelError | undefined {
  const errno = withNetns(netns, () => writeSysctl(pathOf(key, name), value))
  if (errno === undefined) return undefined
  return new KernelError(errno, `cannot set ${key} of ${name} in ${netns} to ${value}: ${errno}`)
}

function stepsOf(addition: EndAddition, index: number): { what: string; message: Message }[] {
  const isPassive = (address: string): boolean =>
    addition.passive.includes(familyOf(parsePrefix(address).address) === AF.INET6 ? 6 : 4)
  return [
    ...addition.addresses.map((address) => ({
      what: `address ${address}`,
      message: (isPassive(address) ? addPassiveAddress : addEndAddress)(address, index)
    })),
    ...addition.routes.map((route) => ({ what: `route ${route.dst}`, message: addEndRoute(route, index) }))
  ]
}

/** A link may have dots in its name. */
function pathOf(key: string, link: string): string {
  return `/proc/sys/${key.split('.').join('/').replace('IFNAME', link)}`
}
