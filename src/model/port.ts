/** Published ports: what is asked for, and which port of the host is chosen for it. Pure. */
import { ConflictError, ExhaustedError } from '../errors.js'
import type { PortMap } from './endpoint.js'
import { familyOf } from './ip.js'
import type { Ip } from './ip.js'

/** A port that may be published at any of several of the host. */
export interface PortWish {
  readonly protocol: PortMap['protocol']
  /** Address of the host; absent = all of them. */
  readonly hostIp?: Ip
  /** Ports of the host, first to last; absent = whichever is free. */
  readonly range?: readonly [number, number]
  readonly containerPort: number
}

/** Why a port of the host cannot be had, in words; undefined = it can. */
export type WhyTaken = (port: PortMap) => string | undefined

const LAST_PORT = 65_535
/** First those that the host does not use for connections of its own (net.ipv4.ip_local_port_range). */
const AUTOMATIC: readonly (readonly [number, number])[] = [
  [61_000, LAST_PORT],
  [49_152, 60_999]
]

/**
 * A port for each wish: one of those in `present`, which the endpoint has already, or the first that is free. Throws
 * ConflictError that says who has it, ExhaustedError.
 */
export function choosePorts(
  wishes: readonly PortWish[],
  present: readonly PortMap[],
  whyTaken: WhyTaken
): PortMap[] {
  const chosen: PortMap[] = []
  const chosenAt = new Map<string, PortMap[]>()
  const isChosen = (port: PortMap): boolean =>
    chosenAt.get(placeOf(port))?.some((other) => overlap(port, other)) ?? false
  const presentFor = new Map<string, PortMap[]>()
  for (const port of present) add(presentFor, targetOf(port), port)
  const taken = new Map<string, number>()
  for (const wish of wishes.toSorted(byChoice)) {
    const port =
      presentFor.get(targetOf(wish))?.find((known) => fits(wish, known) && !isChosen(known)) ??
      chooseOne(wish, taken, (candidate) =>
        isChosen(candidate) ? 'is asked for twice' : whyTaken(candidate)
      )
    chosen.push(port)
    add(chosenAt, placeOf(port), port)
  }
  return chosen
}

/** True if both are for what comes to one address and port of the host. */
export function overlap(a: PortMap, b: PortMap): boolean {
  return a.protocol === b.protocol && a.hostPort === b.hostPort && addressesOverlap(a.hostIp, b.hostIp)
}

/** Absent = all addresses; `0.0.0.0` and `::` = all of their family. */
export function addressesOverlap(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined || a === b) return true
  return familyOf(a as Ip) === familyOf(b as Ip) && (isEvery(a) || isEvery(b))
}

/** For people, as Docker writes it: `0.0.0.0:8080->80/tcp`. */
export function portText(port: PortMap): string {
  return textOf(port, 1)
}

/** The same of all, in order, runs of ports in one: `0.0.0.0:8000-8009->80-89/tcp`. */
export function portTexts(ports: readonly PortMap[]): string[] {
  const runs: { readonly first: PortMap; count: number }[] = []
  for (const port of ports.toSorted(byPlace)) {
    const last = runs.at(-1)
    if (last && follows(port, last.first, last.count)) last.count++
    else runs.push({ first: port, count: 1 })
  }
  return runs.map(({ first, count }) => textOf(first, count))
}

/** For errors: `tcp port 8080 of 192.0.2.1`. */
export function hostPortText({ protocol, hostIp, hostPort }: PortMap): string {
  return `${protocol} port ${String(hostPort)}${hostIp === undefined ? '' : ` of ${hostIp}`}`
}

function textOf({ protocol, hostIp, hostPort, containerPort }: PortMap, count: number): string {
  const host = hostIp?.includes(':') ? `[${hostIp}]` : (hostIp ?? '*')
  const range = (first: number): string =>
    count === 1 ? String(first) : `${String(first)}-${String(first + count - 1)}`
  return `${host}:${range(hostPort)}->${range(containerPort)}/${protocol}`
}

function byPlace(a: PortMap, b: PortMap): number {
  const sideOf = ({ protocol, hostIp }: PortMap): string => `${hostIp ?? ''} ${protocol}`
  return sideOf(a).localeCompare(sideOf(b)) || a.hostPort - b.hostPort
}

function follows({ hostPort, containerPort, ...port }: PortMap, first: PortMap, count: number): boolean {
  return (
    port.protocol === first.protocol &&
    port.hostIp === first.hostIp &&
    hostPort === first.hostPort + count &&
    containerPort === first.containerPort + count
  )
}

/** Only ports of one place can overlap. */
function placeOf({ protocol, hostPort }: PortMap): string {
  return `${protocol} ${String(hostPort)}`
}

function add(portsByKey: Map<string, PortMap[]>, key: string, port: PortMap): void {
  const ports = portsByKey.get(key)
  if (ports) ports.push(port)
  else portsByKey.set(key, [port])
}

function targetOf({ protocol, containerPort }: PortWish | PortMap): string {
  return `${protocol} ${String(containerPort)}`
}

/** Those with less choice come first; what may be at any port comes in the order of the container's, whatever the engine's. */
function byChoice(a: PortWish, b: PortWish): number {
  return widthOf(a) - widthOf(b) || a.containerPort - b.containerPort
}

function widthOf({ range }: PortWish): number {
  return range ? range[1] - range[0] : LAST_PORT
}

/** `taken` has the port to which all are taken that others with the same choice have looked at. */
function chooseOne({ range, ...wish }: PortWish, taken: Map<string, number>, whyTaken: WhyTaken): PortMap {
  const { protocol, containerPort, hostIp = '' } = wish
  let why = ''
  for (const [first, last] of range ? [range] : AUTOMATIC) {
    const choice = `${protocol} ${hostIp} ${String(first)} ${String(last)}`
    for (let hostPort = taken.get(choice) ?? first; hostPort <= last; hostPort++) {
      const port = { ...wish, hostPort }
      const reason = whyTaken(port)
      taken.set(choice, hostPort)
      if (reason === undefined) return port
      why = `${hostPortText(port)} ${reason}`
    }
  }
  if (range && range[0] === range[1]) throw new ConflictError(why)
  const among = range ? `from ${String(range[0])} to ${String(range[1])}` : 'left'
  throw new ExhaustedError(`no ${protocol} port ${among} is free for port ${String(containerPort)}: ${why}`)
}

function fits({ protocol, hostIp, range, containerPort }: PortWish, known: PortMap): boolean {
  const { hostPort } = known
  return (
    protocol === known.protocol &&
    hostIp === known.hostIp &&
    containerPort === known.containerPort &&
    (range ? hostPort >= range[0] && hostPort <= range[1] : true)
  )
}

function isEvery(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}
