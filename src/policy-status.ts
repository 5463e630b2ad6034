/** What policies have let pass and refused, for `net-routed status` and for monitoring. */
import { KernelError } from './errors.js'
import type { Host } from './host/host.js'
import type { Counts, PolicyCounts } from './host/policies.js'

export type PoliciesByLink = ReadonlyMap<string, PolicyCounts>

/** Missing if the kernel cannot say. */
export async function policiesOf(host: Host): Promise<PoliciesByLink> {
  try {
    return await host.policed()
  } catch (error) {
    if (error instanceof KernelError) return new Map()
    throw error
  }
}

interface Policed {
  readonly link: string
  readonly policy?: PolicyCounts
  readonly ingress?: readonly string[]
  readonly egress?: readonly string[]
}

/** A line for each link with a policy: packets that passed, and that did not. Below it, the lists. */
export function policyLines(endpoints: readonly Policed[]): string[] {
  const lines = endpoints.flatMap(({ link, policy, ingress = [], egress = [] }) => {
    if (!policy) return []
    const numbers = [policy.ingress, policy.egress].flatMap(({ accepted, denied }) => [accepted, denied])
    return [
      [link.padEnd(16), ...numbers.map(({ packets }) => String(packets).padStart(12))].join(' '),
      ...(ingress.length > 0 ? [`  in: ${ingress.join(', ')}`] : []),
      ...(egress.length > 0 ? [`  out: ${egress.join(', ')}`] : [])
    ]
  })
  const head = ['POLICY'.padEnd(16), ...['IN ACCEPTED', 'IN DENIED', 'OUT ACCEPTED', 'OUT DENIED'].map(right)]
  return lines.length > 0 ? [head.join(' '), ...lines] : []
}

/** Samples with their labels: `link="nr-…",direction="ingress",verdict="denied"`. */
export function policySamples(
  policies: PoliciesByLink,
  unit: 'packets' | 'bytes'
): (readonly [string, number])[] {
  return [...policies].flatMap(([link, { ingress, egress }]) => {
    const of = (direction: string, { accepted, denied }: Counts): (readonly [string, number])[] => [
      [`link="${link}",direction="${direction}",verdict="accepted"`, accepted[unit]],
      [`link="${link}",direction="${direction}",verdict="denied"`, denied[unit]]
    ]
    return [...of('ingress', ingress), ...of('egress', egress)]
  })
}

function right(title: string): string {
  return title.padStart(12)
}
