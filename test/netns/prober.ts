/**
 * One program in each namespace of a test: it answers on ports, and tells whom it can reach. A line of JSON in is a list of
 * probes, a line out the list of outcomes.
 */
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { answerSctp, askSctp } from './sctp.js'

export interface Probe {
  readonly protocol: 'tcp' | 'udp' | 'sctp' | 'icmp'
  readonly address: string
  readonly port: number
}

/** `refused`: somebody said so. */
export type Outcome = 'open' | 'refused' | 'silent'

const PROBES_AT_ONCE = 24
const SECOND_MS = 1000

/** UDP and SCTP at each address, so that an answer comes from where the question went. */
async function serve(ports: readonly number[], addresses: readonly string[]): Promise<void> {
  answerSctp(ports, 'sctp', addresses)
  for (const port of ports) {
    const server = createServer((socket) => socket.end())
    await new Promise<void>((resolve) => server.listen(port, '::', resolve))
    for (const address of addresses) {
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
      socket.on('message', (text, from) => {
        socket.send(text, from.port, from.address)
      })
      socket.on('error', () => undefined)
      await new Promise<void>((resolve) => socket.bind(port, address, resolve))
    }
  }
}

function probe(one: Probe, limitMs: number): Promise<Outcome> {
  switch (one.protocol) {
    case 'tcp':
      return probeTcp(one, limitMs)
    case 'udp':
      return probeUdp(one, limitMs)
    case 'sctp':
      return probeSctp(one, limitMs)
    case 'icmp':
      return probeIcmp(one, limitMs)
  }
}

function probeTcp({ address, port }: Probe, limitMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: limitMs })
    const end = (outcome: Outcome): void => {
      resolve(outcome)
      socket.destroy()
    }
    socket.on('connect', () => {
      end('open')
    })
    socket.on('timeout', () => {
      end('silent')
    })
    socket.on('error', () => {
      end('refused')
    })
  })
}

function probeUdp({ address, port }: Probe, limitMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    const end = (outcome: Outcome): void => {
      clearTimeout(timer)
      resolve(outcome)
      socket.removeAllListeners()
      socket.on('error', () => undefined)
      socket.close()
    }
    const timer = setTimeout(() => {
      end('silent')
    }, limitMs)
    socket.on('message', () => {
      end('open')
    })
    socket.on('error', () => {
      end('refused')
    })
    socket.connect(port, address, () => {
      socket.send('?')
    })
  })
}

async function probeSctp({ address, port }: Probe, limitMs: number): Promise<Outcome> {
  const answer = await askSctp(address, port, limitMs)
  return answer === 'refused' || answer === 'silent' ? answer : 'open'
}

function probeIcmp({ address }: Probe, limitMs: number): Promise<Outcome> {
  const seconds = String(Math.ceil(limitMs / SECOND_MS))
  return new Promise((resolve) => {
    execFile('ping', ['-n', '-c', '1', '-W', seconds, '-w', seconds, address], (error, stdout) => {
      resolve(error === null ? 'open' : /from .*(prohibited|filtered)/i.test(stdout) ? 'refused' : 'silent')
    })
  })
}

async function probeAll(probes: readonly Probe[], limitMs: number): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (let at = 0; at < probes.length; at += PROBES_AT_ONCE)
    outcomes.push(
      ...(await Promise.all(probes.slice(at, at + PROBES_AT_ONCE).map((one) => probe(one, limitMs))))
    )
  return outcomes
}

const [ports = '', addresses = ''] = process.argv.slice(2)
await serve(ports.split(',').map(Number), addresses.split(','))
process.stdout.write('"ready"\n')
for await (const line of createInterface({ input: process.stdin })) {
  const { probes, limitMs } = JSON.parse(line) as { probes: Probe[]; limitMs: number }
  process.stdout.write(`${JSON.stringify(await probeAll(probes, limitMs))}\n`)
}
process.exit(0)
