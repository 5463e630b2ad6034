/**
 * The configuration of a routing daemon as data: one entry for each line of `show running-config`, with the stanzas around
 * it. What is known about FRR's syntax is here: which lines are ours by name, which lines set the same thing, how a line
 * is taken back, where a secret stands.
 */

/** The daemons that we configure, as FRR and Quagga name their sockets. */
export const ROUTER_DAEMONS = ['zebra', 'ospfd', 'ospf6d', 'bgpd', 'bfdd'] as const
export type RouterDaemon = (typeof ROUTER_DAEMONS)[number]

export interface Line {
  /** The stanzas around it, outermost first: `router ospf`. */
  readonly within: readonly string[]
  readonly text: string
}

/** A line that should be there. */
export interface WantedLine extends Line {
  readonly daemon: RouterDaemon
  /**
   * Advice: `value` = the operator's own value stands; `stanza` = only written into a stanza that is ours. Absent = asked
   * for, and a fault where something of the operator's stands in the way.
   */
  readonly yields?: 'value' | 'stanza'
}

/** Lists, maps and profiles of this name are ours, whoever wrote them. */
export const OUR_NAME = 'net-routed'

/** A link that no kernel can have, because of the colon. */
export const NO_LINK = `${OUR_NAME}:none`
export const MATCH_NO_LINK = `match interface ${NO_LINK}`

/** The largest metric of OSPF; the one after it means unreachable. */
export const WORST_OSPF_METRIC = 16_777_214
/** How often our own autonomous system is put before a path that others should be preferred to. */
export const PREPENDED = 3
const NAMED = [
  /^(ip|ipv6) prefix-list net-routed(-drain|-anycast|-hidden|-own)? /,
  /^bgp as-path access-list net-routed /,
  /^route-map net-routed(6|-in|-out|6-out)? (permit|deny) \d+$/,
  /^profile net-routed$/,
  /^interface net-routed:none$/
]

const BFD_DEFAULTS: Readonly<Record<string, string>> = {
  'detect-multiplier': '3',
  'receive-interval': '300',
  'transmit-interval': '300'
}
/** Ends of stanzas and ornaments. */
const NOISE = /^(!.*|exit|end|exit-address-family|)$/

/** The lines of a running configuration. A stanza's first line is a line too; a stanza is told by its indent. */
export function parseRunning(text: string): Line[] {
  const lines: Line[] = []
  let open: { readonly indent: number; readonly text: string }[] = []
  for (const raw of text.split('\n')) {
    const line = raw.trim().replaceAll(/\s+/g, ' ')
    if (NOISE.test(line)) continue
    const indent = raw.length - raw.trimStart().length
    open = open.filter((outer) => outer.indent < indent)
    lines.push({ within: open.map((outer) => outer.text), text: line })
    open.push({ indent, text: line })
  }
  return withImplied(lines)
}

/** Equal for equal lines. */
export function keyOfLine({ within, text }: Line): string {
  return [...within, text].join(' / ')
}

/** Equal for lines that cannot both be there. */
export function slotOf(line: Line): string {
  return keyOfLine({ within: line.within, text: settingOf(line.text) })
}

/** True for what carries our name: nobody else's. */
export function isNamed({ within, text }: Line): boolean {
  return [...within, text].some((part) => NAMED.some((pattern) => pattern.test(part)))
}

/** The command that takes a line back; undefined where FRR knows none. */
export function undoOf(text: string): string | undefined {
  // Once said, it stays said (FRR 8.4 to 10.7); without `passive-interface default` it means nothing.
  if (text === 'no ip ospf passive') return undefined
  const withoutKey = /^ip ospf message-digest-key \d+/.exec(text)
  if (withoutKey) return `no ${withoutKey[0]}`
  // FRR 8.4 does not take these back by their value.
  if (text.startsWith('set as-path prepend ')) return 'no set as-path prepend'
  if (text.startsWith('description ')) return 'no description'
  if (text.startsWith('graceful-restart grace-period ')) return 'no graceful-restart'
  // BFD's numbers have no other way back than their defaults.
  const setting = text.replace(/ \d+$/, '')
  const value = BFD_DEFAULTS[setting]
  if (value !== undefined) return `${setting} ${value}`
  return text.startsWith('no ') ? text.slice(3) : `no ${text}`
}

