// Thousands of routes at once, until a third router has all of them in its kernel, or none. By turns: routes made with ip under FRR
// as it is set up by hand, and addresses of containers. zebra has the buffer for kernel events that it takes by itself.
import { interleave } from '../interleave.mjs'
import { rowsOf } from '../rows.mjs'
import * as scene from '../routing/scene.mjs'
import { sizes } from '../sizes.mjs'

export const title = 'thousands of routes, from one host to the kernel of another'

const BY_HAND = 'FRR set up by hand'
const [BARE] = scene.SIDES[BY_HAND].hosts
const [OURS] = scene.SIDES['net-routed'].hosts
/** After so long what is not there is missing, and what is there is stale. */
const LIMIT_MS = 60_000
const POLL_MS = 50

export async function measure() {
  await scene.raise({ grace: 0, zebra: '' })
  try {
    await scene.addLink(BARE)
    const rows = []
    for (const count of sizes.bulk) rows.push(...(await measureCount(count)))
    return rows
  } finally {
    await scene.down()
  }
}

async function measureCount(count) {
  const results = await interleave(sizes.bulkRounds, {
    [BY_HAND]: () => routes(count),
    'net-routed': () => containers(count)
  })
  const row = (what, unit, field) =>
    rowsOf(
      { what: `${count} routes: ${what}`, unit, against: BY_HAND },
      Object.fromEntries(
        Object.entries(results).map(([name, lives]) => [name, lives.map((life) => life[field])])
      )
    )
  return [
    ...row('until the router has all', 'ms', 'added'),
    ...row(`missing there after ${LIMIT_MS / 1000} s`, 'routes', 'missing'),
    ...row('until the router has none', 'ms', 'removed'),
    ...row(`stale there after ${LIMIT_MS / 1000} s`, 'routes', 'stale')
  ]
}

/** What is stale is cleared by a restart of FRR, so that the next one starts with nothing. */
async function routes(count) {
  const { ms: added, off: missing } = await reaches(BARE, count, () => scene.batch(BARE, 'add', count))
  const { ms: removed, off: stale } = await reaches(BARE, 0, () => scene.batch(BARE, 'del', count))
  if (stale > 0) await scene.router(BARE, 'restart')
  await reaches(BARE, 0, () => scene.settled())
  return { added, missing, removed, stale }
}

/** Attached and drained first: what takes longest then is to give each its address, which is not what this is about. */
async function containers(count) {
  await scene.crowd(OURS, 'add', count)
  await reaches(OURS, count, () => scene.drainAll(OURS))
  await reaches(OURS, 0, () => undefined)
  const { ms: added, off: missing } = await reaches(OURS, count, () => scene.undrainAll(OURS))
  const { ms: removed, off: stale } = await reaches(OURS, 0, () => scene.crowd(OURS, 'delete', count))
  return { added, missing, removed, stale }
}

/** From the beginning of the work until the router has that many routes to the host; how many it was off by in the end. */
async function reaches(host, count, work) {
  const began = performance.now()
  const worked = work()
  for (;;) {
    const off = Math.abs((await scene.routeCount(host)) - count)
    const ms = performance.now() - began
    if (off === 0 || ms > LIMIT_MS) {
      await worked
      return { ms, off }
    }
    await scene.sleep(POLL_MS)
  }
}
