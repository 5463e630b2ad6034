// answer PORT TEXT - answers whatever comes to the port, by TCP or UDP, IPv4 or IPv6, with a line: TEXT and the client's
// address.
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

const [port, text] = process.argv.slice(2)
const line = (address) => `${text} ${address.replace('::ffff:', '')}\n`

createServer((client) => {
  client.on('error', () => undefined)
  client.end(line(client.remoteAddress ?? ''))
}).listen(Number(port), '::')
const udp = createSocket('udp6')
udp.on('message', (_, { address, port: from }) => udp.send(line(address), from, address))
udp.bind(Number(port), '::')
