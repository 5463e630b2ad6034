// The daemon alone: requests as dockerd sends them, to two hosts that differ only in how many endpoints they have.
import { spawn } from 'node:child_process'
import { activate, create, engineOn, join, leave, release, remove, reserve } from '../engine.mjs'
import { interleave } from '../interleave.mjs'
import { daemonMemory, down, residentMemory, up } from '../lab.mjs'
import { rowsOf } from '../rows.mjs'
import { sizes } from '../sizes.mjs'
import { writeRecord } from '../write-record.mjs'

export const title = 'requests to the daemon, without dockerd'

const SUBNET = '10.1.0.0/16'
const MEGABYTE = 1e6
const SETTLE_MS = 1000
const WARM_UP_BATCHES = 8

export async function measure() {
  await up(2, { DOCKER: '0', FRR: '' })
  try {
    const few = { host: 1, engine: await engineOn(1, SUBNET), endpoints: [] }
    const many = { host: 2, engine: await engineOn(2, SUBNET), endpoints: [] }
    return await measureWith(few, many)
  } finally {
    await down()
  }
}

async function measureWith(few, many) {
  const memory = { 'idle node': [await idleMemory()] }
  const note = (name) => (memory[`daemon, ${name}`] = [daemonMemory(many.host) / MEGABYTE])
  await settle()
  note('no endpoints')
  await fill(few, sizes.fewEndpoints)
  for (const host of [few, many]) await warmUp(host)
  const rows = []
  let filling = 0
  for (const part of [0.25, 0.5, 1]) {
    const count = Math.round(sizes.endpoints * part)
    filling += await timed(() => fill(many, count))
    await settle()
    note(`${count} endpoints`)
    if (part > 0.25) rows.push(...(await compare(few, many)))
  }
  const emptying = await timed(() => detachAll(many))
  await settle()
  note('all endpoints removed')
  return [
    ...rows,
    ...rate('endpoints made', sizes.endpoints / filling),
    ...rate('endpoints removed', sizes.endpoints / emptying),
    ...rowsOf({ what: 'resident memory', unit: 'MB', against: 'idle node' }, memory).map((row) => ({
      ...row,
      n: undefined
    }))
  ]
}

/** Node compiles what is used often: the host with few endpoints must not be slower for having done less. */
async function warmUp(host) {
  for (let round = 0; round < WARM_UP_BATCHES; round++) await batch(host, sizes.concurrency)
}

function rate(variant, perMillisecond) {
  return [
    {
      what: `all endpoints of a host, ${sizes.concurrency} at once`,
      unit: 'per second',
      variant,
      p50: perMillisecond * 1000
    }
  ]
}

/** Both hosts by turns: one container at a time, then many at once. */
async function compare(few, many) {
  const names = { few: `${few.endpoints.length} endpoints`, many: `${many.endpoints.length} endpoints` }
  const variants = (work) => ({ [names.few]: () => work(few), [names.many]: () => work(many) })
  const alone = await interleave(sizes.attaches, {
    ...variants((host) => batch(host, 1)),
    'Plugin.Activate, which has nothing to do': async () => [
      { floor: await timed(() => activate(few.engine)) }
    ],
    'a record written as the store does': async () => [{ floor: await timed(writeRecord) }]
  })
  const crowd = await interleave(
    sizes.concurrentBatches,
    variants((host) => batch(host, sizes.concurrency))
  )
  return [
    ...rowsOfSteps('one at a time', alone, names),
    ...rowsOfSteps(`${sizes.concurrency} at once`, crowd, names)
  ]
}

/** One row for each request, or pair of requests, and host. */
function rowsOfSteps(how, batches, { few, many }) {
  const what = `${how}; ${few} and ${many} there`
  const times = Object.fromEntries(Object.entries(batches).map(([name, list]) => [name, list.flat()]))
  const rows = Object.keys(times[few][0]).flatMap((step) => {
    const samples = [few, many].map((name) => [`${step}, ${name}`, times[name].map((time) => time[step])])
    return rowsOf({ what, unit: 'ms', against: `${step}, ${few}`, tail: true }, Object.fromEntries(samples))
  })
  const floors = Object.entries(times).filter(([name]) => name !== few && name !== many)
  const samples = floors.map(([name, list]) => [name, list.map(({ floor }) => floor)])
  return [...rows, ...rowsOf({ what, unit: 'ms', tail: true }, Object.fromEntries(samples))]
}

/**
 * So many containers come at once, and when all are there, go at once: milliseconds of each request. All have their
 * addresses before the first endpoint is made, lest the one queue hides the other.
 */
async function batch({ engine }, count) {
  const times = []
  const endpoints = []
  const all = (work) => Promise.all(Array.from({ length: count }, async (_, at) => work(at)))
  await all(async (at) => {
    times[at] = { RequestAddress: await timed(async () => (endpoints[at] = await reserve(engine))) }
  })
  await all(async (at) => {
    const creating = await timed(() => create(engine, endpoints[at]))
    const joining = await timed(() => join(engine, endpoints[at]))
    const pair = creating + joining
    times[at] = { ...times[at], CreateEndpoint: creating, Join: joining, 'CreateEndpoint + Join': pair }
  })
  await all(async (at) => {
    const leaving = await timed(() => leave(engine, endpoints[at]))
    const deleting = await timed(() => remove(engine, endpoints[at]))
    times[at] = { ...times[at], 'Leave + DeleteEndpoint': leaving + deleting }
  })
  await all(async (at) => {
    times[at] = { ...times[at], ReleaseAddress: await timed(() => release(engine, endpoints[at])) }
  })
  return times
}

async function fill(host, count) {
  host.endpoints.push(...(await attach(host, count - host.endpoints.length)))
}

function attach({ engine }, count) {
  return inParallel(Array.from({ length: count }), async () => {
    const endpoint = await reserve(engine)
    await create(engine, endpoint)
    await join(engine, endpoint)
    return endpoint
  })
}

async function detachAll(host) {
  await detach(host, host.endpoints)
  host.endpoints = []
}

function detach({ engine }, endpoints) {
  return inParallel(endpoints, async (endpoint) => {
    await leave(engine, endpoint)
    await remove(engine, endpoint)
    await release(engine, endpoint)
  })
}

async function inParallel(items, work) {
  const results = []
  const queue = items.entries()
  await Promise.all(
    Array.from({ length: sizes.concurrency }, async () => {
      for (const [at, item] of queue) results[at] = await work(item)
    })
  )
  return results
}

/** Megabytes of a Node process that does nothing. */
async function idleMemory() {
  const idle = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1e6)'], { stdio: 'ignore' })
  await settle()
  const bytes = residentMemory(`/proc/${idle.pid}/status`)
  idle.kill()
  return bytes / MEGABYTE
}

async function timed(work) {
  const begin = performance.now()
  await work()
  return performance.now() - begin
}

const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
