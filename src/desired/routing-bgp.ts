import { OUR_NAME } from '../host/router-lines.js'
import type { WantedLine } from '../host/router-lines.js'
import type { Family, Ip } from '../model/ip.js'
import { familyOf, hostPrefix } from '../model/ip.js'
import type { Bgp, BgpNeighbor } from '../model/routing.js'
import { sessions } from './routing-ospf.js'

/** Everything comes in; said explicitly, because eBGP without a policy exchanges nothing (RFC 8212). */
const MAP_IN = `${OUR_NAME}-in`
/** Addresses of the host itself. */
const LIST_OWN = `${OUR_NAME}-own`
/** A neighbour that is back is called again after this many seconds, not after two minutes. */
const CONNECT_SECONDS = 1
/** Default of a graceful restart, which FRR hides. */
const RESTART_SECONDS = 120
const FAMILIES: readonly Family[] = [4, 6]
/** Signs of life that may be lost. */
const KEEPALIVES_PER_HOLD = 3

/** IPv4 and IPv6 container routes to each neighbour; over an address only those of its family. */
export function bgpLines(
  bgp: Bgp,
  facts: { readonly routerId?: Ip; readonly gracefulRestart?: number | undefined }
): WantedLine[] {
  const stanza = `router bgp ${String(bgp.as)}`
  const id = bgp.routerId ?? facts.routerId
  const families = familiesOf(bgp)
  const others = bgp.neighbors.filter((peer) => !speaks(peer, 4))
  return [
    ...(bgp.transit ? [] : [line([], `bgp as-path access-list ${OUR_NAME} seq 5 permit ^$`)]),
    ...families.flatMap((family) => maps(family, bgp)),
    line([], `route-map ${MAP_IN} permit 10`),
    line([], stanza),
    ...(id === undefined ? [] : [line([stanza], `bgp router-id ${id}`, bgp.routerId ? undefined : 'value')]),
    // Two uplinks in two autonomous systems are still two equal ways.
    line([stanza], 'bgp bestpath as-path multipath-relax', 'stanza'),
    ...restart(facts.gracefulRestart).map((text) => line([stanza], text)),
    ...bgp.neighbors.flatMap((neighbor) => neighborLines(neighbor).map((text) => line([stanza], text))),
    // FRR speaks IPv4 with every neighbour unless told, and without our maps.
    ...others.map(({ peer }) => line([stanza, addressFamily(4)], `no neighbor ${nameOf(peer)} activate`)),
    ...families.flatMap((family) =>
      familyLines(bgp, family).map((text) => line([stanza, addressFamily(family)], text))
    )
  ]
}

/** Those of its neighbours. */
export function familiesOf({ neighbors }: Bgp): Family[] {
  return FAMILIES.filter((family) => neighbors.some((peer) => speaks(peer, family)))
}

/** What goes out: container routes, and unless others are connected through us, only those of this host. */
function maps(family: Family, { transit, addresses = [] }: Bgp): WantedLine[] {
  const ip = family === 4 ? 'ip' : 'ipv6'
  const own = addresses.filter((address) => familyOf(address) === family).map(hostPrefix)
  const entry = (sequence: number, list: string): WantedLine[] => {
    const map = `route-map ${mapOut(family)} permit ${String(sequence)}`
    return [
      line([], map),
      line([map], `match ${ip} address prefix-list ${list}`),
      ...(transit ? [] : [line([map], `match as-path ${OUR_NAME}`)])
    ]
  }
  const list = `${ip} prefix-list ${LIST_OWN} seq`
  // The first entry matches a default route only: an empty list would let everything out.
  const none = `${list} 5 deny ${family === 4 ? '0.0.0.0/0' : '::/0'}`
  const permitted = own.map((prefix, index) => `${list} ${String(10 + index)} permit ${prefix}`)
  return [
    ...(own.length > 0 ? [none, ...permitted] : []).map((text) => line([], text)),
    ...entry(10, OUR_NAME),
    ...(own.length > 0 ? entry(20, LIST_OWN) : [])
  ]
}

/** Our routes are the kernel's and outlive bgpd: without the last line neighbours would drop them when it is back. */
function restart(seconds: number | undefined): string[] {
  if (seconds === undefined) return []
  return [
    'bgp graceful-restart',
    ...(seconds === RESTART_SECONDS ? [] : [`bgp graceful-restart restart-time ${String(seconds)}`]),
    'bgp graceful-restart preserve-fw-state'
  ]
}

function neighborLines({ peer, as, password, bfd, hold }: BgpNeighbor): string[] {
  const name = nameOf(peer)
  const self = `neighbor ${name}`
  const keepalive = Math.max(1, Math.floor(hold / KEEPALIVES_PER_HOLD))
  return [
    'address' in peer ? `${self} remote-as ${String(as)}` : `${self} interface remote-as ${String(as)}`,
    `${self} timers ${String(keepalive)} ${String(hold)}`,
    `${self} timers connect ${String(CONNECT_SECONDS)}`,
    ...(password === undefined ? [] : [`${self} password ${password}`]),
    ...(bfd ? sessions(`${self} bfd`, bfd) : [])
  ]
}

/** The maps come before the family is turned on: nothing leaves without them. */
function familyLines({ neighbors, addresses = [] }: Bgp, family: Family): string[] {
  return [
    ...neighbors
      .filter((neighbor) => speaks(neighbor, family))
      .flatMap(({ peer, maxPrefixes }) => {
        const self = `neighbor ${nameOf(peer)}`
        return [
          `${self} route-map ${MAP_IN} in`,
          `${self} route-map ${mapOut(family)} out`,
          ...(maxPrefixes === undefined ? [] : [`${self} maximum-prefix ${String(maxPrefixes)}`]),
          `${self} activate`
        ]
      }),
    ...addresses
      .filter((address) => familyOf(address) === family)
      .map((address) => `network ${hostPrefix(address)}`),
    `redistribute kernel route-map ${family === 4 ? OUR_NAME : `${OUR_NAME}6`}`
  ]
}

function speaks({ peer }: BgpNeighbor, family: Family): boolean {
  return 'interface' in peer || familyOf(peer.address) === family
}

function nameOf(peer: BgpNeighbor['peer']): string {
  return 'address' in peer ? peer.address : peer.interface
}

function mapOut(family: Family): string {
  return family === 4 ? `${OUR_NAME}-out` : `${OUR_NAME}6-out`
}

function addressFamily(family: Family): string {
  return `address-family ipv${String(family)} unicast`
}

function line(within: readonly string[], text: string, yields?: WantedLine['yields']): WantedLine {
  return { daemon: 'bgpd', within, text, ...(yields ? { yields } : {}) }
}
