/**
 * Routing daemons that have outlived zebra: they do not ask it for routes again, and most do not give it again what they have
 * learnt of others, so that the host forgets its ways to them.
 */
import { RoutedError } from '../../errors.js'
import { learntQuestion } from '../../host/router-learnt.js'
import type { RouterDaemon } from '../../host/router-lines.js'
import type { OpenVty } from '../../host/vty.js'
import { deafIn, muteIn } from '../../host/zebra-clients.js'
import type { Asked } from '../../host/zebra-clients.js'
import type { Family } from '../../model/ip.js'
import { readClients } from './router-views.js'

export interface LostParts {
  readonly open: OpenVty
  /** What daemons ask zebra for by lines of ours. */
  readonly asked: Asked
  /** Waits: changes that were under way are not faults. */
  readonly settle: () => Promise<void>
}

export interface LostZebra {
  /** Have been told nothing, although there is something to tell. */
  readonly deaf: readonly RouterDaemon[]
  /** Have given nothing, although they have learnt something. */
  readonly mute: readonly RouterDaemon[]
}

const ALL: ReadonlySet<Family> = new Set([4, 6])

/** `families`: those of which zebra has something to tell. What has just begun is looked at twice. */
export async function lostZebra(parts: LostParts, families: ReadonlySet<Family>): Promise<LostZebra> {
  const suspects = await look(parts, families)
  if (suspects.deaf.length + suspects.mute.length === 0) return suspects
  await parts.settle()
  const { deaf, mute } = await look(parts, families)
  return {
    deaf: deaf.filter((daemon) => suspects.deaf.includes(daemon)),
    mute: mute.filter((daemon) => suspects.mute.includes(daemon))
  }
}

async function look({ open, asked }: LostParts, families: ReadonlySet<Family>): Promise<LostZebra> {
  if (Object.keys(asked).length === 0) return { deaf: [], mute: [] }
  const clients = await readClients(open)
  const mute = new Set<RouterDaemon>()
  for (const { daemon, family } of muteIn(clients, asked))
    if (await hasLearnt(open, daemon, family)) mute.add(daemon)
  // Who has lost zebra has lost it both ways, also where there is nothing to tell yet.
  const unasked = deafIn(clients, asked, ALL).filter((daemon) => mute.has(daemon))
  return { deaf: [...new Set([...deafIn(clients, asked, families), ...unasked])], mute: [...mute] }
}

/** One that does not answer has not: that is found elsewhere. */
async function hasLearnt(open: OpenVty, daemon: RouterDaemon, family: Family): Promise<boolean> {
  const question = learntQuestion(daemon, family)
  if (!question) return false
  try {
    const session = await open(daemon)
    try {
      return question.isLearnt((await session.run(question.command)).text)
    } finally {
      session.close()
    }
  } catch (error) {
    if (!(error instanceof RoutedError)) throw error
    return false
  }
}
