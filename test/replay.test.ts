/**
 * Every recorded conversation of a real engine, played against the daemon over a real socket: the same requests, our own
 * pool ids and addresses echoed as dockerd would echo them. Where the recording plugin failed on purpose, ours is made to
 * fail; where it broke the connection, so do we.
 */
import { createConnection } from 'node:net'
import { expect } from 'chai'
import type { DefaultPool } from '../src/ipam/subnets.js'
import { parseIp, parsePrefix } from '../src/model/ip.js'
import { errorFaultsOf, faultsOf } from './docker-rules.js'
import { Book } from './replay/book.js'
import { containersBefore, networksBefore } from './replay/before.js'
import { methodOf, recordings, wasRefused } from './replay/recording.js'
import type { RecordedCall, Recording } from './replay/recording.js'
import { Translation } from './replay/translation.js'
import { withRig } from './support/daemon.js'
import type { Rig } from './support/daemon.js'
import { eventually } from './support/eventually.js'
import { at, textAt } from './support/json.js'
import { withPlugin } from './support/plugin.js'
import type { Plugin } from './support/plugin.js'

const POOLS: readonly DefaultPool[] = [
  { base: parsePrefix('10.210.0.0/16'), size: 24 },
  { base: parsePrefix('fd00:210::/56'), size: 64 }
]
/** The recording plugin answered this gateway in the data of its pools. */
const DATA_GATEWAY = parseIp('169.254.1.1')
/** Methods that can be made to fail; the others have nothing to fail at. */
const FALLIBLE =
  /CreateNetwork|CreateEndpoint|Join|Leave|DeleteEndpoint|RequestPool|RequestAddress|ReleaseAddress/
const TAKES_NO_BODY = /Activate|GetCapabilities|GetDefaultAddressSpaces/

describe('replay of recorded conversations', () => {
  for (const recording of recordings()) {
    it(`${recording.name} (${recording.docker}): ${recording.description}`, () => replay(recording))
  }
})

interface Session {
  readonly rig: Rig
  readonly plugin: Plugin
  readonly book: Book
  readonly translation: Translation
  readonly recording: Recording
}

async function replay(recording: Recording): Promise<void> {
  const gateway = recording.name.includes('gateway-from-pool-data') ? { gateway: DATA_GATEWAY } : {}
  await withRig({ config: { defaultAddressPool: POOLS, ...gateway } }, async (rig) => {
    await withPlugin({ methods: rig.daemon.methods }, async (plugin) => {
      const session = { rig, plugin, book: new Book(), translation: new Translation(), recording }
      await prepare(session)
      const faults: string[] = []
      for (const [index, { command, calls }] of recording.steps.entries()) {
        for (const call of calls) {
          const found = await play(session, call)
          faults.push(...found.map((fault) => `step ${String(index)} (${command}): ${fault}`))
        }
      }
      expect(faults).to.deep.equal([])
      expect(plugin.bugs).to.deep.equal([])
      await expectRightState(session)
    })
  })
}

/** A removal that failed is done by the daemon itself, later. */
async function expectRightState({ rig, book }: Session): Promise<void> {
  await rig.daemon.upkeep()
  const differences = (): readonly string[] => book.differences(rig.daemon, rig.host)
  try {
    await eventually('the state is what Docker believes', () => differences().length === 0)
  } finally {
    expect(differences()).to.deep.equal([])
  }
}

async function play(session: Session, call: RecordedCall): Promise<readonly string[]> {
  const { plugin, book, translation, rig } = session
  const method = methodOf(call)
  const request = call.request === null ? undefined : translation.translate(call.request)
  if (call.status === undefined) {
    await sendAndHangUp(plugin, call.path, request)
    book.note(method, request, method.endsWith('CreateEndpoint') ? {} : undefined)
    return []
  }
  const mustFail = mustBeRefused(session, call)
  if (mustFail && request !== undefined) breakDown(rig, method)
  const { status, body } = await plugin.post(call.path, request)
  repair(rig)
  const exchange = { method, request, status, body }
  if (mustFail || (status !== 200 && mayBeRefused(session, call))) {
    book.note(method, request, undefined)
    return errorFaultsOf(exchange)
  }
  const faults = faultsOf(exchange, book.addressesOf(textAt(request, 'EndpointID')))
  if (status !== 200) return faults
  translation.learn(method, call, body)
  return [...faults, ...book.note(method, request, body)]
}

