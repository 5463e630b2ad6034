// Policies: what they cost a container's traffic, and what a change costs where many have lists. On one host two containers
// have lists or not, by turns; on another they have, and a thousand others of ten items each are there, too.
import { createNetwork, startContainer } from '../docker-host.mjs'
import { create, engineOn, join, leave, release, remove, reserve, setOptions } from '../engine.mjs'
import { interleave } from '../interleave.mjs'
import { down, up } from '../lab.mjs'
import { rowsOf } from '../rows.mjs'
import { sizes } from '../sizes.mjs'
import { stopwatch } from '../stopwatch.mjs'
import { serve, streamed } from '../streams.mjs'

export const title = 'policies'

const NONE = 'no list on the host'
const BOTH = 'lists of both containers'
const ITEMS = 10
const KEY = 'net-routed.ingress'
const ADDRESSES = ['10.1.1.1', '10.1.1.2']
/** What both containers are asked for, and passes. */
const LISTS = { [KEY]: '10.1.0.0/16', 'net-routed.egress': '10.1.0.0/16' }
const NO_LISTS = { [KEY]: '', 'net-routed.egress': '' }

export async function measure() {
  await up(2, { FRR: '' })
  try {
    const [few, many] = [await engineOn(1, '10.7.0.0/16'), await engineOn(2, '10.7.0.0/16')]
    await fill(many, sizes.policies)
    const rows = await traffic(few, many)
    await fill(few, sizes.fewEndpoints)
    return [...rows, ...(await attaches(few, many)), ...(await changes(few, many))]
  } finally {
    await down()
  }
}

async function traffic(few, many) {
  const [on, path] = await makePath(1)
  const [onMany, pathOfMany] = await makePath(2)
  await setLists(many, LISTS)
  const measureAll = (options) =>
    interleave(sizes.policyRounds, {
      [NONE]: () => setLists(few, NO_LISTS).then(() => streamed(on, path, options)),
      [BOTH]: () => setLists(few, LISTS).then(() => streamed(on, path, options)),
      [`the same, and ${sizes.policies} other lists`]: () => streamed(onMany, pathOfMany, options)
    })
  const rows = [
    ...streamRows(await measureAll({}), ['a byte of TCP', 'TCP', 'Gbit/s']),
    ...streamRows(await measureAll({ perPacket: true }), [
      'a UDP packet of 64 bytes',
      'UDP packets of 64 bytes',
      'thousands per second'
    ])
  ]
  await setLists(few, NO_LISTS)
  return rows
}

function streamRows(samples, [one, all, unit]) {
  const valuesOf = (key) =>
    Object.fromEntries(Object.entries(samples).map(([name, found]) => [name, found.map((each) => each[key])]))
  return [
    ...rowsOf({ what: `throughput of ${all}, same host`, unit, against: NONE }, valuesOf('speed')),
    ...rowsOf({ what: `CPU time of ${one}, same host`, unit: 'ns', against: NONE }, valuesOf('processorTime'))
  ]
}

async function makePath(host) {
  await createNetwork(host)
  const [client, server] = ADDRESSES
  const path = { client: await startContainer(host, '--net', 'mine', '--ip', client), address: server }
  serve(host, await startContainer(host, '--net', 'mine', '--ip', server))
  return [stopwatch(host), path]
}

async function setLists(engine, options) {
  for (const address of ADDRESSES) await setOptions(engine, address, options)
}

/** The list of a running container is replaced by another one that nobody has. */
async function changes(few, many) {
  const variants = await Promise.all(
    Object.entries(variantsOf(few, many)).map(async ([name, engine]) => {
      const endpoint = await reserve(engine)
      await create(engine, endpoint, {})
      await join(engine, endpoint)
      const change = async (round) => {
        const began = performance.now()
        await setOptions(engine, endpoint.EndpointID, { [KEY]: listOf(round, 201) })
        return performance.now() - began
      }
      return [name, change]
    })
  )
  const what = { what: 'another list for a container', unit: 'ms', against: variants[0][0], tail: true }
  return rowsOf(what, await interleave(sizes.policyChanges, Object.fromEntries(variants)))
}

const variantsOf = (few, many) => ({
  [`beside ${sizes.fewEndpoints} lists`]: few,
  [`beside ${sizes.policies} lists`]: many
})

/** A container with a list of its own comes and goes, and one without. */
async function attaches(few, many) {
  const samples = { attach: {}, detach: {} }
  const engines = variantsOf(few, many)
  const variants = Object.entries(engines).flatMap(([name, engine]) =>
    ['its list', 'no list'].map((what) => [
      `${what}, ${name}`,
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
  const against = `its list, ${Object.keys(engines)[0]}`
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
