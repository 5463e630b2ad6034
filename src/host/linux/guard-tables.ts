/** The guard as text for nft. */
import type { Source } from '../objects.js'
import { ipToBytes } from './bytes.js'
import { GUARD_SETS, SKELETONS } from './guard-skeleton.js'
import { nameOf, tableText } from './tables.js'

/** Commands for nft that make the tables anew with these sources in them: one transaction, nothing passes in between. */
export function guardText(sources: readonly Source[]): string {
  return `${SKELETONS.map(tableText).join('')}${elementsText(sources)}`
}

function elementsText(sources: readonly Source[]): string {
  const lines = ([4, 6] as const).flatMap((family) => {
    const ofFamily = sources.filter(({ address }) => address.includes(':') === (family === 6))
    if (ofFamily.length === 0) return []
    return GUARD_SETS[family].map(({ table, name }) => {
      const keys = ofFamily.map(({ link, address }) => `"${link}" . ${valueText(name, address)}`)
      return `add element ${nameOf(table)} ${name} { ${keys.join(', ')} }\n`
    })
  })
  return lines.join('')
}

/** In the set of advertised targets, for which nft knows no type, addresses are numbers. */
function valueText(set: string, address: string): string {
  return set === 'advertised6' ? `0x${ipToBytes(address).toString('hex')}` : address
}
