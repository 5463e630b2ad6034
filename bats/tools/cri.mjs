// cri SOCKET METHOD [NAME] - a call of the container runtime interface (runtime.v1.RuntimeService), as a kubelet makes it: RunPodSandbox
// prints the id of the pod, PodSandboxStatus its addresses, StopPodSandbox and RemovePodSandbox nothing. Messages are few and
// small, so that they are written here, by field number (cri-api, runtime/v1/api.proto).
import http2 from 'node:http2'
import net from 'node:net'

const [socket, method, name] = process.argv.slice(2)
const METHODS = {
  RunPodSandbox: { request: () => field(1, sandboxOf(name)), show: (answer) => texts(answer, 1) },
  PodSandboxStatus: { request: () => field(1, name), show: (answer) => addressesIn(texts(answer, 1)[0]) },
  StopPodSandbox: { request: () => field(1, name), show: () => [] },
  RemovePodSandbox: { request: () => field(1, name), show: () => [] }
}

const answer = await call(METHODS[method].request())
for (const line of METHODS[method].show(answer)) console.log(line.toString())

function sandboxOf(pod) {
  const metadata = Buffer.concat([field(1, pod), field(2, `uid-${pod}`), field(3, 'default')])
  return Buffer.concat([field(1, metadata), field(2, pod), field(3, '/tmp')])
}

function addressesIn(status) {
  const [network] = texts(status, 5)
  return [...texts(network, 1), ...texts(network, 2).flatMap((more) => texts(more, 1))]
}

function call(message) {
  const session = http2.connect('http://localhost', { createConnection: () => net.connect(socket) })
  return new Promise((resolve, reject) => {
    session.on('error', reject)
    const stream = session.request({
      ':method': 'POST',
      ':path': `/runtime.v1.RuntimeService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers'
    })
    const parts = []
    let failure
    const look = (headers) => {
      if ((headers['grpc-status'] ?? '0') !== '0') failure = decodeURIComponent(headers['grpc-message'])
    }
    stream.on('response', look)
    stream.on('trailers', look)
    stream.on('data', (part) => parts.push(part))
    stream.on('close', () => {
      session.close()
      if (failure === undefined) resolve(Buffer.concat(parts).subarray(5))
      else reject(new Error(failure))
    })
    const head = Buffer.alloc(5)
    head.writeUInt32BE(message.length, 1)
    stream.end(Buffer.concat([head, message]))
  })
}

/** A field of text or of a message. */
function field(number, value) {
  const bytes = Buffer.from(value)
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])
}

function varint(value) {
  const bytes = []
  for (let left = value; ; left >>>= 7) {
    if (left < 128) return Buffer.from([...bytes, left])
    bytes.push((left & 127) | 128)
  }
}

/** The fields with that number, of text or of a message. */
function texts(message, number) {
  const found = []
  for (let at = 0; at < message.length; ) {
    let key, length
    ;[key, at] = readVarint(message, at)
    ;[length, at] = readVarint(message, at)
    if ((key & 7) === 0) continue
    if ((key & 7) !== 2) throw new Error(`wire type ${key & 7} is not expected`)
    if (key >> 3 === number) found.push(message.subarray(at, at + length))
    at += length
  }
  return found
}

function readVarint(message, start) {
  let value = 0
  for (let at = start, factor = 1; ; at++, factor *= 128) {
    value += (message[at] & 127) * factor
    if (message[at] < 128) return [value, at + 1]
  }
}
