/**
 * What lives on links: addresses, neighbours, routes. One message each, all in one go; only a route that meets another one
 * needs a second look.
 */
import { keyOf } from '../objects.js'
import type { Address, HostObject, Loopback, Neighbour, Op, Route } from '../objects.js'
import { changeAddress } from './addresses.js'
import { findLinkAt, findLinks, refusal } from './kernel.js'
import type { Failures, Kernel } from './kernel.js'
import { isOurs } from './links.js'
import type { Message } from './messages.js'
import { changeNeighbour } from './neighbours.js'
import {
  changeLoopback,
  changeRoute,
  decodeRoute,
  describeRoute,
  getRoutes,
  hasSameKey,
  isSameRoute,
  matchRoute
} from './routes.js'
import type { FoundRoute } from './routes.js'

interface Step<T> {
  readonly op: Op
  readonly object: T
  /** Index of the link. */
  readonly index: number
}

type RouteStep = Step<Route>
type EntryStep = Step<Address | Neighbour | Route | Loopback>

interface Located {
  readonly steps: readonly EntryStep[]
  readonly failures: Failures
}

/** Already gone, as far as a delete is concerned. */
const GONE: ReadonlySet<string> = new Set(['ENODEV', 'ESRCH', 'EADDRNOTAVAIL', 'ENOENT'])

/** Applies operations on addresses, neighbours and routes. `known`: indexes of links of ours, by name. */
export async function changeEntries(
  ops: readonly Op[],
  kernel: Kernel,
  known: ReadonlyMap<string, number>
): Promise<Failures> {
  const { steps, failures } = await locate(ops, kernel, known)
  await deleteOurRoutes(
    steps.filter(isRouteStep).filter(({ op }) => op.verb === 'replace'),
    kernel
  )
  const answers = await kernel.requests.request(steps.map((step) => messageOf(step, kernel.protocol)))
  const clashes: RouteStep[] = []
  steps.forEach((step, at) => {
    const { errno, text = '' } = answers[at] ?? {}
    if (errno === undefined || isHarmless(step.op, errno)) return
    if (errno === 'EEXIST' && isRouteStep(step)) clashes.push(step)
    else failures.set(keyOf(step.object), refusal(step.op, errno, text))
  })
  if (clashes.length > 0) await judge(clashes, kernel, failures)
  return failures
}

/** Finds the links of the operations. Nothing is done on a link that is missing or not ours. */
async function locate(
  ops: readonly Op[],
  kernel: Kernel,
  known: ReadonlyMap<string, number>
): Promise<Located> {
  const failures: Failures = new Map()
  const entries = ops.flatMap((op) => (isEntry(op.object) ? [{ op, object: op.object }] : []))
  const found = await findLinks(
    kernel,
    entries.map(({ object }) => object.link).filter((name) => !known.has(name))
  )
  const steps = entries.flatMap(({ op, object }): EntryStep[] => {
    const link = found.get(object.link)
    const index = known.get(object.link) ?? (link && isOurs(link) ? link.index : undefined)
    if (index !== undefined) return [{ op, object, index }]
    if (op.verb === 'delete') return []
    const [errno, why] = link
      ? ['EPERM', `${link.name} is not ours`]
      : ['ENODEV', `there is no link ${object.link}`]
    failures.set(keyOf(object), refusal(op, errno, `${errno}: ${why}`))
    return []
  })
  return { steps, failures }
}

function isEntry(object: HostObject): object is EntryStep['object'] {
  return ['address', 'neighbour', 'route', 'loopback'].includes(object.kind)
}

function isRouteStep(step: EntryStep): step is RouteStep {
  return step.object.kind === 'route'
}

function messageOf({ op: { verb }, object, index }: EntryStep, protocol: number): Message {
  switch (object.kind) {
    case 'address':
      return changeAddress(verb, object, index)
    case 'neighbour':
      return changeNeighbour(verb, object, { index, protocol })
    case 'loopback':
      return changeLoopback(verb === 'delete' ? 'delete' : 'add', { index, protocol })
    case 'route':
      return changeRoute(verb === 'delete' ? 'delete' : 'add', object, { index, protocol })
  }
}

function isHarmless({ verb, object }: Op, errno: string): boolean {
  const isSame = object.kind === 'address' || object.kind === 'loopback'
  return verb === 'delete' ? GONE.has(errno) : errno === 'EEXIST' && isSame
}

/** A route in the way is harmless if it is just the one that we wanted; otherwise the error shows it. */
async function judge(clashes: readonly RouteStep[], kernel: Kernel, failures: Failures): Promise<void> {
  const ours = byDestination(await ourRoutes(clashes, kernel))
  for (const { op, object, index } of clashes) {
    const same = ours.get(object.dst) ?? []
    if (same.some((found) => isSameRoute(object, found, { index, protocol: kernel.protocol }))) continue
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
async function deleteOurRoutes(steps: readonly RouteStep[], kernel: Kernel): Promise<void> {
  if (steps.length === 0) return
  const ours = byDestination(await ourRoutes(steps, kernel))
  const messages: Message[] = []
  for (const { object } of steps) {
    const rivals = (ours.get(object.dst) ?? []).filter((found) => hasSameKey(object, found))
    for (const index of rivals.flatMap(({ indexes }) => indexes)) {
      const link = await findLinkAt(kernel, index)
      if (link && isOurs(link))
        messages.push(changeRoute('delete', object, { index, protocol: kernel.protocol }))
    }
  }
  await kernel.requests.request(messages)
}

function byDestination(routes: readonly FoundRoute[]): ReadonlyMap<string, readonly FoundRoute[]> {
  const map = new Map<string, FoundRoute[]>()
  for (const route of routes) {
    const same = map.get(route.dst)
    if (same) same.push(route)
    else map.set(route.dst, [route])
  }
  return map
}

async function ourRoutes(steps: readonly RouteStep[], kernel: Kernel): Promise<FoundRoute[]> {
  const found: FoundRoute[][] = []
  for (const family of [4, 6] as const) {
    const ofFamily = steps.filter(({ object }) => object.dst.includes(':') === (family === 6))
    for (const table of new Set(ofFamily.map(({ object }) => object.table))) {
      const { protocol } = kernel
      const routes = await kernel.dumps.dump(getRoutes(family, { protocol, table }), decodeRoute)
      found.push(routes.filter((route) => route.protocol === protocol))
    }
  }
  return found.flat()
}
