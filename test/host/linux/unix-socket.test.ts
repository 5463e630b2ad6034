import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import koffi from 'koffi'
import { close, receive, sendToUnixSocket } from '../../../src/host/linux/syscalls.js'
import { KernelError } from '../../../src/errors.js'

const AF_UNIX = 1
const SOCK_DGRAM = 2
const libc = koffi.load(null)
const sysSocket: (...args: [number, number, number]) => number = libc.func('int socket(int, int, int)')
const sysBind: (...args: [number, Buffer, number]) => number = libc.func(
  'int bind(int, const void *, uint32_t)'
)

describe('sendToUnixSocket', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'net-routed-'))
  })
  afterEach(() => {
    rmSync(directory, { recursive: true })
  })

  const names: Record<string, () => string> = {
    'in the file system': () => join(directory, 'notify'),
    'that is abstract': () => `@net-routed-test-${String(process.pid)}`
  }
  for (const [where, name] of Object.entries(names)) {
    it(`sends one datagram to a socket ${where}`, () => {
      const fd = listen(name())
      try {
        sendToUnixSocket(name(), 'READY=1')
        const buffer = Buffer.alloc(64)
        expect(receive(fd, buffer)).to.equal(7)
        expect(buffer.toString('utf8', 0, 7)).to.equal('READY=1')
        expect(receive(fd, buffer)).to.equal('nothing')
      } finally {
        close(fd)
      }
    })
  }

  it('says where nobody listens', () => {
    const name = join(directory, 'nobody')
    expect(() => {
      sendToUnixSocket(name, 'READY=1')
    }).to.throw(KernelError, `cannot send to ${name}: ENOENT`)
    expect(() => {
      sendToUnixSocket(`/${'x'.repeat(200)}`, 'READY=1')
    }).to.throw(KernelError, 'too long')
  })
})

function listen(name: string): number {
  const path = Buffer.from(name.replace(/^@/, '\0'))
  const address = Buffer.concat([Buffer.of(AF_UNIX, 0), path])
  const fd = sysSocket(AF_UNIX, SOCK_DGRAM, 0)
  expect(sysBind(fd, address, address.length)).to.equal(0)
  return fd
}
