// CNI plugins side by side: started as a runtime starts them, in one host, by turns.
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { interleave } from '../interleave.mjs'
import { down, inside, start, up } from '../lab.mjs'
import { rowsOf } from '../rows.mjs'
import { sizes } from '../sizes.mjs'

export const title = 'a container attached and detached by CNI plugins'

const OURS = fileURLToPath(new URL('../../bin/cni', import.meta.url))
const REFERENCE = '/usr/lib/cni'
const routes = [{ dst: '0.0.0.0/0' }]
const hostLocal = (subnet) => ({ type: 'host-local', subnet, routes })
const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]

/** The first is what the others are compared with. */
const LISTS = {
  'ptp with host-local': [{ name: 'b1', type: 'ptp', ipam: hostLocal('10.11.0.0/16') }],
  'net-routed': [{ name: 'b2', type: 'net-routed', ipam: { type: 'ipam-routed', subnet: '10.12.0.0/16' } }],
  'net-routed with host-local': [{ name: 'b3', type: 'net-routed', ipam: hostLocal('10.13.0.0/16') }],
  'bridge with host-local, masquerading, portmap': [
    {
      name: 'b4',
      type: 'bridge',
      bridge: 'bench0',
      isGateway: true,
      ipMasq: true,
      ipam: hostLocal('10.14.0.0/16')
    },
    { name: 'b4', type: 'portmap', runtimeConfig: { portMappings } }
  ]
}

export async function measure() {
  await up(1, { DOCKER: '0', FRR: '' })
  try {
    const live = runtime()
    const alone = await interleave(
      sizes.cniRounds,
      mapped((plugins) => () => live(plugins, 1))
    )
    const [ptp, ours] = Object.entries(LISTS)
    const crowd = await interleave(sizes.cniCrowdRounds, {
      [ptp[0]]: () => live(ptp[1], sizes.cniCrowd),
      [ours[0]]: () => live(ours[1], sizes.cniCrowd)
    })
    const against = ptp[0]
    return [
      ...rowsOf(
        { what: 'ADD', unit: 'ms', against, tail: true },
        values(alone, ({ add }) => add)
      ),
      ...rowsOf(
        { what: 'DEL', unit: 'ms', against, tail: true },
        values(alone, ({ del }) => del)
      ),
      ...rowsOf(
        { what: `${sizes.cniCrowd} ADDs at once, all of them`, unit: 'ms', against },
        values(crowd, ({ all }) => all)
      )
    ]
  } finally {
    await down()
  }
}

/** A function that lets so many containers live through a list of plugins. */
function runtime() {
  const child = start(1, 'node', inside('cni.mjs'), `${OURS}:${REFERENCE}`)
  let complaints = ''
  child.stderr.on('data', (text) => (complaints += text))
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return async (plugins, containers) => {
    child.stdin.write(`${JSON.stringify({ plugins, containers })}\n`)
    const { value, done } = await answers.next()
    if (done) throw new Error(`the runtime ended: ${complaints}`)
    return JSON.parse(value)
  }
}

function mapped(work) {
  return Object.fromEntries(Object.entries(LISTS).map(([name, plugins]) => [name, work(plugins)]))
}

function values(results, of) {
  return Object.fromEntries(Object.entries(results).map(([name, list]) => [name, list.flatMap(of)]))
}
