/** Making and settling links, many at a time. */
import { closeSync } from 'node:fs'
import { KernelError } from '../../errors.js'
import { keyOf } from '../objects.js'
import type { Link, Op } from '../objects.js'
import { refusal } from './kernel.js'
import type { Failures, Kernel } from './kernel.js'
import { believesRouters, decodeLink, getLink, hasIpv6Off, isOurs, newVeth, settle } from './links.js'
import type { FoundLink } from './links.js'
import type { Answer } from './netlink.js'
import { openContainer } from './netns.js'
import { writeSysctl } from './sysctls.js'

interface LinkOp {
  readonly op: Op
  readonly link: Link
}

interface Made {
  readonly failures: Failures
  /** Indexes of the links that are there now, by name. */
  readonly indexes: ReadonlyMap<string, number>
}

/** Makes what is missing and can be made, and settles all: for `add` and `replace` alike. */
export async function changeLinks(ops: readonly Op[], kernel: Kernel): Promise<Made> {
  const failures: Failures = new Map()
  const indexes = new Map<string, number>()
  const wanted = ops.flatMap((op): LinkOp[] => (op.object.kind === 'link' ? [{ op, link: op.object }] : []))
  const present: (LinkOp & { found: FoundLink })[] = []
  for (const { op, link, made, read } of await make(wanted, kernel)) {
    const found = read.reply && decodeLink(read.reply)
    if (found && isOurs(found)) present.push({ op, link, found })
    else failures.set(keyOf(link), found ? taken(op, found) : missing(op, link, made ?? read))
  }
  const settling = present.flatMap(({ op, link, found }) => {
    indexes.set(link.name, found.index)
    const { ipv6IsOff, errno } = switchIpv6(link, found, kernel)
    if (errno !== undefined)
      failures.set(keyOf(link), refusal(op, errno, `${errno}: IPv6 cannot be switched on there`))
    return settle(link, found, ipv6IsOff).map((message) => ({ op, message }))
  })
  const answers = await kernel.requests.request(settling.map(({ message }) => message))
  settling.forEach(({ op }, index) => {
    const answer = answers[index]
    if (answer?.errno !== undefined) failures.set(keyOf(op.object), refusal(op, answer.errno, answer.text))
  })
  return { failures, indexes }
}

async function make(
  wanted: readonly LinkOp[],
  kernel: Kernel
): Promise<(LinkOp & { made?: Answer; read: Answer })[]> {
  const doors = wanted.map(({ link }) => openDoor(link, kernel))
  try {
    const messages = wanted.flatMap(({ link }, at) => {
      const door = doors[at]
      return [
        ...(link.veth && door?.problem === undefined ? [newVeth(link, link.veth, door?.fd)] : []),
        getLink(link.name)
      ]
    })
    const answers = (await kernel.requests.request(messages)).values()
    const next = (): Answer => answers.next().value ?? { errno: 'EIO', text: 'no answer' }
    return wanted.map(({ op, link }, at) => {
      const made = doors[at]?.problem ?? (link.veth ? next() : undefined)
      return { op, link, ...(made ? { made } : {}), read: next() }
    })
  } finally {
    for (const { fd } of doors) if (fd !== undefined) closeSync(fd)
  }
}

/** The namespace for the other end, open for as long as it takes to tell the kernel. */
interface Door {
  readonly fd?: number
  readonly problem?: Answer
}

function openDoor({ veth }: Link, kernel: Kernel): Door {
  if (veth?.netns === undefined) return {}
  try {
    return { fd: openContainer(veth.netns, kernel.inside) }
  } catch (error) {
    if (!(error instanceof KernelError)) throw error
    return { problem: { errno: error.errno, text: `${error.errno}: ${error.message}` } }
  }
}

function taken(op: Op, { kind, alias }: FoundLink): KernelError {
  const whose = alias === '' ? 'without alias' : `with alias "${alias}"`
  return refusal(
    op,
    'EEXIST',
    `EEXIST: there is a ${kind || 'physical'} link ${whose} of that name that is not ours`
  )
}

function missing(op: Op, link: Link, { errno = 'ENODEV', text }: Answer): KernelError {
  if (!link.veth)
    return refusal(op, errno, `${errno}: it does not exist, and its other end would not be where it was`)
  const peer = errno === 'EEXIST' ? `: the name ${link.veth.name} of the other end is taken` : ''
  return refusal(op, errno, `${text}${peer}`)
}

/**
 * Before the link comes up: afterwards it has a link-local route, and making links costs more with each that has.
 * Where /proc/sys is read-only a link without link-local address is as near as one can get, and no error.
 */
function switchIpv6(link: Link, found: FoundLink, kernel: Kernel): { ipv6IsOff: boolean; errno?: string } {
  const wasOff = hasIpv6Off(found)
  // The guard drops them; where it is missing for a moment this helps, if /proc/sys can be written.
  if (link.ipv6 && believesRouters(found)) write(link, 'accept_ra', '0', kernel)
  if (wasOff === !link.ipv6) return { ipv6IsOff: wasOff }
  const errno = write(link, 'disable_ipv6', link.ipv6 ? '0' : '1', kernel)
  if (errno === undefined) return { ipv6IsOff: !link.ipv6 }
  return link.ipv6 ? { ipv6IsOff: wasOff, errno } : { ipv6IsOff: wasOff }
}

function write({ name }: Link, setting: string, value: string, { inside }: Kernel): string | undefined {
  return inside(() => writeSysctl(`/proc/sys/net/ipv6/conf/${name}/${setting}`, value))
}
