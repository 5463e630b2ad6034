/** Lists of what is allowed as people write them: the other way of `parseAllowed`. */
import type { Allowed } from './allowed.js'
import { familyOf, rangeOf, toIp, widthOf, withLength } from './ip.js'
import type { Ip } from './ip.js'

/** One text for each item. Parsed again it is the same list. */
export function allowedTexts(list: 'any' | readonly Allowed[]): string[] {
  if (list === 'any') return ['any']
  return list.length === 0 ? ['none'] : list.map(itemText)
}

function itemText(item: Allowed): string {
  const [peer, service] = [peerText(item), serviceText(item)]
  return [peer, service].filter((part) => part !== '').join(':') || 'any'
}

function peerText({ first, last = first, name }: Allowed): string {
  if (name !== undefined) return name
  if (first === undefined || last === undefined) return ''
  if (first === last) return first
  return prefixText(first, last) ?? `${first}-${last}`
}

/** Undefined for what is no prefix. */
function prefixText(first: Ip, last: Ip): string | undefined {
  const lengths = Array.from({ length: widthOf(familyOf(first)) }, (_, length) => length)
  return lengths
    .map((length) => withLength(first, length))
    .find((prefix) => {
      const range = rangeOf(prefix)
      return toIp(range.first, range.family) === first && toIp(range.last, range.family) === last
    })
}

function serviceText({ protocol, firstPort, lastPort = firstPort }: Allowed): string {
  if (protocol === undefined) return ''
  if (firstPort === undefined) return protocol
  return `${protocol}/${String(firstPort)}${lastPort === firstPort ? '' : `-${String(lastPort)}`}`
}