/** True for a setting that FRR overwrites; others have to be taken back first. */
export function isOverwritten(text: string): boolean {
  return !/^(ip ospf message-digest-key|ip ospf area|ipv6 ospf6 area|router bgp) /.test(text)
}

/** Lines as a configuration file has them, without secrets; each begins with its sign. */
export function configText(lines: readonly (Line & { readonly sign?: '+' | '-' })[]): string[] {
  let open: readonly string[] = []
  return lines.flatMap(({ sign, within, text }) => {
    const margin = sign === undefined ? '' : '  '
    const known = within.findIndex((stanza, depth) => stanza !== open[depth])
    const first = known === -1 ? within.length : known
    open = [...within, text]
    return [
      ...within.slice(first).map((stanza, index) => margin + ' '.repeat(first + index) + stanza),
      `${sign === undefined ? '' : `${sign} `}${' '.repeat(within.length)}${masked(text)}`
    ]
  })
}

/** The text without its secret. */
export function masked(text: string): string {
  return text.replace(
    /\b(message-digest-key \d+ md5|authentication-key|hash-algo \S+ key|password)( \d+)? \S+/,
    '$1 <secret>'
  )
}

export function maskedLine({ within, text }: Line): Line {
  return { within, text: masked(text) }
}

const SETTINGS = [
  /^(ip|ipv6) prefix-list \S+ seq \d+/,
  /^bgp as-path access-list \S+ seq \d+/,
  /^router bgp/,
  /^zebra nexthop-group keep/,
  /^match (ip address|ipv6 address|as-path|interface)/,
  /^set (metric|local-preference|as-path prepend)/,
  /^ip ospf message-digest-key \d+/,
  /^(ip|ipv6) ospf6? (bfd profile|[a-z-]+)/,
  /^(ospf|ospf6|bgp) router-id/,
  /^timers (throttle spf|throttle lsa all|lsa min-arrival)/,
  /^graceful-restart(?! helper)/,
  /^bgp graceful-restart restart-time/,
  /^redistribute \S+/,
  /^area \S+ \S+/,
  /^neighbor \S+ (timers connect|bfd profile|[a-z-]+)/,
  /^(detect-multiplier|receive-interval|transmit-interval)/
]

/** What a line sets, without the value it sets it to. */
function settingOf(text: string): string {
  const positive = text.replace(/^no /, '')
  const direction = /^neighbor (\S+) route-map \S+ (in|out)$/.exec(positive)
  if (direction) return `neighbor ${String(direction[1])} route-map ${String(direction[2])}`
  for (const pattern of SETTINGS) {
    const found = pattern.exec(positive)
    if (found) return found[0]
  }
  return positive
}

const BGP_IPV4 = 'address-family ipv4 unicast'

/** FRR hides what is so by default: IPv4 is on for every BGP neighbour, or, where the stanza says so, off. */
function withImplied(lines: readonly Line[]): Line[] {
  const keys = new Set(lines.map(keyOfLine))
  const implied = lines.flatMap(({ within, text }): Line[] => {
    const [stanza, ...inner] = within
    const peer = /^neighbor (\S+) (interface( remote-as|$)|remote-as )/.exec(text)?.[1]
    if (!stanza?.startsWith('router bgp ') || inner.length > 0 || peer === undefined) return []
    const on = { within: [stanza, BGP_IPV4], text: `neighbor ${peer} activate` }
    const off = { ...on, text: `no ${on.text}` }
    if (keys.has(keyOfLine(off)) || keys.has(keyOfLine(on))) return []
    return [keys.has(`${stanza} / no bgp default ipv4-unicast`) ? off : on]
  })
  return [...lines, ...implied]
}
