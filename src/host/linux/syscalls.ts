/**
 * The system calls that Node does not offer, through FFI: the only unsafe file. A buffer handed to an asynchronous call
 * stays referenced by the call's closure until it returns, so the memory outlives the call.
 */
import { constants } from 'node:os'
import koffi from 'koffi'
import type { KoffiFunc } from 'koffi'
import { KernelError } from '../../errors.js'
import { AF, CLONE_NEWNET, F, LOCK, MSG_DONTWAIT, O, SOCK, SOL } from './constants.js'

type Call<A extends unknown[]> = (...args: A) => number

const SOCKADDR_NL_SIZE = 12
/** sockaddr_un: of the path that follows the family. */
const UNIX_PATH_SIZE = 108
const INT_SIZE = 4

const libc = koffi.load(null)
const sysSocket: Call<[number, number, number]> = libc.func('int socket(int, int, int)')
const sysBind: Call<[number, Buffer, number]> = libc.func('int bind(int, const void *, uint32_t)')
const sysSetsockopt: Call<[number, number, number, Buffer, number]> = libc.func(
  'int setsockopt(int, int, int, const void *, uint32_t)'
)
const sysSend: KoffiFunc<Call<[number, Buffer, number, number]>> = libc.func(
  'long send(int, const void *, size_t, int)'
)
const sysSendTo: Call<[number, Buffer, number, number, Buffer, number]> = libc.func(
  'long sendto(int, const void *, size_t, int, const void *, uint32_t)'
)
const sysRecv: KoffiFunc<Call<[number, Buffer, number, number]>> = libc.func(
  'long recv(int, _Out_ void *, size_t, int)'
)
const sysFcntl: Call<[number, number, 'int', number]> = libc.func('int fcntl(int, int, ...)')
const sysSetns: Call<[number, number]> = libc.func('int setns(int, int)')
const sysOpen: Call<[string, number]> = libc.func('int open(const char *, int, ...)')
const sysFlock: Call<[number, number]> = libc.func('int flock(int, int)')
const sysClose: Call<[number]> = libc.func('int close(int)')

/** Of two names for one number (EAGAIN, EWOULDBLOCK) the first. */
const namesByErrno = new Map(
  Object.entries(constants.errno)
    .map(([name, number]) => [number, name] as const)
    .reverse()
)

/** Symbolic name of an errno: `EEXIST`, or `E526` for one that has none here. */
export function errnoName(errno: number): string {
  return namesByErrno.get(errno) ?? `E${String(errno)}`
}

/** Opens a non-blocking netlink socket in the network namespace of the calling thread; it stays in it for ever. */
export function openNetlink(protocol: number): number {
  const fd = checked(
    sysSocket(AF.NETLINK, SOCK.RAW | SOCK.NONBLOCK | SOCK.CLOEXEC, protocol),
    'open a netlink socket'
  )
  const address = Buffer.alloc(SOCKADDR_NL_SIZE)
  address.writeUInt16LE(AF.NETLINK)
  checked(sysBind(fd, address, address.length), 'bind a netlink socket')
  return fd
}

/** Sets a socket option of type int. False where the kernel does not have it or does not permit it. */
export function setOption(fd: number, level: number, option: number, value: number): boolean {
  const bytes = Buffer.alloc(INT_SIZE)
  bytes.writeInt32LE(value)
  return sysSetsockopt(fd, level, option, bytes, bytes.length) === 0
}

/** Joins a multicast group of a netlink socket. */
export function joinGroup(fd: number, option: number, group: number): void {
  if (!setOption(fd, SOL.NETLINK, option, group)) throw failure(`join netlink group ${String(group)}`)
}

/** Sends a datagram to a unix socket; a name that begins with @ is not in the file system. Throws if nobody has it. */
export function sendToUnixSocket(name: string, text: string): void {
  const path = Buffer.from(name.replace(/^@/, '\0'))
  if (path.length >= UNIX_PATH_SIZE) throw new KernelError('ENAMETOOLONG', `cannot send to ${name}: too long`)
  const address = Buffer.alloc(2 + path.length)
  address.writeUInt16LE(AF.UNIX)
  path.copy(address, 2)
  const data = Buffer.from(text)
  const fd = checked(sysSocket(AF.UNIX, SOCK.DGRAM | SOCK.CLOEXEC, 0), 'open a unix socket')
  try {
    checked(sysSendTo(fd, data, data.length, MSG_DONTWAIT, address, address.length), `send to ${name}`)
  } finally {
    close(fd)
  }
}

/** Sends to the kernel in a thread of the pool, because it waits there for locks that others hold. */
export function send(fd: number, message: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    sysSend.async(fd, message, message.length, 0, (error: unknown, sent: number) => {
      if (error instanceof Error) reject(error)
      else if (sent < 0) reject(failure('send to the kernel'))
      else resolve(sent)
    })
  })
}

/** Fills `buffer` in a thread of the pool. Never waits: throws KernelError EAGAIN if there is nothing. */
export function receiveLater(fd: number, buffer: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    sysRecv.async(fd, buffer, buffer.length, MSG_DONTWAIT, (error: unknown, received: number) => {
      if (error instanceof Error) reject(error)
      else if (received < 0) reject(failure('receive from the kernel'))
      else resolve(received)
    })
  })
}

/** Fills `buffer` with the next datagram that has arrived. */
export function receive(fd: number, buffer: Buffer): number | 'nothing' | 'lost' {
  const received = sysRecv(fd, buffer, buffer.length, MSG_DONTWAIT)
  if (received >= 0) return received
  switch (errnoName(koffi.errno())) {
    case 'EAGAIN':
      return 'nothing'
    case 'ENOBUFS':
      return 'lost'
    case 'EINTR':
      return receive(fd, buffer)
    default:
      throw failure('receive from the kernel')
  }
}

/** Asks the kernel to send this process a signal whenever something arrives: fcntl(2), F_SETSIG. */
export function signalOnInput(fd: number, signal: number): void {
  checked(sysFcntl(fd, F.SETOWN, 'int', process.pid), 'own a socket')
  checked(sysFcntl(fd, F.SETSIG, 'int', signal), 'choose a signal')
  const flags = checked(sysFcntl(fd, F.GETFL, 'int', 0), 'read file flags')
  checked(sysFcntl(fd, F.SETFL, 'int', flags | O.ASYNC), 'ask for signals')
}

/** Opens a directory and locks it exclusively. Throws KernelError EAGAIN if another process holds the lock. */
export function openLocked(path: string): number {
  const fd = checked(sysOpen(path, O.RDONLY | O.DIRECTORY | O.CLOEXEC), `open ${path}`)
  if (sysFlock(fd, LOCK.EX | LOCK.NB) === 0) return fd
  const error = failure(`lock ${path}`)
  close(fd)
  throw error
}

/** Moves the calling thread, and only it, to the network namespace of an open file. */
export function enterNetns(fd: number): void {
  checked(sysSetns(fd, CLONE_NEWNET), 'enter a network namespace')
}

/** Closes a file descriptor. */
export function close(fd: number): void {
  checked(sysClose(fd), 'close a file descriptor')
}

function checked(result: number, what: string): number {
  if (result < 0) throw failure(what)
  return result
}

function failure(what: string): KernelError {
  const errno = errnoName(koffi.errno())
  return new KernelError(errno, `cannot ${what}: ${errno}`)
}
