// endpoints HOST make SUBNET COUNT | remove SUBNET NETWORK - endpoints on a network of their own, made and removed by
// requests as dockerd sends them, without dockerd and without containers. `make` prints the network's id.
import { get } from 'node:http'
import { create, engineOn, join, leave, release, remove, reserve } from '../../bench/engine.mjs'
import { pathIn } from '../../bench/lab.mjs'
import { request } from '../../bench/request.mjs'

const CONCURRENCY = 50
const [host, verb, subnet, argument] = process.argv.slice(2)
const socketPath = pathIn(host, '/run/docker/plugins/net-routed.sock')

if (verb === 'make') await makeAll(Number(argument))
else await removeAll(argument)

async function makeAll(count) {
  const engine = await engineOn(host, subnet)
  await inParallel(Array.from({ length: count }), async () => {
    const endpoint = await reserve(engine)
    await create(engine, endpoint)
    await join(engine, endpoint)
  })
  console.log(engine.networkId)
}

async function removeAll(NetworkID) {
  const engine = { ask: (method, body) => request(socketPath, method, body), poolId: `local/${subnet}` }
  const { endpoints } = await status()
  const ours = endpoints.filter(({ network }) => network === NetworkID)
  await inParallel(ours, async ({ id: EndpointID, addresses: [address] }) => {
    await leave(engine, { NetworkID, EndpointID })
    await remove(engine, { NetworkID, EndpointID })
    await release(engine, { address })
  })
  await engine.ask('NetworkDriver.DeleteNetwork', { NetworkID })
  await engine.ask('IpamDriver.ReleasePool', { PoolID: engine.poolId })
}

async function inParallel(items, work) {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (const item of queue) await work(item)
    })
  )
}

async function status() {
  const response = await new Promise((resolve, reject) => {
    get({ socketPath, path: '/status' }, resolve).on('error', reject)
  })
  return JSON.parse((await response.toArray()).join(''))
}
