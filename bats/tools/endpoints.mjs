// endpoints HOST make SUBNET COUNT | remove SUBNET - a network and endpoints on it, made by requests as dockerd sends
// them, without dockerd and without containers. `make` prints the network's id.
import { create, engineOn, join, reserve } from '../../bench/engine.mjs'
import { pathIn } from '../../bench/lab.mjs'
import { request } from '../../bench/request.mjs'

const CONCURRENCY = 50
const [host, verb, subnet, count] = process.argv.slice(2)

if (verb === 'make') await make()
else await remove()

async function make() {
  const engine = await engineOn(host, subnet)
  const queue = Array.from({ length: Number(count) }).keys()
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (const _ of queue) {
        const endpoint = await reserve(engine)
        await create(engine, endpoint)
        await join(engine, endpoint)
      }
    })
  )
  console.log(engine.networkId)
}

/** Of a network the engine has removed, the daemon drops what is left. */
async function remove() {
  const socket = pathIn(host, '/run/docker/plugins/net-routed.sock')
  await request(socket, 'NetworkDriver.DeleteNetwork', { NetworkID: count })
  await request(socket, 'IpamDriver.ReleasePool', { PoolID: `local/${subnet}` })
}
