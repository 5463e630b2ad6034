// Thousands of routes at once, until a third router has all of them in its kernel, or none. By turns: routes made with ip under FRR
// as it is set up by hand, and addresses of containers, which are drained and announced anew. zebra has the buffer for kernel
// events that it takes by itself.
import { interleave } from '../interleave.mjs'
import { rowsOf } from '../rows.mjs'
import * as scene from '../routing/scene.mjs'
import { sizes } from '../sizes.mjs'

export const title = 'thousands of routes, from one host to the kernel of another'

const BY_HAND = 'FRR set up by hand'
const [BARE] = scene.SIDES[BY_HAND].hosts
const [OURS] = scene.SIDES['net-routed'].hosts
/** After so long without a change what is not there is missing, and what is there is stale. */
const LIMIT_MS = 60_000
const POLL_MS = 50
/** Routes to the routers themselves come as late as that. */
const STEADY_MS = 12_000

export async function measure() {
  await scene.raise({ grace: 0, zebra: '' })
  try {
    await scene.addLink(BARE)
    const others = await steadyCount()
    const rows = []
    let attached = 0
    for (const count of sizes.bulk) {
      await attach(attached, count, others)
      attached = count
      rows.push(...(await measureCount(count, others)))
    }
    return rows
  } finally {
    await scene.down()
  }
}

/** More addresses for our containers. What takes longest is to give each its own, which is not what this is about. */
async function attach(from, to, others) {
  if (to < from) throw new Error(`BENCH_BULK: ${to} comes after ${from}: give the numbers in growing order`)
  await scene.crowd(OURS, 'add', from, to)
  await until(others + to - from)
  await withdrawn(() => scene.drainAll(OURS), others)
}

async function measureCount(count, others) {
  const results = await interleave(sizes.bulkRounds, {
    [BY_HAND]: () => life(count, others, byHand(count)),
    'net-routed': () => life(count, others, byUs)
  })
  const row = (what, unit, field) =>
    rowsOf(
      { what: `${count} routes: ${what}`, unit, against: BY_HAND },
      Object.fromEntries(
        Object.entries(results).map(([name, lives]) => [name, lives.map((each) => each[field])])
      )
    )
  return [
    ...row('until the router has all', 'ms', 'added'),
    ...row('missing there', 'routes', 'missing'),
    ...row('from the first that it loses to the last', 'ms', 'removed'),
    ...row('stale there', 'routes', 'stale')
  ]
}

/** What is stale is cleared by a restart of FRR, so that the next one starts with nothing. */
const byHand = (count) => ({
  begin: () => scene.batch(BARE, 'add', count),
  end: () => scene.batch(BARE, 'del', count),
  clear: async () => {
    await scene.router(BARE, 'restart')
    await scene.settled()
  }
})
const byUs = {
  begin: () => scene.undrainAll(OURS),
  end: () => scene.drainAll(OURS),
  clear: () => scene.router(OURS, 'restart')
}

async function life(count, others, { begin, end, clear }) {
  const { ms: added, off: missing } = await announced(begin, others + count)
  const { ms: removed, off: stale } = await withdrawn(end, others)
  if (stale > 0) {
    await clear()
    await until(others)
  }
  return { added, missing, removed, stale }
}

/** From the beginning of the work. */
async function announced(work, wanted) {
  const began = performance.now()
  const worked = work()
  const off = await until(wanted)
  const ms = performance.now() - began
  await worked
  return { ms, off }
}

/** From the first route that goes: before it our neighbours are told that there are better ways, which takes six seconds. */
async function withdrawn(work, wanted) {
  const before = await scene.routeCount()
  const worked = work()
  let began = performance.now()
  while ((await scene.routeCount()) === before && before !== wanted) {
    began = performance.now()
    await scene.sleep(POLL_MS)
  }
  const off = await until(wanted)
  const ms = performance.now() - began
  await worked
  return { ms, off }
}

/** Of the router's routes to the other routers, which come a moment after these are its neighbours. */
async function steadyCount() {
  let count = await scene.routeCount()
  for (let since = performance.now(); performance.now() - since < STEADY_MS; await scene.sleep(POLL_MS)) {
    const now = await scene.routeCount()
    if (now !== count) since = performance.now()
    count = now
  }
  return count
}

/** Until the router has so many routes; by how many it is off when nothing changes any more. */
async function until(wanted) {
  let last = -1
  let changed = performance.now()
  for (;;) {
    const count = await scene.routeCount()
    if (count === wanted) return 0
    if (count !== last) changed = performance.now()
    last = count
    if (performance.now() - changed > LIMIT_MS) return Math.abs(count - wanted)
    await scene.sleep(POLL_MS)
  }
}