/** Empty bodies are what Docker's retries send; failures of the recording plugin are repeated. */
function mustBeRefused({ recording }: Session, call: RecordedCall): boolean {
  const method = methodOf(call)
  if (call.request === null) return !TAKES_NO_BODY.test(method)
  // The recording plugin could not join twice. Ours must.
  if (recording.name === 'sandbox-refresh-rejoin') return false
  return wasRefused(call) && FALLIBLE.test(method)
}

/** We say that nothing need be requested again at dockerd's start, so what the recording requests again is taken. */
function mayBeRefused({ recording }: Session, call: RecordedCall): boolean {
  return recording.name.includes('replay') && /Request(Pool|Address)/.test(call.path)
}

function breakDown({ host, store }: Rig, method: string): void {
  if (/Leave|DeleteEndpoint/.test(method)) host.refuse = () => 'EBUSY'
  else store.refuse = () => 'no space left on device'
}

function repair({ host, store }: Rig): void {
  host.refuse = () => undefined
  store.refuse = () => undefined
}

/** Docker's side of a connection that breaks when the request is sent. */
function sendAndHangUp({ socketPath }: Plugin, path: string, request: unknown): Promise<void> {
  const body = JSON.stringify(request)
  const head = `POST ${path} HTTP/1.1\r\nHost:\r\nContent-Length: ${String(Buffer.byteLength(body))}\r\n\r\n`
  return new Promise((resolve, reject) => {
    const connection = createConnection(socketPath, () => {
      connection.write(head + body, () => connection.destroy())
    })
    connection.on('close', () => {
      resolve()
    })
    connection.on('error', reject)
  })
}

/** Makes what the recorded host had, with the calls that made it there. */
async function prepare({ plugin, book, translation, recording }: Session): Promise<void> {
  const ask = async (method: string, request: object): Promise<unknown> => {
    const { status, body } = await plugin.post(`/${method}`, request)
    expect(status, `${method} before the recording: ${textAt(body, 'Err')}`).to.equal(200)
    book.note(method, request, body)
    return body
  }
  for (const { id, subnets } of networksBefore(recording)) {
    const data: object[] = []
    for (const subnet of subnets) {
      const AddressSpace = 'net-routed-local'
      const pool = await ask('IpamDriver.RequestPool', {
        AddressSpace,
        Pool: subnet,
        V6: subnet.includes(':')
      })
      const PoolID = textAt(pool, 'PoolID')
      translation.learnPool(`fake-local/${subnet}`, PoolID)
      const given = textAt(pool, 'Data', 'com.docker.network.gateway')
      const Options = { RequestAddressType: 'com.docker.network.gateway' }
      const gateway =
        given === '' ? await ask('IpamDriver.RequestAddress', { PoolID, Address: '', Options }) : {}
      const Gateway = given === '' ? textAt(gateway, 'Address') : given
      translation.learnAddress(`${subnet.replace(/0\/\d+$/, '').replace(/::\/\d+$/, '::')}1`, Gateway)
      data.push({ AddressSpace, Pool: subnet, Gateway })
    }
    const [IPv4Data, IPv6Data] = [data.slice(0, 1), data.slice(1)]
    await ask('NetworkDriver.CreateNetwork', { NetworkID: id, IPv4Data, IPv6Data, Options: {} })
  }
  for (const { endpointId, subnets, host } of containersBefore(recording)) {
    const addresses: string[] = []
    for (const subnet of subnets) {
      const Address = subnet.replace(
        /(::|0)\/\d+$/,
        (_all, zero: string) => `${zero === '0' ? '' : zero}${String(host)}`
      )
      const PoolID = translation.translate(`fake-local/${subnet}`)
      addresses.push(String(at(await ask('IpamDriver.RequestAddress', { PoolID, Address }), 'Address')))
    }
    const [Address = '', AddressIPv6 = ''] = addresses
    const network = networksBefore(recording).find((candidate) => candidate.subnets[0] === subnets[0])
    const ref = { NetworkID: network?.id, EndpointID: endpointId }
    await ask('NetworkDriver.CreateEndpoint', { ...ref, Interface: { Address, AddressIPv6, MacAddress: '' } })
    await ask('NetworkDriver.Join', {
      ...ref,
      SandboxKey: `/var/run/docker/netns/${endpointId.slice(0, 12)}`
    })
  }
}
