import { OUR_NAME } from '../host/router-lines.js'
import type { WantedLine } from '../host/router-lines.js'
import type { Ip } from '../model/ip.js'
import type { Bfd, Ospf, OspfKey, Routing } from '../model/routing.js'

interface Facts {
  readonly routerId?: Ip
  /** Seconds. */
  readonly gracefulRestart?: number | undefined
}

/** Defaults of OSPF, which FRR hides. */
const HELLO_SECONDS = 10
const DEAD_SECONDS = 40
const RESTART_SECONDS = 120
/** Defaults of BFD, which FRR hides. */
const BFD_MULTIPLIER = 3
const BFD_INTERVAL_MS = 300

/** OSPFv2. The timers: docs/routing.md says what each is for. */
export function ospfLines(ospf: Ospf, { routerId, gracefulRestart }: Facts): WantedLine[] {
  const { area, areaType, interfaces, authentication } = ospf
  const stanza = 'router ospf'
  const id = ospf.routerId ?? routerId
  return [
    line([], stanza),
    ...(id === undefined
      ? []
      : [line([stanza], `ospf router-id ${id}`, ospf.routerId ? undefined : 'value')]),
    line([stanza], 'timers throttle spf 0 50 500', 'value'),
    line([stanza], 'timers throttle lsa all 0', 'value'),
    line([stanza], 'timers lsa min-arrival 0', 'value'),
    line([stanza], 'passive-interface default', 'stanza'),
    // Its announcement is an opaque one.
    ...(gracefulRestart === undefined ? [] : [line([stanza], 'capability opaque')]),
    ...restart(gracefulRestart).map((text) => line([stanza], text)),
    ...(areaType === 'nssa' ? [line([stanza], `area ${area} nssa`)] : []),
    ...interfaces.flatMap((name) =>
      [
        `ip ospf area ${area}`,
        'no ip ospf passive',
        ...(ospf.network === undefined || ospf.network === 'broadcast'
          ? []
          : [`ip ospf network ${ospf.network}`]),
        ...(ospf.cost === undefined ? [] : [`ip ospf cost ${String(ospf.cost)}`]),
        ...intervals(ospf).map((text) => `ip ospf ${text}`),
        ...(authentication ? keyLines(authentication) : []),
        ...(ospf.bfd ? sessions('ip ospf bfd', ospf.bfd) : [])
      ].map((text) => line([`interface ${name}`], text))
    ),
    // Last: from here on routes are announced.
    line([stanza], `redistribute kernel route-map ${OUR_NAME}`)
  ]

  function line(within: readonly string[], text: string, yields?: WantedLine['yields']): WantedLine {
    return { daemon: 'ospfd', within, text, ...(yields ? { yields } : {}) }
  }
}

/** OSPFv3, for IPv6. It knows no throttle for its own announcements. */
export function ospf3Lines(ospf: Ospf, { routerId, gracefulRestart }: Facts): WantedLine[] {
  const { area, areaType, interfaces, authentication } = ospf
  const stanza = 'router ospf6'
  const id = ospf.routerId ?? routerId
  return [
    line([], stanza),
    ...(id === undefined
      ? []
      : [line([stanza], `ospf6 router-id ${id}`, ospf.routerId ? undefined : 'value')]),
    line([stanza], 'timers throttle spf 0 50 500', 'value'),
    line([stanza], 'timers lsa min-arrival 0', 'value'),
    ...restart(gracefulRestart).map((text) => line([stanza], text)),
    ...(areaType === 'nssa' ? [line([stanza], `area ${area} nssa`)] : []),
    ...interfaces.flatMap((name) =>
      [
        `area ${area}`,
        ...(ospf.network === undefined || ospf.network === 'broadcast' ? [] : [`network ${ospf.network}`]),
        ...(ospf.cost === undefined ? [] : [`cost ${String(ospf.cost)}`]),
        ...intervals(ospf),
        ...(authentication ? [hashLine(authentication)] : []),
        ...(ospf.bfd ? sessions('bfd', ospf.bfd) : [])
      ].map((text) => line([`interface ${name}`], `ipv6 ospf6 ${text}`))
    ),
    line([stanza], `redistribute kernel route-map ${OUR_NAME}6`)
  ]

  function line(within: readonly string[], text: string, yields?: WantedLine['yields']): WantedLine {
    return { daemon: 'ospf6d', within, text, ...(yields ? { yields } : {}) }
  }
}

/** The profile with the times that the section asks for; none where all are BFD's own. */
export function bfdLines({ ospf, ospf3, bgp }: Routing): WantedLine[] {
  const all = [ospf?.bfd, ospf3?.bfd, ...(bgp?.neighbors.map(({ bfd }) => bfd) ?? [])]
  const bfd = all.find((candidate) => candidate !== undefined && hasTimes(candidate))
  if (!bfd) return []
  const profile = `profile ${OUR_NAME}`
  const { interval = BFD_INTERVAL_MS, multiplier = BFD_MULTIPLIER } = bfd
  return [
    { daemon: 'bfdd', within: [], text: 'bfd' },
    { daemon: 'bfdd', within: ['bfd'], text: profile },
    ...[
      ...(multiplier === BFD_MULTIPLIER ? [] : [`detect-multiplier ${String(multiplier)}`]),
      ...(interval === BFD_INTERVAL_MS
        ? []
        : [`transmit-interval ${String(interval)}`, `receive-interval ${String(interval)}`])
    ].map((text): WantedLine => ({ daemon: 'bfdd', within: ['bfd', profile], text }))
  ]
}

/** `bfd` must come before its profile: alone the profile does nothing (FRR 8.4). */
export function sessions(command: string, bfd: Bfd): string[] {
  return [command, ...(hasTimes(bfd) ? [`${command} profile ${OUR_NAME}`] : [])]
}

function hasTimes({ interval, multiplier }: Bfd): boolean {
  return interval !== undefined || multiplier !== undefined
}

/** For our own restart, and for that of a neighbour. */
function restart(seconds: number | undefined): string[] {
  if (seconds === undefined) return []
  const period = seconds === RESTART_SECONDS ? '' : ` grace-period ${String(seconds)}`
  return [`graceful-restart${period}`, 'graceful-restart helper enable']
}

function intervals({ hello, dead }: Ospf): string[] {
  return [
    ...(hello === undefined || hello === HELLO_SECONDS ? [] : [`hello-interval ${String(hello)}`]),
    ...(dead === undefined || dead === DEAD_SECONDS ? [] : [`dead-interval ${String(dead)}`])
  ]
}

function keyLines({ type, id, key }: OspfKey): string[] {
  return type === 'text'
    ? ['ip ospf authentication', `ip ospf authentication-key ${key}`]
    : ['ip ospf authentication message-digest', `ip ospf message-digest-key ${String(id)} md5 ${key}`]
}

function hashLine({ type, id, key }: OspfKey): string {
  return `authentication key-id ${String(id)} hash-algo ${type} key ${key}`
}
