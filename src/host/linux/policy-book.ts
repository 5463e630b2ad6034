/** What is known of the policies in the kernel: as they were at the last reading, and what we have changed since. */
import type { FoundList, FoundPolicies, LinkLists } from './policy-reading.js'

export class PolicyBook {
  readonly #lists: Map<string, FoundList>
  readonly #links: Map<string, LinkLists>
  /** Links by the name of their list. */
  readonly #users = new Map<string, Set<string>>()
  /** Lists that no link has. */
  readonly #unused: Set<string>

  constructor(
    { lists, links }: Pick<FoundPolicies, 'lists' | 'links'> = { lists: new Map(), links: new Map() }
  ) {
    this.#lists = new Map(lists)
    this.#links = new Map()
    this.#unused = new Set(lists.keys())
    for (const [link, found] of links) this.lead(link, found)
  }

  list(name: string): FoundList | undefined {
    return this.#lists.get(name)
  }

  listsOf(link: string): LinkLists {
    return this.#links.get(link) ?? {}
  }

  /** A list is there now. */
  made(name: string, list: FoundList): void {
    this.#lists.set(name, list)
    if (!this.#users.has(name)) this.#unused.add(name)
  }

  /** A link has these lists now. */
  lead(link: string, lists: LinkLists): void {
    for (const name of Object.values(this.listsOf(link))) {
      const users = this.#users.get(name)
      users?.delete(link)
      if (users?.size !== 0) continue
      this.#users.delete(name)
      if (this.#lists.has(name)) this.#unused.add(name)
    }
    if (Object.keys(lists).length === 0) this.#links.delete(link)
    else this.#links.set(link, lists)
    for (const name of Object.values(lists)) {
      this.#users.set(name, (this.#users.get(name) ?? new Set()).add(link))
      this.#unused.delete(name)
    }
  }

  /** Lists that no link has, by name. */
  unused(): (readonly [string, FoundList])[] {
    return [...this.#unused].flatMap((name) => {
      const list = this.#lists.get(name)
      return list ? [[name, list] as const] : []
    })
  }

  /** A list is gone. */
  removed(name: string): void {
    this.#lists.delete(name)
    this.#unused.delete(name)
  }
}
