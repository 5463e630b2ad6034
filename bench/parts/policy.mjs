// Policies: what they cost a container's traffic, and what a container costs where many have lists. Three hosts: nobody has
// a list; two containers have one; and a thousand others have one of ten items each, too.
import { createNetwork, startContainer } from '../docker-host.mjs'
import { create, engineOn, join, leave, release, remove, reserve } from '../engine.mjs'
import { interleave } from '../interleave.mjs'
import { down, up } from '../lab.mjs'
import { rowsOf } from '../rows.mjs'
import { sizes } from '../sizes.mjs'
import { stopwatch } from '../stopwatch.mjs'
import { processorTime, serve } from '../streams.mjs'

export const title = 'policies'

const NONE = 'no list on the host'
const FEW = 'lists of both containers'
const ITEMS = 10
const KEY = 'net-routed.ingress'

export async function measure() {
  await up(3, { FRR: '' })
  try {
    const many = `the same, and ${sizes.policies} other lists`
    const engines = { [FEW]: await engineOn(2, '10.7.0.0/16'), [many]: await engineOn(3, '10.7.0.0/16') }
    await fill(engines[FEW], sizes.fewEndpoints)
    await fill(engines[many], sizes.policies)
    return [...(await traffic(many)), ...(await changes(engines))]
  } finally {
    await down()
  }
}

async function traffic(many) {
  const paths = {}
  for (const [host, name] of [NONE, FEW, many].entries())
    paths[name] = await makePath(host + 1, name !== NONE)
  const measureAll = (options) =>
    interleave(
      sizes.policyRounds,
      Object.fromEntries(
        Object.entries(paths).map(([name, { on, path }]) => [name, () => processorTime(on, path, options)])
      )
    )
  const row = (what) => ({ what: `CPU time ${what}, same host`, unit: 'ns', against: NONE })
  return [
    ...rowsOf(row('of a byte of TCP'), await measureAll({})),
    ...rowsOf(row('of a UDP packet of 64 bytes'), await measureAll({ perPacket: true }))
  ]
}

async function makePath(host, hasList) {
  await createNetwork(host)
  const lists = hasList ? `,driver-opt=${KEY}=10.1.0.0/16,driver-opt=net-routed.egress=10.1.0.0/16` : ''
  const network = ['--network', `name=mine${lists}`]
  const client = await startContainer(host, ...network, '--ip', '10.1.1.1')
  serve(host, await startContainer(host, ...network, '--ip', '10.1.1.2'))
  return { on: stopwatch(host), path: { client, address: '10.1.1.2' } }
}

/** A container with a list of its own comes and goes, and one without. */
async function changes(engines) {
  const samples = { attach: {}, detach: {} }
  const variants = Object.entries(engines).flatMap(([name, engine]) =>
    ['its list', 'no list'].map((what) => [
      `${what}; ${name}`,
      async (round) => {
        const endpoint = await reserve(engine)
        const began = performance.now()
        await create(engine, endpoint, what === 'no list' ? {} : { [KEY]: listOf(round, 200) })
        await join(engine, endpoint)
        const between = performance.now()
        await leave(engine, endpoint)
        await remove(engine, endpoint)
        const ended = performance.now()
        await release(engine, endpoint)
        return [between - began, ended - between]
      }
    ])
  )
  const results = await interleave(sizes.policyChanges, Object.fromEntries(variants))
  for (const [name, pairs] of Object.entries(results)) {
    samples.attach[name] = pairs.map(([attach]) => attach)
    samples.detach[name] = pairs.map(([, detach]) => detach)
  }
  const against = `its list; ${FEW}`
  return [
    ...rowsOf({ what: 'CreateEndpoint + Join', unit: 'ms', against, tail: true }, samples.attach),
    ...rowsOf({ what: 'Leave + DeleteEndpoint', unit: 'ms', against, tail: true }, samples.detach)
  ]
}

async function fill(engine, count) {
  for (let at = 0; at < count; at++) {
    const endpoint = await reserve(engine)
    await create(engine, endpoint, { [KEY]: listOf(at, 100) })
    await join(engine, endpoint)
  }
}

/** Ten items that no other list has. */
function listOf(number, network) {
  const address = (item) => `${network}.${number >> 8}.${number & 255}.${item * 2}`
  return Array.from({ length: ITEMS }, (_, item) => `${address(item)}:tcp/${80 + item}`).join()
}
