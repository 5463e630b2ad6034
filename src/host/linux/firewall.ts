/**
 * A chain of ours in the filter table of iptables, so that a FORWARD chain that drops lets our links pass. The number of its
 * rules does not depend on the number of links, since a rule matches them all by the beginning of their name.
 *
 * Where nothing could drop, nothing is made. That nothing is the right thing then, only memory can say: `asked`.
 */
import { LINK_PREFIX, keyOf } from '../objects.js'
import type { Firewall, Op } from '../objects.js'
import { exec } from './exec.js'
import { refusal } from './kernel.js'
import type { Failures } from './kernel.js'
import type { Inside } from './netns.js'
import { hasDockerChains, readRulesets } from './rulesets.js'
import type { Chain, Family, Ruleset } from './rulesets.js'

const OUR_CHAIN = 'NET-ROUTED'
const COMMENT = '-m comment --comment net-routed'
const JUMP = `${COMMENT} -j ${OUR_CHAIN}`
const ANY_JUMP = new RegExp(`-[jg] ${OUR_CHAIN}$`)
const ANY_LINK = `${LINK_PREFIX}+`
/** What containers of ours send to Docker's bridges, Docker's own rules decide about. */
const OUR_RULES = [
  `-o ${ANY_LINK} ${COMMENT} -j ACCEPT`,
  `-i ${ANY_LINK} -o docker+ ${COMMENT} -j RETURN`,
  `-i ${ANY_LINK} -o br-+ ${COMMENT} -j RETURN`,
  `-i ${ANY_LINK} ${COMMENT} -j ACCEPT`
]
/** Other programs that hold it are waited for. */
const LOCK_SECONDS = '10'
const EMPTY: Chain = { policy: '-', rules: [] }

/** The forwarding rules of one network namespace, both families. */
export class ForwardRules {
  readonly #inside: Inside
  readonly #asked = new Set<Family>()

  constructor(inside: Inside) {
    this.#inside = inside
  }

  /** Our rules as objects, as far as they are there or not needed. */
  async list(): Promise<Firewall[]> {
    const families = await Promise.all(([4, 6] as const).map((family) => this.#listFamily(family)))
    return families.flat()
  }

  async apply(ops: readonly Op[]): Promise<Failures> {
    const failures: Failures = new Map()
    for (const op of ops) {
      if (op.object.kind !== 'firewall') continue
      const { family } = op.object
      if (op.verb === 'delete') this.#asked.delete(family)
      else this.#asked.add(family)
      const problem = await this.#change(family, op.verb !== 'delete')
      if (problem !== undefined) failures.set(keyOf(op.object), refusal(op, 'EIO', problem))
    }
    return failures
  }

  /** True if Docker relies on iptables here. */
  async dockerForwards(): Promise<boolean> {
    const { found } = await readRulesets(4, this.#inside)
    return found.some(hasDockerChains)
  }

  async #listFamily(family: Family): Promise<Firewall[]> {
    const { found, problem } = await readRulesets(family, this.#inside)
    if (problem !== undefined) return []
    if (found.some(hasTraces)) return [{ kind: 'firewall', family, intact: found.every(isRight) }]
    return !found.some(isNeeded) && this.#asked.has(family)
      ? [{ kind: 'firewall', family, intact: true }]
      : []
  }

  /** Returns what went wrong. */
  async #change(family: Family, wanted: boolean): Promise<string | undefined> {
    const { found, problem } = await readRulesets(family, this.#inside)
    const problems = problem === undefined ? [] : [problem]
    for (const ruleset of found) {
      const commands = commandsFor(ruleset, wanted)
      if (commands.length > 0) problems.push(...(await this.#restore(ruleset.flavour, commands)))
    }
    return problems.length === 0 ? undefined : problems.join('; ')
  }

  async #restore(flavour: string, commands: readonly string[]): Promise<string[]> {
    const program = `${flavour}-restore`
    const input = ['*filter', ...commands, 'COMMIT', ''].join('\n')
    const options = { input, inside: this.#inside }
    const { code, errno, stderr } = await exec([program, '--noflush', '-w', LOCK_SECONDS], options)
    return code === 0 ? [] : [`${program}: ${errno ?? stderr.trim()}`]
  }
}

/** True if something in the chain FORWARD, besides our own, could keep our packets from passing. */
function isNeeded({ chains }: Ruleset): boolean {
  const forward = chains.get('FORWARD')
  return (
    forward !== undefined &&
    (forward.policy !== 'ACCEPT' || forward.rules.some((rule) => !ANY_JUMP.test(rule)))
  )
}

function hasTraces(ruleset: Ruleset): boolean {
  return ruleset.chains.has(OUR_CHAIN) || jumpsOf(ruleset).length > 0
}

function isRight(ruleset: Ruleset): boolean {
  return isComplete(ruleset) || !(isNeeded(ruleset) || hasTraces(ruleset))
}

function isComplete(ruleset: Ruleset): boolean {
  const rules = ruleset.chains.get(OUR_CHAIN)?.rules ?? []
  return rules.join('\n') === OUR_RULES.join('\n') && jumpsOf(ruleset).length === 1 && standsRight(ruleset)
}

function standsRight({ chains }: Ruleset): boolean {
  const { name, position } = placeOfJump(chains)
  const { rules } = chains.get(name) ?? EMPTY
  const at = rules.indexOf(JUMP)
  if (name !== 'FORWARD') return at === position
  // Others want to be first here too; two that insist would never come to rest.
  return at >= 0 && rules.slice(0, at).every((rule) => !/-j (DROP|REJECT)\b/.test(rule))
}

/** Behind the operator's own rules where Docker has a chain for them, else before everything. Position from 0. */
function placeOfJump(chains: Ruleset['chains']): { name: string; position: number } {
  const user = chains.get('DOCKER-USER')
  if (!user || !chains.get('FORWARD')?.rules.includes('-j DOCKER-USER'))
    return { name: 'FORWARD', position: 0 }
  const rules = user.rules.filter((rule) => !ANY_JUMP.test(rule))
  return { name: 'DOCKER-USER', position: rules.at(-1) === '-j RETURN' ? rules.length - 1 : rules.length }
}

function jumpsOf({ chains }: Ruleset): string[] {
  return [...chains].flatMap(([name, { rules }]) =>
    rules.filter((rule) => ANY_JUMP.test(rule)).map((rule) => `${name} ${rule}`)
  )
}

function commandsFor(ruleset: Ruleset, wanted: boolean): string[] {
  if (!wanted || !isNeeded(ruleset)) return remove(ruleset)
  return isComplete(ruleset) ? [] : place(ruleset)
}

/** Commands that put everything in its place. Naming the chain makes it, or empties it. */
function place(ruleset: Ruleset): string[] {
  const { name, position } = placeOfJump(ruleset.chains)
  return [
    `:${OUR_CHAIN} - [0:0]`,
    ...OUR_RULES.map((rule) => `-A ${OUR_CHAIN} ${rule}`),
    ...jumpsOf(ruleset).map((jump) => `-D ${jump}`),
    `-I ${name} ${String(position + 1)} ${JUMP}`
  ]
}

function remove(ruleset: Ruleset): string[] {
  const jumps = jumpsOf(ruleset).map((jump) => `-D ${jump}`)
  return ruleset.chains.has(OUR_CHAIN) ? [...jumps, `-F ${OUR_CHAIN}`, `-X ${OUR_CHAIN}`] : jumps
}
