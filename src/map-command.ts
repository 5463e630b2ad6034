/** The command `net-routed map`: the cluster for people, for programs, and for Graphviz. */
import { ask } from './client.js'
import type { MapCommand } from './command-line.js'
import type { ClusterMap } from './core/routing/map.js'

/** Throws UnavailableError where no daemon, or no OSPF, answers. */
export async function mapCommand({ socket, form }: MapCommand): Promise<string> {
  const map = (await ask(socket, '/Admin.Map', {})) as ClusterMap
  switch (form) {
    case 'json':
      return JSON.stringify(map, undefined, 2)
    case 'dot':
      return dotText(map)
    case 'text':
      return mapText(map)
  }
}

/** Each router with its ways and its addresses. */
export function mapText({ routers, links, several }: ClusterMap): string {
  const lines = routers.flatMap(({ id, isSelf, isReachable, addresses, prefixes }) => {
    const ways = links
      .filter(({ from }) => from === id)
      .map(({ to, isSegment, cost }) => `${isSegment ? 'segment of ' : ''}${to} (${String(cost)})`)
    const state = isSelf ? ', this host' : isReachable ? '' : ', unreachable'
    return [
      `${id}${state}${ways.length > 0 ? `: to ${ways.join(', ')}` : ''}`,
      ...[...prefixes, ...addresses].map((destination) => `  ${destination}`)
    ]
  })
  const meant = several.filter(({ anycast }) => anycast).length
  const count = new Set(routers.flatMap(({ addresses }) => addresses)).size
  return [
    ...lines,
    ...several.map(
      ({ address, routers: on, anycast }) => `${anycast ? 'anycast' : 'twice'}: ${address}: ${on.join(', ')}`
    ),
    `${String(routers.length)} routers, ${String(count)} addresses, ${String(meant)} of them anycast, ${String(several.length - meant)} twice`
  ].join('\n')
}

/** For `dot -Tsvg`. A link that both ends have is one line. */
export function dotText({ routers, links }: ClusterMap): string {
  const ways = new Set(links.map(({ from, to }) => `${from} ${to}`))
  const segments = new Set(links.flatMap(({ to, isSegment }) => (isSegment ? [to] : [])))
  const shown = links.filter(
    ({ from, to, isSegment }) => isSegment || from < to || !ways.has(`${to} ${from}`)
  )
  return [
    'graph cluster {',
    ...routers.map(({ id, isSelf, isReachable, addresses, prefixes }) => {
      const label = [id, ...(isReachable ? [] : ['unreachable']), ...prefixes, ...addresses].join('\\n')
      const style = isSelf ? ', style=bold' : isReachable ? '' : ', style=dashed'
      return `  "${id}" [shape=box, label="${label}"${style}]`
    }),
    ...[...segments].map((segment) => `  "segment ${segment}" [shape=point]`),
    ...shown.map(
      ({ from, to, isSegment, cost }) =>
        `  "${from}" -- "${isSegment ? 'segment ' : ''}${to}" [label="${String(cost)}"]`
    ),
    '}'
  ].join('\n')
}
