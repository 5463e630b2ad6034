/** Container ends: set up and read in the container's namespace, over a socket that is opened there and closed again. */
import { KernelError } from '../../errors.js'
import type { ContainerEnd, ContainerEnds, EndRoute } from '../ends.js'
import { addEndAddress, decodeAddress, getAddresses } from './addresses.js'
import { conversation, findLink } from './conversation.js'
import { hasIpv6Off, settleEnd } from './links.js'
import type { FoundLink } from './links.js'
import type { Message } from './messages.js'
import type { Answer, NetlinkSocket } from './netlink.js'
import { withNetns } from './netns.js'
import { addEndRoute, decodeRoute, getRoutes } from './routes.js'
import { extend, knowsSysctl, refusal } from './end-additions.js'
import { addStub, remove } from './stubs.js'
import { writeSysctl } from './sysctls.js'

/** One message, what it does in words, and whether it may meet what is there already. */
interface Step {
  readonly what: string
  readonly message: Message
  readonly mayExist: boolean
}

/** The kernel's. */
export const linuxEnds: ContainerEnds = { configure, extend, refusal, knowsSysctl, find, addStub, remove }

function configure(netns: string, end: ContainerEnd): Promise<readonly EndRoute[]> {
  return conversation(netns, async (socket) => {
    const found = await findLink(socket, end.name)
    if (!found || !mayBeOurs(found, end)) {
      const why = found ? `it is not the one that net-routed made` : 'it does not exist'
      throw new KernelError(found ? 'EEXIST' : 'ENODEV', `cannot set up link ${end.name} in ${netns}: ${why}`)
    }
    switchIpv6(netns, end, found)
    const steps = stepsOf(end, found.index)
    const answers = await socket.request(steps.map(({ message }) => message))
    steps.forEach((step, at) => {
      refuse(step, answers[at], netns)
    })
    const clash = answers.some(({ errno }) => errno === 'EEXIST')
    return clash ? (await routesOf(socket, found.index)).filter(isIn(end.routes)) : end.routes
  })
}

function find(netns: string, name: string): Promise<ContainerEnd | undefined> {
  return conversation(netns, async (socket): Promise<ContainerEnd | undefined> => {
    const found = await findLink(socket, name)
    if (!found) return undefined
    const addresses = await socket.dump(getAddresses(), decodeAddress)
    return {
      name,
      alias: found.alias,
      mac: found.mac,
      mtu: found.mtu,
      ipv6: !hasIpv6Off(found),
      addresses: addresses
        .filter(({ index, isPermanent }) => index === found.index && isPermanent)
        .map(({ address }) => address),
      routes: found.isUp ? await routesOf(socket, found.index) : []
    }
  })
}

/** Made a moment ago and not marked yet, or marked before. */
function mayBeOurs({ kind, alias, mac }: FoundLink, end: ContainerEnd): boolean {
  return alias === end.alias || (alias === '' && kind === 'veth' && mac === end.mac)
}

/** Before the link comes up: afterwards it has a link-local address. */
function switchIpv6(netns: string, { name, ipv6 }: ContainerEnd, found: FoundLink): void {
  if (hasIpv6Off(found) === !ipv6) return
  const path = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`
  const errno = withNetns(netns, () => writeSysctl(path, ipv6 ? '0' : '1'))
  if (errno === undefined || !ipv6) return
  throw new KernelError(errno, `cannot switch on IPv6 on ${name} in ${netns}: ${errno}`)
}

function stepsOf(end: ContainerEnd, index: number): Step[] {
  return [
    ...settleEnd(index, end.alias).map((message) => ({
      what: `set up link ${end.name}`,
      message,
      mayExist: false
    })),
    ...end.addresses.map((address) => ({
      what: `add address ${address} to ${end.name}`,
      message: addEndAddress(address, index),
      mayExist: true
    })),
    ...end.routes.map((route) => ({
      what: `add route ${route.dst} through ${end.name}`,
      message: addEndRoute(route, index),
      mayExist: true
    }))
  ]
}

function refuse({ what, mayExist }: Step, answer: Answer | undefined, netns: string): void {
  const { errno, text } = answer ?? { errno: 'EIO', text: 'no answer' }
  if (errno === undefined || (mayExist && errno === 'EEXIST')) return
  throw new KernelError(errno, `cannot ${what} in ${netns}: ${text}`)
}

async function routesOf(socket: NetlinkSocket, index: number): Promise<EndRoute[]> {
  const found = [
    ...(await socket.dump(getRoutes(4), decodeRoute)),
    ...(await socket.dump(getRoutes(6), decodeRoute))
  ]
  return found
    .filter(({ indexes }) => indexes.length === 1 && indexes[0] === index)
    .map(({ dst, via, src }) => ({
      dst,
      ...(via === undefined ? {} : { via }),
      ...(src === undefined ? {} : { src })
    }))
}

function isIn(routes: readonly EndRoute[]): (route: EndRoute) => boolean {
  return ({ dst, via }) => routes.some((route) => route.dst === dst && route.via === via)
}
