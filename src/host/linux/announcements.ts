/** Announcements: one message each, all in one go. */
import { keyOf } from '../objects.js'
import type { Announcement, Op } from '../objects.js'
import { refusal } from './kernel.js'
import type { Failures, Kernel } from './kernel.js'
import { changeAnnouncement, decodeAnnouncement, getAnnouncements } from './routes.js'

interface Step {
  readonly op: Op
  readonly object: Announcement
}

/** Applies operations on announcements. What is there or gone already is done. */
export async function changeAnnouncements(ops: readonly Op[], kernel: Kernel): Promise<Failures> {
  const failures: Failures = new Map()
  const steps = ops.flatMap((op): Step[] =>
    op.object.kind === 'announcement' ? [{ op, object: op.object }] : []
  )
  const { protocol } = kernel
  const answers = await kernel.requests.request(
    steps.map(({ op, object }) =>
      changeAnnouncement(op.verb === 'delete' ? 'delete' : 'add', object, protocol)
    )
  )
  const clashes: Step[] = []
  steps.forEach((step, at) => {
    const { errno, text = '' } = answers[at] ?? {}
    if (errno === undefined || (step.op.verb === 'delete' && errno === 'ESRCH')) return
    if (errno === 'EEXIST') clashes.push(step)
    else failures.set(keyOf(step.object), refusal(step.op, errno, text))
  })
  const ours = clashes.length > 0 ? await announced(kernel) : new Set<string>()
  for (const { op, object } of clashes) {
    if (!ours.has(object.dst))
      failures.set(
        keyOf(object),
        refusal(op, 'EEXIST', 'EEXIST: there is another route to it with that metric')
      )
  }
  return failures
}

/** Destinations of all announcements of ours. */
async function announced(kernel: Kernel): Promise<ReadonlySet<string>> {
  const destinations = new Set<string>()
  for (const family of [4, 6] as const) {
    const message = getAnnouncements(family, kernel.protocol)
    const found = await kernel.dumps.dump(message, (body) => decodeAnnouncement(body, kernel.protocol))
    for (const { dst } of found) destinations.add(dst)
  }
  return destinations
}
