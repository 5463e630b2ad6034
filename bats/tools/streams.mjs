// streams serve PORT - sends back what comes on its connection.
// streams hold ADDRESS PORT COUNT - opens COUNT connections to it, sends a letter on each ten times a second until SIGINT, waits
// until all are back, and prints: CONNECTIONS BROKEN LETTERS MISSING.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const INTERVAL_MS = 100
/** After half a minute without a way TCP may send again only after as long. */
const PATIENCE_MS = 60_000
const [mode, ...rest] = process.argv.slice(2)
if (mode === 'serve') serve(Number(rest[0]))
else await hold(rest[0], Number(rest[1]), Number(rest[2]))

function serve(port) {
  createServer((client) => {
    client.on('error', () => undefined)
    client.setNoDelay().pipe(client)
  }).listen(port, '::')
}

async function hold(address, port, count) {
  const end = once(process, 'SIGINT')
  const streams = await Promise.all(Array.from({ length: count }, () => open(address, port)))
  console.log('open')
  const timer = setInterval(() => {
    for (const stream of streams) {
      stream.sent++
      stream.socket.write('x')
    }
  }, INTERVAL_MS)
  await end
  clearInterval(timer)
  const deadline = performance.now() + PATIENCE_MS
  while (missing(streams) > 0 && performance.now() < deadline) await sleep(INTERVAL_MS)
  const broken = streams.filter(({ isBroken }) => isBroken).length
  const letters = streams.reduce((sum, { sent }) => sum + sent, 0)
  console.log(count, broken, letters, missing(streams))
  process.exit()
}

async function open(address, port) {
  const socket = connect(port, address).setNoDelay()
  const stream = { socket, sent: 0, received: 0, isBroken: false }
  await once(socket, 'connect')
  socket.on('data', ({ length }) => (stream.received += length))
  socket.on('error', () => undefined)
  socket.on('close', () => (stream.isBroken = true))
  return stream
}

function missing(streams) {
  return streams.reduce((sum, { sent, received }) => sum + sent - received, 0)
}
