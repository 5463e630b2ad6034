import { CODE, CniError } from './error.js'

/** The list's names in the configuration of GC, the older one second. */
const KEYS = ['cni.dev/valid-attachments', 'cni.dev/attachments'] as const

/** What the runtime still has, as `CONTAINERID:IFNAME`. Throws CniError without a list: none is not the same as an empty one. */
export function validAttachments(document: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const key = KEYS.find((candidate) => document[candidate] !== undefined)
  const list = key === undefined ? undefined : document[key]
  if (!Array.isArray(list))
    throw new CniError(CODE.invalidConfiguration, `${KEYS[0]}: there is no list of what to keep`)
  return new Set(list.map(nameOf))
}

function nameOf(entry: unknown): string {
  if (typeof entry === 'object' && entry !== null && 'containerID' in entry && 'ifname' in entry) {
    const { containerID, ifname } = entry
    if (typeof containerID === 'string' && typeof ifname === 'string') return `${containerID}:${ifname}`
  }
  throw new CniError(
    CODE.invalidConfiguration,
    `${KEYS[0]}: an entry is not of the form {"containerID": "...", "ifname": "..."}`
  )
}
