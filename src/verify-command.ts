/** The command `net-routed verify`: whether what containers have is what the network is told. */
import { ask } from './client.js'
import type { VerifyCommand } from './command-line.js'
import { gapsOf } from './core/routing/verify.js'
import type { Verification } from './core/routing/verify.js'
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
  return { text: [...lines, summary.join(', ')].join('\n'), exitCode }
}

function verificationLines({ addresses, stale, duplicates, neighbours, absent }: Verification): string[] {
  return [
    ...addresses.flatMap((address) => {
      const gaps = gapsOf(address)
      return gaps.length > 0 ? [`missing: ${address.address}: not in ${gaps.join(', ')}`] : []
    }),
    ...stale.map(({ address, where }) => `stale: ${address}: still in ${where}, no container has it`),
    ...duplicates.map(({ address, by, isAnnounced }) => {
      const here = isAnnounced ? 'and announced here' : 'and not announced here'
      return `duplicate: ${address}: on ${by.join(', ')}, too, ${here}`
    }),
    ...neighbours.flatMap(({ protocol, name, acknowledged }) =>
      acknowledged === false
        ? [`neighbour: ${name}: has not acknowledged all that ${protocol} announces`]
        : []
    ),
    ...Object.entries(absent).map(([daemon, reason]) => `not asked: ${daemon}: ${reason}`)
  ]
}
