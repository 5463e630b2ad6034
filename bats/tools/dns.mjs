// dns.mjs NAME FILE - answers on UDP port 53 for one name with the IPv4 address that is in a file, for a second; an empty file is no answer at all.
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'

const [name, file] = process.argv.slice(2)
const [TYPE_A, HEADER_BYTES, ANSWER, NO_SUCH_NAME] = [1, 12, 0x8180, 0x8183]
const TTL_SECONDS = 1

const asked = Buffer.concat([
  ...name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)])),
  Buffer.of(0)
])

function addressesIn(text) {
  return text.split(/\s+/).filter((word) => word !== '')
}

function answerTo(query, addresses) {
  const question = query.subarray(HEADER_BYTES, query.indexOf(0, HEADER_BYTES) + 5)
  const isKnown = question.subarray(0, -4).toString().toLowerCase() === asked.toString()
  const type = question.readUInt16BE(question.length - 4)
  const records = (isKnown && type === TYPE_A ? addresses : []).map((address) => {
    const record = Buffer.from('c00c0001000100000000000400000000', 'hex')
    record.writeUInt32BE(TTL_SECONDS, 6)
    Buffer.from(address.split('.').map(Number)).copy(record, 12)
    return record
  })
  const header = Buffer.alloc(HEADER_BYTES)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(isKnown ? ANSWER : NO_SUCH_NAME, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, question, ...records])
}

const socket = createSocket('udp4')
socket.on('message', (query, { port, address }) => {
  const addresses = addressesIn(readFileSync(file, 'utf8'))
  if (addresses.length > 0) socket.send(answerTo(query, addresses), port, address)
})
socket.bind(53)
