/** Options for providers that do not route a subnet to the host, but expect every address of it on their link. */
import { InvalidError, shown } from '../../errors.js'
import type { Option } from './option.js'

export interface NdpOptions {
  /** Links of the host on which it answers neighbour solicitations for the endpoint's IPv6 addresses. */
  readonly ndpProxy?: readonly string[]
}

/** Schemas of the fields in stored records. */
export const NDP_FIELDS = { ndpProxy: { type: 'array', items: { type: 'string', minLength: 1 } } } as const

export const NDP_OPTIONS: readonly Option[] = [
  {
    keys: ['net-routed.ndp-proxy'],
    places: ['network'],
    parse: (value, key) => ({ ndpProxy: parseLinks(value, key) })
  }
]

/** As the kernel allows them, without dots of paths. */
const LINK = /^(?!\.{1,2}$)[^\s/,:]{1,15}$/

function parseLinks(value: unknown, key: string): string[] {
  const words: readonly unknown[] =
    typeof value === 'string' ? value.split(/[\s,;]+/).filter((word) => word !== '') : asList(value, key)
  return [...new Set(words.map((word) => parseLink(word, key)))]
}

function asList(value: unknown, key: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new InvalidError(`${key}: ${shown(value)} is not a list of the host's interfaces such as eth0`)
}

function parseLink(word: unknown, key: string): string {
  if (typeof word === 'string' && LINK.test(word)) return word
  throw new InvalidError(`${key}: ${shown(word)} is not the name of an interface such as eth0`)
}
