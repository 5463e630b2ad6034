/** What zebra knows of routes to an address besides the kernel's, in FRR's words. */
import { field, itemsOf, parsed, textOf } from './answers.js'

/** A route that a routing protocol has heard from other hosts. */
export interface HeardRoute {
  /** As zebra names it: `ospf`, `ospf6`, `bgp`. */
  readonly protocol: string
  readonly metric: number
  /** Next hop; empty = none. */
  readonly via: string
}

/** The command that shows the routes to a destination, `10.1.0.2/32`, selected or not. */
export function showRoute(dst: string): string {
  return `show ${dst.includes(':') ? 'ipv6' : 'ip'} route ${dst} json`
}

/** What this host itself puts into the table. */
const OWN_PROTOCOLS: ReadonlySet<string> = new Set(['kernel', 'connected', 'local', 'static'])

/** What routing protocols have heard of the destination. `text` is the answer to showRoute; Quagga answers in prose. */
export function heardRoutes(text: string, dst: string): HeardRoute[] {
  return itemsOf(field(parsed(text), dst)).flatMap((route) => {
    const protocol = textOf(route, 'protocol')
    if (protocol === '' || OWN_PROTOCOLS.has(protocol)) return []
    const metric = field(route, 'metric')
    const [hop] = itemsOf(field(route, 'nexthops'))
    return [{ protocol, metric: typeof metric === 'number' ? metric : 0, via: textOf(hop, 'ip') }]
  })
}
