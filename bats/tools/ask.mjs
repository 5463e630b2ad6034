// ask ADDRESS PORT - sends a UDP packet and prints what the same address and port answer within a second.
import { createSocket } from 'node:dgram'

const PATIENCE_MS = 1_000
const [address, port] = process.argv.slice(2)
const socket = createSocket('udp4')
// Connected: answers from anywhere else are not heard.
socket.connect(Number(port), address, () => {
  socket.send('asked')
})
socket.on('message', (answer) => {
  process.stdout.write(answer)
  process.exit()
})
setTimeout(() => process.exit(1), PATIENCE_MS)
