/**
 * Policies of one network namespace. What a policy needs is made where nothing leads to it; then links are led there, and
 * what nobody needs any more goes. So a packet meets the old policy or the new one. The cost of a change does not depend on
 * how many there are.
 */
import { keyOf } from '../objects.js'
import type { HostObject, Kind, Op } from '../objects.js'
import type { Policy, PolicyCounts } from '../policies.js'
import { Turns } from '../turns.js'
import { exec } from './exec.js'
import { refusal } from './kernel.js'
import type { Failures, Kernel } from './kernel.js'
import type { Message } from './messages.js'
import type { Answer } from './netlink.js'
import { deleteTable, readGeneration, transact } from './nftables.js'
import { PolicyBook } from './policy-book.js'
import { emptyList, makeList, listName, removeList } from './policy-lists.js'
import type { Making } from './policy-lists.js'
import { closedText, listsOf, switchMessages } from './policy-links.js'
import { ALTERED, readCounts, readPolicies } from './policy-reading.js'
import type { FoundList, FoundPolicies, KnownList } from './policy-reading.js'
import { DIRECTIONS, POLICY_SKELETON, POLICY_TABLE } from './policy-table.js'
import type { Direction } from './policy-table.js'
import { tableText } from './tables.js'
import { changeTables } from './table-changes.js'

type PolicyOp = Op & { readonly object: Policy }

export class PacketPolicer {
  readonly #kernel: Kernel
  readonly #turns = new Turns()
  #book = new PolicyBook()
  /** Lists of which nothing has changed, as long as somebody tells of changes by others. */
  #known: ReadonlyMap<string, KnownList> | undefined
  /** What was found last, and the generation of nftables then. */
  #last: { readonly generation: number; readonly found: FoundPolicies } | undefined

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /**
   * From now on changes by others are told, until it is `false`: lists need not be read again. Called again when there was
   * one.
   */
  watched(isWatched: boolean): void {
    this.#known = isWatched ? new Map() : undefined
  }

