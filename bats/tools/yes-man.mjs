// yes-man SOCKET... - a plugin that grants everything and does nothing, in the place of a daemon that does not run:
// dockerd goes on at once, where it would try for a minute, and the daemon never hears of it.
import { createServer } from 'node:http'

for (const socket of process.argv.slice(2)) {
  createServer((_request, response) => {
    response.end(JSON.stringify({ Implements: ['NetworkDriver', 'IpamDriver'] }))
  }).listen(socket)
}
