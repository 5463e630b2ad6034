// flow ADDRESS PORT - its process id, then what is answered to datagrams that it sends all the time from one port of its own.
import { createSocket } from 'node:dgram'

const [address, port] = process.argv.slice(2)
const PAUSE_MS = 100

process.stdout.write(`${process.pid}\n`)
const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
socket.on('message', (answer) => process.stdout.write(answer))
// Nobody listens yet: the kernel tells it.
socket.on('error', () => undefined)
socket.bind(0, () => setInterval(() => socket.send('?', Number(port), address, () => undefined), PAUSE_MS))
