/**
 * What is known of an endpoint while it runs: for `net-routed status`, and for Docker's EndpointOperInfo. Pure; each feature
 * adds its field here.
 */
import { desiredOfEndpoint } from '../desired/routed.js'
import { isLetOut } from '../desired/routing-filters.js'
import { keyOf } from '../host/objects.js'
import type { HostObject } from '../host/objects.js'
import type { Faults, Reconciler } from '../host/reconciler.js'
import { hostLinkName } from '../model/endpoint.js'
import type { Endpoint } from '../model/endpoint.js'
import { addressOf, parsePrefix } from '../model/ip.js'
import { healthOf } from '../model/health.js'
import type { Network } from '../model/network.js'
import { ratesText } from '../model/options/rates.js'
import { allowedTexts } from '../model/allowed-text.js'
import { isPoliced, listOf } from '../model/options/policy.js'
import { portTexts } from '../model/port.js'
import type { Records } from '../store/records.js'
import type { Additions, AdditionState } from './additions.js'
import type { Holds } from './routing/holds.js'
import { narrowness } from './paths.js'
import type { Paths } from './paths.js'

export interface OperationalFacts {
  readonly faults: Faults
  /** Links whose other end is gone. */
  readonly lost: ReadonlySet<string>
  /** True where the routing daemons are ours to configure. */
  readonly announces: boolean
  readonly networks: readonly Network[]
  /** Where packets go. */
  readonly paths: Paths | undefined
  /** Of what we put into the container. */
  readonly addition?: AdditionState | undefined
}

/** `routed`: announced by the host; `waiting`: not joined; `lost`: its container is gone; `leaving`: being removed;
 * `draining`: announced as the worst choice; `drained`: not announced; `starting`, `unhealthy`: not announced, because its
 * check has not succeeded yet, or fails; `yielded`: not announced, another host has it. */
export type EndpointState =
  | 'routed'
  | 'waiting'
  | 'lost'
  | 'leaving'
  | 'faulty'
  | 'draining'
  | 'drained'
  | 'starting'
  | 'unhealthy'
  | 'yielded'

/** What the facts come from. */
export interface OperationalParts {
  readonly records: Records
  readonly reconciler: Reconciler
  readonly holds: Holds | undefined
  readonly additions: Additions
  readonly paths: () => Paths | undefined
}

export interface Operational {
  readonly state: EndpointState
  readonly addresses: readonly string[]
  /** Those that we put into the container, beside those of Docker. */
  readonly extraAddresses?: readonly string[]
  /** Why these are not in the container. */
  readonly missing?: string
  /** Of the host end. */
  readonly link: string
  readonly mac: string
  readonly mtu?: number
  /** Where packets of that size do not fit. */
  readonly tooLarge?: string
  /** Published on the host, as Docker writes them: `0.0.0.0:8080->80/tcp`. */
  readonly ports: readonly string[]
  /** How much it may have, and how its packets are marked: `in 10mbit`, `dscp 46`. */
  readonly rates: readonly string[]
  /** What may come to it, and where what it sends may go, as options say it; absent = nobody asks. */
  readonly ingress?: readonly string[]
  readonly egress?: readonly string[]
  /** Destinations that the host routes to the container. */
  readonly routes: readonly string[]
  /** Those of them that our filters let out; absent = the routing daemons are not ours to configure. */
  readonly announced?: readonly string[]
  /** Those that our filters keep for this host alone: they are in no subnet of a network. */
  readonly keptBack?: readonly string[]
}

/** As it is now. */
export function operationalNow(
  endpoint: Endpoint,
  { records, reconciler, holds, additions, paths }: OperationalParts
): Operational {
  const { faults, lost } = reconciler
  const networks = records.all('network')
  const addition = additions.stateOf(endpoint.id)
  return operationalOf(endpoint, {
    faults,
    lost,
    announces: holds !== undefined,
    networks,
    paths: paths(),
    addition
  })
}

export function operationalOf(endpoint: Endpoint, facts: OperationalFacts): Operational {
  const { id, addresses, extraAddresses, mac, mtu } = endpoint
  const link = hostLinkName(id)
  const isThere = (object: HostObject): boolean => !facts.lost.has(link) && !facts.faults.has(keyOf(object))
  const present = desiredOfEndpoint(endpoint, facts.announces).filter(isThere)
  const missing = facts.addition?.reason
  const tooLarge = narrowness(endpoint, facts.paths)
  return {
    state: stateOf(endpoint, facts),
    addresses,
    ...(extraAddresses ? { extraAddresses } : {}),
    ...(missing === undefined ? {} : { missing }),
    link,
    mac,
    ...(mtu === undefined ? {} : { mtu }),
    ...(tooLarge === undefined ? {} : { tooLarge }),
    ports: portTexts(endpoint.ports ?? []),
    rates: ratesText(endpoint),
    ...(endpoint.delegate || !isPoliced(endpoint) ? {} : listsOf(endpoint)),
    routes: present.flatMap((object) => (object.kind === 'route' ? [object.dst] : [])),
    ...(facts.announces ? announcedOf(present, facts.networks) : {})
  }
}

function listsOf(endpoint: Endpoint): Pick<Operational, 'ingress' | 'egress'> {
  return {
    ingress: allowedTexts(listOf(endpoint, 'ingress')),
    egress: allowedTexts(listOf(endpoint, 'egress'))
  }
}

/** As it is now, by the ids of all endpoints: a small part of what else is known of them, for who asks again and again. */
export function statesNow({
  records,
  reconciler: { faults, lost },
  holds
}: Pick<OperationalParts, 'records' | 'reconciler' | 'holds'>): Record<string, EndpointState> {
  const facts = { faults, lost, announces: holds !== undefined }
  return Object.fromEntries(
    records.all('endpoint').map((endpoint) => [endpoint.id, stateOf(endpoint, facts)])
  )
}

function stateOf(
  endpoint: Endpoint,
  { faults, lost, announces }: Pick<OperationalFacts, 'faults' | 'lost' | 'announces'>
): EndpointState {
  if (endpoint.deleted || endpoint.left) return 'leaving'
  if (lost.has(hostLinkName(endpoint.id))) return 'lost'
  if (faults.size > 0 && desiredOfEndpoint(endpoint, announces).some((object) => faults.has(keyOf(object))))
    return 'faulty'
  if (endpoint.drain) return endpoint.drain === 'worse' ? 'draining' : 'drained'
  if (!endpoint.sandbox) return 'waiting'
  if (endpoint.yielded) return 'yielded'
  const health = healthOf(endpoint) ?? 'healthy'
  return health === 'healthy' ? 'routed' : health
}

/** The filters let addresses of our networks out, and nothing else. */
function announcedOf(
  present: readonly HostObject[],
  networks: readonly Network[]
): Pick<Operational, 'announced' | 'keptBack'> {
  const told = present.flatMap((object) => (object.kind === 'announcement' ? [object.dst] : []))
  const keptBack = told.filter((dst) => !isLetOut(addressOf(parsePrefix(dst)), networks))
  const announced = told.filter((dst) => !keptBack.includes(dst))
  return { announced, ...(keptBack.length > 0 ? { keptBack } : {}) }
}
