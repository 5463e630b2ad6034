// gone HOST SUBNET COUNT - so many callers that ask for an address and are gone before they can be answered.
import { createConnection } from 'node:net'
import { engineOn } from '../../bench/engine.mjs'
import { pathIn } from '../../bench/lab.mjs'

const [host, subnet, count] = process.argv.slice(2)
const { poolId: PoolID, networkId } = await engineOn(host, subnet)
const payload = JSON.stringify({ PoolID, Address: '', Options: null })
const head = `POST /IpamDriver.RequestAddress HTTP/1.1\r\nHost: \r\nContent-Length: ${payload.length}\r\n\r\n`

for (let at = 0; at < Number(count); at++) await askAndGo()
console.log(networkId)

function askAndGo() {
  return new Promise((resolve, reject) => {
    const connection = createConnection(pathIn(host, '/run/docker/plugins/net-routed.sock'))
    connection.on('error', reject)
    connection.on('close', resolve)
    connection.write(head + payload, () => connection.destroy())
  })
}
