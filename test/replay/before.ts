/** What existed on the recorded hosts before each recording began: networks by their id, containers by recording. */
import { at, textAt } from '../support/json.js'
import { callsOf, methodOf } from './recording.js'
import type { Recording } from './recording.js'

export interface ExistingNetwork {
  readonly id: string
  readonly subnets: readonly string[]
}

export interface ExistingContainer {
  readonly endpointId: string
  readonly subnets: readonly string[]
  /** Last part of its addresses. */
  readonly host: number
}

/** Beginnings of network ids, by what the recorded hosts called them. */
const NETWORKS: readonly { readonly ids: readonly string[]; readonly subnets: readonly string[] }[] = [
  { ids: ['beef65bf', 'c04a5cca', '5228454a'], subnets: ['10.60.0.0/24'] },
  { ids: ['e9d111c5', '04da3009', '551b1e1b'], subnets: ['10.61.0.0/24', 'fd00:61::/64'] },
  { ids: ['5b28f5b9'], subnets: ['10.62.0.0/24'] },
  { ids: ['9405d777', '89bd490f', 'a0e38d9e'], subnets: ['10.63.0.0/24', 'fd00:63::/64'] },
  { ids: ['8b18e252'], subnets: ['10.75.0.0/24'] },
  { ids: ['229917f0'], subnets: ['10.74.0.0/24'] },
  { ids: ['68a7a300', '7ddf567d'], subnets: ['10.57.0.0/24'] },
  { ids: ['aa6686c9'], subnets: ['10.77.1.0/24'] }
]

const N60 = ['10.60.0.0/24']
const N61 = ['10.61.0.0/24', 'fd00:61::/64']

/** Beginning of the endpoint's id; none = the recording never names it. */
type Container = readonly [subnets: readonly string[], host: number, endpoint: string]

const CONTAINERS: Readonly<Record<string, readonly Container[]>> = {
  'dockerd-crash-live-restore': [[N61, 2, '68221179']],
  'dockerd-crash-restart': [
    [N61, 2, ''],
    [N61, 3, '']
  ],
  'dockerd-crash-restart-same-name-for-both': [[['10.75.0.0/24'], 2, '0a95af86']],
  'dockerd-live-restore-container-died-meanwhile': [
    [N61, 2, ''],
    [N61, 3, 'a45f2aee']
  ],
  'dockerd-restart-graceful': [
    [N61, 2, 'd6c02b52'],
    [N61, 3, '52240974']
  ],
  'dockerd-restart-live-restore': [[N61, 2, '936b85bf']],
  'dockerd-restart-live-restore-request-replay': [
    [N61, 2, '18af1804'],
    [N60, 99, 'b0211e63']
  ],
  'managed-plugin-dockerd-crash': [[['10.74.0.0/24'], 2, '3d4ca643']],
  'plugin-restart-while-container-runs': [[N60, 4, 'e2fe7072']],
  'stale-endpoint-force-disconnect': [[N60, 5, '']],
  'v28-dockerd-crash-restart': [
    [N61, 2, ''],
    [N61, 3, '']
  ],
  'v28-dockerd-restart-live-restore': [[N61, 2, '1211df59']],
  'v29-dockerd-crash-restart': [
    [N61, 2, ''],
    [N61, 3, '']
  ],
  'v29-dockerd-restart-live-restore': [[N61, 2, 'd6b8ec1b']],
  'v29-dockerd-restart-live-restore-request-replay': [[N61, 2, '3cdec0b0']]
}

/** The networks that a recording uses and does not create, and those of its containers. */
export function networksBefore(recording: Recording): readonly ExistingNetwork[] {
  const { ids, subnets } = usedBeforeMade(recording)
  for (const container of containersBefore(recording))
    for (const subnet of container.subnets) subnets.add(subnet)
  return NETWORKS.flatMap((network) => {
    const id = [...ids].find((used) => network.ids.some((known) => used.startsWith(known)))
    const isUsed = id !== undefined || network.subnets.some((subnet) => subnets.has(subnet))
    return isUsed ? [{ id: id ?? `network-of-${network.subnets.join()}`, subnets: network.subnets }] : []
  })
}

export function containersBefore(recording: Recording): readonly ExistingContainer[] {
  const used = callsOf(recording).map(({ request }) => textAt(request, 'EndpointID'))
  return (CONTAINERS[recording.name] ?? []).map(([subnets, host, endpoint]) => ({
    subnets,
    host,
    endpointId:
      (endpoint === '' ? undefined : used.find((id) => id.startsWith(endpoint))) ??
      `endpoint-${subnets.join()}-${String(host)}`
  }))
}

function usedBeforeMade(recording: Recording): { ids: Set<string>; subnets: Set<string> } {
  const made = new Set<string>()
  const ids = new Set<string>()
  const subnets = new Set<string>()
  for (const call of callsOf(recording)) {
    const id = textAt(call.request, 'NetworkID')
    const pool = textAt(call.request, 'PoolID')
    const method = methodOf(call)
    if (method === 'NetworkDriver.CreateNetwork') made.add(id)
    if (method === 'IpamDriver.RequestPool') made.add(String(at(call.response, 'PoolID')))
    if (id !== '' && !made.has(id)) ids.add(id)
    if (pool !== '' && !made.has(pool)) subnets.add(pool.replace(/^fake-(local|global)\//, ''))
  }
  return { ids, subnets }
}
