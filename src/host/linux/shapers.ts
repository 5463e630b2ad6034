/**
 * Rates of links. What goes to a container waits in front of its link. What comes from it would have to wait where it comes in,
 * which the kernel cannot do: a filter leads it to a link of its own (ifb), where it waits and then comes in as if nothing
 * had been. One such link for each: 47 KB and half a millisecond, and nothing to look up.
 */
import { ALIAS_MARK, LINK_PREFIX, keyOf } from '../objects.js'
import type { HostObject, Op, Shaper } from '../objects.js'
import { refusal, findLinks } from './kernel.js'
import type { Failures, Kernel } from './kernel.js'
import { markIfb, newIfb } from './ifb.js'
import { FRESH_GROUP, isOurs } from './links.js'
import type { FoundLink } from './links.js'
import type { Message } from './messages.js'
import {
  addIngress,
  addRedirect,
  decodeBucket,
  decodeRedirect,
  deleteBucket,
  deleteIngress,
  deleteRedirect,
  getQdiscs,
  getRedirects,
  setBucket
} from './qdiscs.js'

interface Step {
  readonly op: Op
  readonly shaper: Shaper
}

/** Links for what comes from containers: as those of containers, but for this. */
export const SHAPER_PREFIX = 'ni-'
/** Nothing to take away. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'EINVAL', 'ENODEV'])
/** What the kernel needs, by how it says that it has not. */
const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'EOPNOTSUPP'])

/** Name of the link through which what comes from a container is led. */
export function shaperLink(link: string): string {
  return `${SHAPER_PREFIX}${link.slice(LINK_PREFIX.length)}`
}

/** True for such a link, also one that is not marked yet. */
export function isShaperLink({ kind, name, alias, group }: FoundLink): boolean {
  const isMarked = alias.startsWith(ALIAS_MARK) || (alias === '' && group === FRESH_GROUP)
  return kind === 'ifb' && name.startsWith(SHAPER_PREFIX) && isMarked
}

/** Makes rates, or changes them; for `add` and `replace` alike. */
export async function changeShapers(ops: readonly Op[], kernel: Kernel): Promise<Failures> {
  const failures: Failures = new Map()
  const steps = ops.flatMap((op): Step[] => (op.object.kind === 'shaper' ? [{ op, shaper: op.object }] : []))
  const outs = steps.filter(({ shaper }) => shaper.direction === 'out')
  const made = await kernel.requests.request(outs.map(({ shaper }) => newIfb(shaperLink(shaper.link))))
  outs.forEach(({ op }, at) => {
    const { errno, text = '' } = made[at] ?? {}
    if (errno !== undefined && errno !== 'EEXIST') failures.set(keyOf(op.object), refused(op, errno, text))
  })
  const found = await findLinks(
    kernel,
    steps.flatMap(({ shaper: { link } }) => [link, shaperLink(link)])
  )
  for (const { op, shaper } of steps) {
    const failure = failures.get(keyOf(shaper)) ?? (await change(op, shaper, { found, kernel }))
    if (failure) failures.set(keyOf(shaper), failure)
  }
  return failures
}

/** Takes rates away, apart from the links beside: those of what comes from containers are for the caller to delete. */
export async function endShapers(ops: readonly Op[], kernel: Kernel): Promise<Failures> {
  const failures: Failures = new Map()
  const steps = ops.flatMap((op): Step[] => (op.object.kind === 'shaper' ? [{ op, shaper: op.object }] : []))
  const found = await findLinks(
    kernel,
    steps.map(({ shaper }) => shaper.link)
  )
  for (const { op, shaper } of steps) {
    const link = found.get(shaper.link)
    if (!link || !isOurs(link)) continue
    const message = shaper.direction === 'in' ? deleteBucket(link.index) : deleteIngress(link.index)
    const [{ errno, text } = { errno: undefined, text: '' }] = await kernel.requests.request([message])
    if (errno !== undefined && !GONE.has(errno)) failures.set(keyOf(shaper), refusal(op, errno, text))
  }
  return failures
}

/** Rates as they are. `links`: all that are ours, or beside ours. */
export async function listShapers(links: readonly FoundLink[], kernel: Kernel): Promise<HostObject[]> {
  const buckets = new Map(
    (await kernel.dumps.dump(getQdiscs(), decodeBucket)).map((bucket) => [bucket.index, bucket])
  )
  const byName = new Map(links.map((link) => [link.name, link]))
  const shapers: Shaper[] = []
  for (const { index, name, isUp, alias } of links) {
    const bucket = buckets.get(index)
    const numbers = bucket ? { rate: bucket.rate, burst: bucket.burst, limit: bucket.limit } : NOTHING
    if (!name.startsWith(SHAPER_PREFIX)) {
      if (bucket) shapers.push({ kind: 'shaper', link: name, direction: 'in', ...numbers, settled: true })
      continue
    }
    const link = `${LINK_PREFIX}${name.slice(SHAPER_PREFIX.length)}`
    const isLed = (await targetOf(byName.get(link), kernel)) === index
    const settled = bucket !== undefined && isUp && alias !== '' && isLed
    shapers.push({ kind: 'shaper', link, direction: 'out', ...numbers, settled })
  }
  return shapers
}

const NOTHING = { rate: 0, burst: 0, limit: 0 } as const

/** Where what comes in through the link is led to. */
async function targetOf(link: FoundLink | undefined, kernel: Kernel): Promise<number | undefined> {
  if (!link) return undefined
  const targets = await kernel.dumps.dump(getRedirects(link.index), decodeRedirect)
  return targets.length === 1 ? targets[0] : undefined
}

async function change(
  op: Op,
  shaper: Shaper,
  { found, kernel }: { found: ReadonlyMap<string, FoundLink>; kernel: Kernel }
): Promise<ReturnType<typeof refusal> | undefined> {
  const link = found.get(shaper.link)
  if (!link) return refusal(op, 'ENODEV', `ENODEV: there is no link ${shaper.link}`)
  if (!isOurs(link)) return refusal(op, 'EPERM', `EPERM: ${link.name} is not ours`)
  if (shaper.direction === 'in') return send(op, [setBucket(link.index, shaper)], kernel)
  const name = shaperLink(shaper.link)
  const beside = found.get(name)
  if (!beside || !isShaperLink(beside))
    return refusal(op, 'EEXIST', `EEXIST: there is a link ${name} that is not ours`)
  // The filter comes last: what it leads to must let something through.
  const ready = await send(
    op,
    [...markIfb(beside.index, aliasOf(shaper)), setBucket(beside.index, shaper)],
    kernel
  )
  if (ready || (await targetOf(link, kernel)) === beside.index) return ready
  await kernel.requests.request([addIngress(link.index), deleteRedirect(link.index)])
  return send(op, [addRedirect(link.index, beside.index)], kernel)
}

async function send(
  op: Op,
  messages: readonly Message[],
  kernel: Kernel
): Promise<ReturnType<typeof refusal> | undefined> {
  const answers = await kernel.requests.request(messages)
  const failed = answers.find(({ errno }) => errno !== undefined)
  return failed?.errno === undefined ? undefined : refused(op, failed.errno, failed.text)
}

/** Says which parts of the kernel it takes, where one of them is missing. */
function refused(op: Op, errno: string, text: string): ReturnType<typeof refusal> {
  const needs = 'rates need the modules sch_tbf, and from containers ifb, sch_ingress, cls_u32 and act_mirred'
  return refusal(op, errno, MISSING.has(errno) ? `${text}: ${needs}` : text)
}

function aliasOf({ link }: Shaper): string {
  return `${ALIAS_MARK} rate of ${link}`
}
