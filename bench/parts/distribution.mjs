// From the Join answer to the route in another host's kernel, by OSPF. FRR does not wait until dockerd has moved the
// container's end of the link and set it up, so neither does this; on one machine that would hold up the other host too,
// for all namespaces share one lock.
import { createInterface } from 'node:readline'
import { create, engineOn, join, leave, release, remove, reserve } from '../engine.mjs'
import { interleave } from '../interleave.mjs'
import { down, startInNetwork, up } from '../lab.mjs'
import { rowsOf } from '../rows.mjs'
import { sizes } from '../sizes.mjs'
import { stopwatch } from '../stopwatch.mjs'

export const title = 'from a host to the kernel of another one'

const BARE = { link: 'bare', address: '10.2.0.1' }
const DEADLINE_MS = 15_000
const PAUSE_MS = 200

export async function measure() {
  await up(2, { DOCKER: '0' })
  try {
    const lab = { run: stopwatch(1), here: monitorRoutes(1), there: monitorRoutes(2) }
    await lab.run('ip', 'link', 'add', BARE.link, 'up', 'type', 'veth', 'peer', 'name', 'bare-peer')
    await lab.run('ip', 'link', 'set', 'bare-peer', 'up')
    const engine = await engineOn(1, '10.1.0.0/16')
    const lives = await interleave(sizes.distributionRounds, {
      'ip route': () => lifeOfRoute(lab),
      'net-routed': () => lifeOfEndpoint(lab, engine)
    })
    return rowsOfLives(lives)
  } finally {
    await down()
  }
}

function rowsOfLives({ 'ip route': routes, 'net-routed': endpoints }) {
  const of = (lives, field) => lives.map((life) => life[field])
  const added = 'a route made with ip, from its being in this kernel'
  const deleted = 'a route deleted with ip, from its being gone here'
  return [
    ...rowsOf(
      { what: "until the route is in the other host's kernel", unit: 'ms', against: added, tail: true },
      {
        [added]: of(routes, 'added'),
        'net-routed, from the Join answer': of(endpoints, 'fromAnswer'),
        'net-routed, from the Join request': of(endpoints, 'fromRequest')
      }
    ),
    ...rowsOf(
      { what: 'until the route is gone there', unit: 'ms', against: deleted, tail: true },
      { [deleted]: of(routes, 'deleted'), 'net-routed, from the Leave request': of(endpoints, 'gone') }
    )
  ]
}

/** From the route in this host's kernel, so that the time `ip` takes is not in. */
async function lifeOfRoute({ run, here, there }) {
  const change = async (verb) => {
    const seen = [here, there].map((monitor) => monitor.next(verb === 'delete', BARE.address))
    await run('ip', 'route', verb, `${BARE.address}/32`, 'dev', BARE.link, 'proto', '200')
    const [begin, end] = await Promise.all(seen)
    await pause()
    return end - begin
  }
  return { added: await change('add'), deleted: await change('delete') }
}

async function lifeOfEndpoint({ there }, engine) {
  const endpoint = await reserve(engine)
  const [address] = endpoint.address.split('/')
  await create(engine, endpoint)
  const appears = there.next(false, address)
  const requested = performance.now()
  await join(engine, endpoint)
  const joined = performance.now()
  const appeared = await appears
  await pause()
  const disappears = there.next(true, address)
  const leaving = performance.now()
  await leave(engine, endpoint)
  const gone = await disappears
  await remove(engine, endpoint)
  await release(engine, endpoint)
  await pause()
  return { fromRequest: appeared - requested, fromAnswer: appeared - joined, gone: gone - leaving }
}

/** Routes as they come and go in a host: `next` gives the time of the next event about an address. */
function monitorRoutes(host) {
  const child = startInNetwork(host, 'ip', '-4', 'monitor', 'route')
  const waiting = new Map()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const time = performance.now()
    const [, deleted, address] = /^(Deleted )?(?:unicast )?([\d.]+) /.exec(line) ?? []
    const key = `${deleted !== undefined} ${address}`
    waiting.get(key)?.(time)
    waiting.delete(key)
  })
  const next = (isDeleted, address) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${address}: no event within ${DEADLINE_MS} ms`)),
        DEADLINE_MS
      )
      waiting.set(`${isDeleted} ${address}`, (time) => {
        clearTimeout(timer)
        resolve(time)
      })
    })
  return { next }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
