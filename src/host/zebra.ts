/** What zebra knows of routes to an address besides the kernel's, in FRR's words. */
/** The command that shows the routes to a destination, `10.1.0.2/32`, selected or not. */
export function showRoute(dst: string): string {
  return `show ${dst.includes(':') ? 'ipv6' : 'ip'} route ${dst} json`
}

/** What this host itself puts into the table. */
const OWN_PROTOCOLS: ReadonlySet<unknown> = new Set(['kernel', 'connected', 'local', 'static'])

/** True if a routing protocol has heard the destination from another host. `text` is the answer to showRoute. */
export function isHeard(text: string, dst: string): boolean {
  const answer: unknown = parse(text)
  if (typeof answer !== 'object' || answer === null) return false
  const routes = (answer as Readonly<Record<string, unknown>>)[dst]
  return Array.isArray(routes) && routes.some((route) => isForeign(route))
}

function isForeign(route: unknown): boolean {
  return (
    typeof route === 'object' && route !== null && 'protocol' in route && !OWN_PROTOCOLS.has(route.protocol)
  )
}

/** Quagga answers in prose. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
