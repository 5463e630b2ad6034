// gone HOST SUBNET COUNT - so many callers that ask for an address and are gone before they can be answered, because the
// daemon is held up meanwhile. Prints the id of their network.
import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { engineOn } from '../../bench/engine.mjs'
import { on, pathIn } from '../../bench/lab.mjs'

const [host, subnet, count] = process.argv.slice(2)
const { poolId: PoolID, networkId } = await engineOn(host, subnet)
const payload = JSON.stringify({ PoolID, Address: '', Options: null })
const head = `POST /IpamDriver.RequestAddress HTTP/1.1\r\nHost: \r\nContent-Length: ${payload.length}\r\n\r\n`

const [daemon] = readFileSync(pathIn(host, '/run/daemon.lab'), 'utf8').split(' ')
await on(host, 'kill', '-STOP', daemon)
try {
  for (let at = 0; at < Number(count); at++) await askAndGo()
} finally {
  await on(host, 'kill', '-CONT', daemon)
}
console.log(networkId)

function askAndGo() {
  return new Promise((resolve, reject) => {
    const connection = createConnection(pathIn(host, '/run/docker/plugins/net-routed.sock'))
    connection.on('error', reject)
    connection.on('close', resolve)
    connection.write(head + payload, () => connection.destroy())
  })
}