  /** The table, if a part of it is there, and the policies in it. */
  list(wants: (kind: Kind) => boolean): Promise<HostObject[]> {
    return this.#turns.take(async () => {
      if (!wants('policer') && !wants('policy')) return []
      const { intact, policies } = await this.#look()
      return [
        ...(wants('policer') && intact !== undefined ? [{ kind: 'policer', intact } as const] : []),
        ...(wants('policy') ? policies : [])
      ]
    })
  }

  counts(): Promise<ReadonlyMap<string, PolicyCounts>> {
    return this.#turns.take(() => readCounts(this.#kernel))
  }

  /**
   * Makes or removes the table; policies in it stay in it. `coming` are policies that are added next: from the first moment
   * what they restrict is closed.
   */
  applyTable(ops: readonly Op[], coming: readonly Policy[]): Promise<Failures> {
    return this.#turns.take(() =>
      changeTables(ops, { make: () => this.#make(coming), remove: () => this.#remove() })
    )
  }

  /** All at once; if something is refused, each alone, after a look at what is there. */
  applyPolicies(ops: readonly Op[]): Promise<Failures> {
    return this.#turns.take(async () => {
      const changes = ops.filter((op): op is PolicyOp => op.object.kind === 'policy')
      const failures: Failures = new Map()
      if (await this.#change(changes)) {
        await this.#read()
        for (const op of changes) {
          const problem = await this.#change([op])
          if (problem) failures.set(keyOf(op.object), refusalOf(op, problem))
        }
      }
      await this.#sweep()
      return failures
    })
  }

  /** Reads everything, unless nobody has changed anything in nftables since it was read. */
  async #look(): Promise<FoundPolicies> {
    const generation = await readGeneration(this.#kernel.filter)
    if (this.#last && this.#last.generation === generation) return this.#last.found
    const found = await this.#read()
    this.#last = generation === undefined ? undefined : { generation, found }
    return found
  }

  async #read(): Promise<FoundPolicies> {
    const known = this.#known
    const found = await readPolicies(this.#kernel, known)
    this.#book = new PolicyBook(found)
    // Not if something has changed meanwhile.
    if (known && this.#known === known) this.#known = found.known
    return found
  }

  async #make(coming: readonly Policy[]): Promise<Answer | undefined> {
    const { intact, policies } = await this.#read()
    if (intact) return undefined
    const options = {
      input: tableText(POLICY_SKELETON) + closedText([...policies, ...coming]),
      inside: this.#kernel.inside
    }
    const { code, errno, stderr } = await exec(['nft', '-f', '-'], options)
    if (code !== 0) return { errno: errno ?? 'EIO', text: `nft: ${errno ?? stderr.trim()}` }
    await this.#read()
    const kept = policies.filter(({ ingress, egress }) => ingress !== ALTERED && egress !== ALTERED)
    return this.#change(kept.map((object) => ({ verb: 'add', object })))
  }

  async #remove(): Promise<Answer | undefined> {
    this.#book = new PolicyBook()
    const problem = await this.#transact([deleteTable(POLICY_TABLE)])
    return problem?.errno === 'ENOENT' ? undefined : problem
  }

  /** Makes the lists that are missing, and leads links to them. Returns what was refused. */
  async #change(ops: readonly PolicyOp[]): Promise<Answer | undefined> {
    const finish: Message[] = []
    const made = new Map<string, FoundList>()
    for (const [direction, list] of missingLists(ops, this.#book)) {
      const making = makeList(direction, list)
      const name = listName(direction, list)
      const problem = await this.#prepare(name, making)
      if (problem) return problem
      finish.push(...making.finish)
      made.set(name, { hasChain: true, sets: making.sets, intact: true })
    }
    const steps = ops.map(({ verb, object }) => ({
      link: object.link,
      lists: verb === 'delete' ? {} : listsOf(object)
    }))
    const switches = steps.flatMap(({ link, lists }) => switchMessages(link, this.#book.listsOf(link), lists))
    const problem = await this.#transact([...finish, ...switches])
    if (problem) return problem
    for (const [name, list] of made) this.#book.made(name, list)
    for (const { link, lists } of steps) this.#book.lead(link, lists)
    return undefined
  }

  /** Where somebody else has changed a list, links lead to it already: its chain stays. */
  async #prepare(name: string, { sets, prepare }: Making): Promise<Answer | undefined> {
    const found = this.#book.list(name)
    const [first = [], ...rest] = prepare
    this.#book.made(name, { hasChain: true, sets, intact: false })
    for (const messages of [[...(found ? emptyList(name, found) : []), ...first], ...rest]) {
      const problem = await this.#transact(messages)
      if (problem) return problem
    }
    return undefined
  }

  /** Removes the lists that no link has. What is refused is tried again the next time. */
  async #sweep(): Promise<void> {
    for (const [name, list] of this.#book.unused()) {
      const problem = await this.#transact(removeList(name, list))
      if (!problem || problem.errno === 'ENOENT') this.#book.removed(name)
    }
  }

  /** Returns what was refused. */
  async #transact(messages: readonly Message[]): Promise<Answer | undefined> {
    if (messages.length === 0) return undefined
    const answers = await transact(this.#kernel.filter, messages)
    return answers.find(({ errno }) => errno !== undefined)
  }
}

function refusalOf(op: Op, { errno = 'EIO', text }: Answer): ReturnType<typeof refusal> {
  return refusal(
    op,
    errno,
    errno === 'ENOENT' ? `${errno}: the nftables table for policies is not there` : text
  )
}

/** The lists of these policies that are not there, or not as they should be. */
function missingLists(ops: readonly PolicyOp[], book: PolicyBook): [Direction, string][] {
  const wanted = ops.filter(({ verb }) => verb !== 'delete').map(({ object }) => object)
  return DIRECTIONS.flatMap((direction) =>
    [...new Set(wanted.map((policy) => policy[direction]))]
      .filter((list) => list !== 'any' && list !== '' && !book.list(listName(direction, list))?.intact)
      .map((list): [Direction, string] => [direction, list])
  )
}
