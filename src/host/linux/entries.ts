/**
 * What lives on links: addresses, neighbours, routes. One message each, all in one go; only a route that meets another one
 * needs a second look.
 */
import { KINDS, keyOf, linkOf } from '../objects.js'
import type { HostObject, Op, Route } from '../objects.js'
import { changeAddress } from './addresses.js'
import { findLinkAt, findLinks, refusal } from './kernel.js'
import type { Failures, Kernel } from './kernel.js'
import { isOurs } from './links.js'
import type { Message } from './messages.js'
import { changeNeighbour } from './neighbours.js'
import type { Answer } from './netlink.js'
import { changeRoute, decodeRoute, describeRoute, getRoutes, hasSameKey, isSameRoute, matchRoute } from './routes.js'
import type { FoundRoute } from './routes.js'

interface Step {
  readonly op: Op
  readonly index: number
}

/** Already gone, as far as a delete is concerned. */
const GONE: ReadonlySet<string> = new Set(['ENODEV', 'ESRCH', 'EADDRNOTAVAIL', 'ENOENT'])

/** Applies operations on addresses, neighbours and routes. `known`: indexes of links of ours, by name. */
export async function changeEntries(
  ops: readonly Op[],
  kernel: Kernel,
  known: ReadonlyMap<string, number>
): Promise<Failures> {
  const failures: Failures = new Map()
  const steps = await locate(ops, kernel, { known, failures })
  const replaced = steps.filter(({ op }) => op.verb === 'replace' && op.object.kind === 'route')
  await deleteOurRoutes(replaced, kernel)
  const answers = await kernel.requests.request(steps.map((step) => messageOf(step, kernel.protocol)))
  const clashes: Step[] = []
  steps.forEach((step, index) => {
    const answer = answers[index]
    if (answer?.errno === undefined || isHarmless(step.op, answer.errno)) return
    if (answer.errno === 'EEXIST' && step.op.object.kind === 'route') clashes.push(step)
    else failures.set(keyOf(step.op.object), refused(step.op, answer))
  })
  if (clashes.length > 0) await judge(clashes, kernel, failures)
  return failures
}

/** Finds the links of the operations. Nothing is done on a link that is missing or not ours. */
async function locate(
  ops: readonly Op[],
  kernel: Kernel,
  { known, failures }: { known: ReadonlyMap<string, number>; failures: Failures }
): Promise<Step[]> {
  const names = ops.flatMap(({ object }) => linkOf(object) ?? []).filter((name) => !known.has(name))
  const found = names.length === 0 ? new Map<string, never>() : await findLinks(kernel, names)
  return ops.flatMap((op): Step[] => {
    const name = linkOf(op.object) ?? ''
    const link = found.get(name)
    const index = known.get(name) ?? (link && isOurs(link) ? link.index : undefined)
    if (index !== undefined) return [{ op, index }]
    if (op.verb === 'delete') return []
    const why = link ? `EPERM: ${name} is not ours` : `ENODEV: there is no link ${name}`
    failures.set(keyOf(op.object), refusal(op, link ? 'EPERM' : 'ENODEV', why))
    return []
  })
}

function messageOf({ op: { verb, object }, index }: Step, protocol: number): Message {
  switch (object.kind) {
    case 'address':
      return changeAddress(verb, object, index)
    case 'neighbour':
      return changeNeighbour(verb, object, { index, protocol })
    case 'route':
      return changeRoute(verb === 'delete' ? 'delete' : 'add', object, { index, protocol })
    default:
      throw new TypeError(`${object.kind} is not one of the ${String(KINDS.length)} kinds that live on a link`)
  }
}

function isHarmless({ verb, object }: Op, errno: string): boolean {
  return verb === 'delete' ? GONE.has(errno) : errno === 'EEXIST' && object.kind === 'address'
}

function refused(op: Op, { errno = 'EIO', text }: Answer): ReturnType<typeof refusal> {
  return refusal(op, errno, text)
}

/** A route in the way is harmless if it is just the one that we wanted; otherwise the error shows it. */
async function judge(clashes: readonly Step[], kernel: Kernel, failures: Failures): Promise<void> {
  const ours = await ourRoutes(clashes, kernel)
  for (const { op, index } of clashes) {
    const { object } = op
    if (object.kind !== 'route') continue
    if (ours.some((found) => isSameRoute(object, found, { index, protocol: kernel.protocol }))) continue
    const [answer] = await kernel.requests.request([matchRoute(object.dst)])
    const found = answer?.reply && decodeRoute(answer.reply)
    const other = found && hasSameKey(object, found) ? await textOf(found, kernel) : 'another route to it'
    failures.set(keyOf(object), refusal(op, 'EEXIST', `EEXIST: there is ${other}`))
  }
}

async function textOf(found: FoundRoute, kernel: Kernel): Promise<string> {
  const [index = 0] = found.indexes
  const link = await findLinkAt(kernel, index)
  return describeRoute(found, link?.name ?? `index ${String(index)}`)
}

/** The same destination and metric through another link of ours must go first: the kernel takes only one. */
async function deleteOurRoutes(steps: readonly Step[], kernel: Kernel): Promise<void> {
  if (steps.length === 0) return
  const ours = await ourRoutes(steps, kernel)
  const messages: Message[] = []
  for (const { op } of steps) {
    const { object } = op
    if (object.kind !== 'route') continue
    for (const index of ours.filter((found) => hasSameKey(object, found)).flatMap(({ indexes }) => indexes)) {
      const link = await findLinkAt(kernel, index)
      if (link && isOurs(link)) messages.push(changeRoute('delete', object, { index, protocol: kernel.protocol }))
    }
  }
  await kernel.requests.request(messages)
}

async function ourRoutes(steps: readonly Step[], kernel: Kernel): Promise<FoundRoute[]> {
  const families = new Set(steps.map(({ op }) => familyOfRoute(op.object)))
  const found: FoundRoute[] = []
  for (const family of families) {
    const routes = await kernel.dumps.dump(getRoutes(family, kernel.protocol), decodeRoute)
    found.push(...routes.filter(({ protocol }) => protocol === kernel.protocol))
  }
  return found
}

function familyOfRoute(object: HostObject): 4 | 6 {
  const isIpv6 = object.kind === 'route' && (object satisfies Route).dst.includes(':')
  return isIpv6 ? 6 : 4
}
