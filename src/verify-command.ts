/** The command `net-routed verify`: whether what containers have is what the network is told. */
import { ask } from './client.js'
import type { VerifyCommand } from './command-line.js'
import { gapsOf, isHeldBack } from './core/routing/verify.js'
import type { VerifiedAddress, Verification } from './core/routing/verify.js'
import { isKeptIn } from './core/routing/strays.js'
import type { ForeignRoute } from './core/routing/strays.js'
import type { Printed } from './routing-command.js'

/** Something is, or was before the repair, not as it should be. */
const EXIT_DIFFERS = 3

/** Throws UnavailableError where no daemon answers. */
export async function verifyCommand({ socket, json }: VerifyCommand): Promise<Printed> {
  const found = (await ask(socket, '/Admin.Verify', {})) as Verification
  const lines = verificationLines(found)
  const exitCode = lines.length > 0 ? EXIT_DIFFERS : 0
  if (json) return { text: JSON.stringify(found, undefined, 2), exitCode }
  const { addresses, neighbours, repaired } = found
  const up = neighbours.filter(({ isUp }) => isUp).length
  const summary = [
    `${String(addresses.length)} addresses`,
    `${String(lines.length)} findings`,
    `${String(repaired)} routes told again`,
    `${String(up)} of ${String(neighbours.length)} neighbours up`
  ]
  const kept = found.foreign
    .filter(isKeptIn)
    .map(({ address }) => `kept in: ${address}: a kernel route that is not ours`)
  return { text: [...lines, ...kept, summary.join(', ')].join('\n'), exitCode }
}

/** What is not as it should be, one line each, empty where all is well. */
export function verificationLines(found: Verification): string[] {
  const { addresses, stale, foreign, duplicates, neighbours, faults, lonely, mute, absent } = found
  return [
    ...addresses.flatMap((address) => missingLine(address) ?? []),
    ...stale.map(({ address, where }) => `stale: ${address}: still in ${where}, no container has it`),
    ...foreign.filter((route) => !isKeptIn(route)).map(foreignLine),
    ...duplicates.map(({ address, by, isAnnounced }) => {
      const here = isAnnounced ? 'and announced here' : 'and not announced here'
      return `duplicate: ${address}: on ${by.join(', ')}, too, ${here}`
    }),
    ...neighbours.flatMap((neighbour) => neighbourLine(neighbour) ?? []),
    ...lonely.map((daemon) => `neighbour: none: ${daemon} has no neighbour, so nobody is told of anything`),
    ...mute.map(
      (daemon) =>
        `lost: ${daemon}: zebra had none of the routes to others that it has learnt, and gets them again`
    ),
    ...faults.map(({ key, error }) => `fault: ${key}: ${error}`),
    ...Object.entries(absent).map(([daemon, reason]) => `not asked: ${daemon}: ${reason}`)
  ]
}

function missingLine(address: VerifiedAddress): string | undefined {
  const gaps = gapsOf(address)
  if (gaps.length === 0) return undefined
  const hint = isHeldBack(address) ? '; zebra has it, so look for what holds it back there' : ''
  return `missing: ${address.address}: not in ${gaps.join(', ')}${hint}`
}

/** With the command that removes it. */
function foreignLine({ address, link, metric, hides, announced }: ForeignRoute): string {
  const path = link === undefined ? '' : ` dev ${link}`
  const command = `ip route del ${address}${path} metric ${String(metric)}`
  const effect = hides
    ? "taken in place of the container's own"
    : `announced by ${announced.join(', ')}, and no container has the address`
  return `foreign: ${address}: a kernel route that is not ours is ${effect}; to remove it: ${command}`
}

/** With OSPF two hosts of one link may stay at `2-Way`: the designated router tells both. */
const SETTLED = /^(Full|2-Way|Two-?way|Established)/i

function neighbourLine(neighbour: Verification['neighbours'][number]): string | undefined {
  const { protocol, name, state, acknowledged } = neighbour
  if (!SETTLED.test(state)) return `neighbour: ${name}: is ${state} for ${protocol}, and is told nothing`
  return acknowledged === false
    ? `neighbour: ${name}: has not acknowledged all that ${protocol} announces`
    : undefined
}
