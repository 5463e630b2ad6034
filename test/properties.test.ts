/**
 * Whatever is sent, every method answers as the protocol says, never as a bug, and an error changes nothing. Bodies are
 * what Docker sends, mutated: fields missing, of another type, huge, deeply nested, with null bytes and lone surrogates.
 */
import { expect } from 'chai'
import fc from 'fast-check'
import type { Log } from '../src/log.js'
import { errorFaultsOf } from './docker-rules.js'
import { snapshot, withRig } from './support/daemon.js'
import type { Rig } from './support/daemon.js'
import { LOCAL_SPACE, dockerId, sandboxOf } from './support/docker.js'
import { isObject } from './support/json.js'
import { withPlugin } from './support/plugin.js'
import type { Plugin } from './support/plugin.js'

const RUNS = 150
const DEPTH = 20_000
const NETWORK = dockerId(1)
const JOINED = { NetworkID: NETWORK, EndpointID: dockerId(2) }
const FRESH = { NetworkID: NETWORK, EndpointID: dockerId(3) }
const PORTS = [{ Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 }]
const OPTIONS = { 'com.docker.network.endpoint.exposedports': [], 'com.docker.network.portmap': PORTS }

/** A body of each method that Docker could send. */
const BODIES: Readonly<Record<string, object>> = {
  'Plugin.Activate': {},
  'NetworkDriver.GetCapabilities': {},
  'NetworkDriver.GwAllocCheck': { Options: { 'com.docker.network.generic': {} } },
  'NetworkDriver.AllocateNetwork': { NetworkID: NETWORK, Options: { a: 'b' }, IPv4Data: [], IPv6Data: null },
  'NetworkDriver.FreeNetwork': { NetworkID: NETWORK },
  'NetworkDriver.CreateNetwork': {
    NetworkID: dockerId(9),
    IPv4Data: [
      {
        AddressSpace: LOCAL_SPACE,
        Pool: '10.9.0.0/24',
        Gateway: '10.9.0.1/24',
        AuxAddresses: { a: '10.9.0.7/24' }
      }
    ],
    IPv6Data: [{ AddressSpace: LOCAL_SPACE, Pool: 'fd00:9::/64', Gateway: 'fd00:9::1/64' }],
    Options: {
      'com.docker.network.enable_ipv6': true,
      'com.docker.network.internal': true,
      'com.docker.network.generic': {
        'com.docker.network.driver.mtu': '1400',
        'com.docker.network.container_iface_prefix': 'eth'
      }
    }
  },
  'NetworkDriver.DeleteNetwork': { NetworkID: dockerId(8) },
  'NetworkDriver.CreateEndpoint': {
    ...FRESH,
    Interface: { Address: '10.1.0.9/32', AddressIPv6: 'fd00:1::9/128', MacAddress: '02:42:0a:01:00:09' },
    Options: { ...OPTIONS, 'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.rp_filter=2' }
  },
  'NetworkDriver.EndpointOperInfo': JOINED,
  'NetworkDriver.Join': { ...FRESH, SandboxKey: sandboxOf(FRESH.EndpointID), Options: OPTIONS },
  'NetworkDriver.Leave': FRESH,
  'NetworkDriver.DeleteEndpoint': FRESH,
  'NetworkDriver.ProgramExternalConnectivity': { ...JOINED, Options: OPTIONS },
  'NetworkDriver.RevokeExternalConnectivity': JOINED,
  'NetworkDriver.DiscoverNew': { DiscoveryType: 1, DiscoveryData: { Address: '192.0.2.1', Self: true } },
  'NetworkDriver.DiscoverDelete': { DiscoveryType: 1, DiscoveryData: {} },
  'IpamDriver.GetCapabilities': {},
  'IpamDriver.GetDefaultAddressSpaces': {},
  'IpamDriver.RequestPool': {
    AddressSpace: LOCAL_SPACE,
    Pool: '10.8.0.0/24',
    SubPool: '10.8.0.0/25',
    Options: {},
    V6: false
  },
  'IpamDriver.ReleasePool': { PoolID: 'local/10.7.0.0/24' },
  'IpamDriver.RequestAddress': {
    PoolID: 'local/10.1.0.0/24',
    Address: '10.1.0.8',
    Options: { RequestAddressType: 'x' }
  },
  'IpamDriver.ReleaseAddress': { PoolID: 'local/10.1.0.0/24', Address: '10.1.0.7' },
  'Admin.Forget': { Network: 'ffff' }
}

/** Values that no field expects. */
const ODDITIES = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1e308,
    '',
    ' ',
    '\0',
    '\ud800',
    '/',
    '..',
    '../../etc/passwd',
    '🐳'
  ),
  fc.constantFrom<unknown>(
    [],
    {},
    { toString: 1 },
    { length: 1e9 },
    { __proto__: null },
    { constructor: 1 },
    [[[]]]
  ),
  fc.constantFrom(
    '0.0.0.0/0',
    '::/0',
    '10.1.0.1',
    '10.1.0.0/33',
    'fd00::/129',
    '256.1.1.1',
    '1.2.3.4/5/6',
    '::ffff:1.2.3.4'
  ),
  fc.constantFrom(
    '10.1.0.255',
    '010.1.0.5',
    '10.1.0.5%eth0',
    'fe80::1%eth0',
    'fd00:1::1::1',
    '[fd00::1]',
    '1',
    '-1',
    '1e3'
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constant('x'.repeat(100_000)),
  fc.jsonValue()
)

describe('any body', () => {
  for (const [method, body] of Object.entries(BODIES)) {
    it(`to ${method} is answered, and an error changes nothing`, () =>
      withSubject(async (subject) => {
        await fc.assert(
          fc.asyncProperty(mutationOf(body), async (text) => {
            expect(await faultsOfAnswer(subject, method, text)).to.deep.equal([])
          }),
          { numRuns: RUNS, verbose: fc.VerbosityLevel.None }
        )
      }))
  }

  it('with a deeply nested value in any field is answered', () =>
    withSubject(async (subject) => {
      const deep = '['.repeat(DEPTH) + ']'.repeat(DEPTH)
      const textOf = (body: object, path: Path): string =>
        JSON.stringify(replaceAt(body, path, 'DEEP')).replace('"DEEP"', deep)
      expect(await faultsInAnyField(subject, textOf)).to.deep.equal([])
    }))

  it('with an object that has no text in any field is answered', () =>
    withSubject(async (subject) => {
      const textOf = (body: object, path: Path): string =>
        JSON.stringify(replaceAt(body, path, { toString: 1 }))
      expect(await faultsInAnyField(subject, textOf)).to.deep.equal([])
    }))

  it('with a lone surrogate in any field is answered', () =>
    withSubject(async (subject) => {
      const textOf = (body: object, path: Path): string => JSON.stringify(replaceAt(body, path, '\ud800'))
      expect(await faultsInAnyField(subject, textOf)).to.deep.equal([])
    }))
})

async function faultsInAnyField(
  subject: Subject,
  textOf: (body: object, path: Path) => string
): Promise<readonly string[]> {
  const faults: string[] = []
  for (const [method, body] of Object.entries(BODIES)) {
    for (const path of pathsOf(body)) {
      const found = await faultsOfAnswer(subject, method, textOf(body, path))
      faults.push(...found.map((fault) => `${method} ${path.join(' > ')}: ${fault}`))
    }
  }
  return faults
}

interface Subject {
  readonly rig: Rig
  readonly plugin: Plugin
}

/** Formats what it is told, as a real log does: what cannot be formatted must not be told. */
const formattingLog: Log = { error: format, warn: format, info: format, debug: format }

function format(message: string, fields?: Readonly<Record<string, unknown>>): void {
  JSON.stringify({ message, ...fields })
}

/** A daemon with a network and a joined endpoint. */
async function withSubject(test: (subject: Subject) => Promise<void>): Promise<void> {
  await withRig({ log: formattingLog }, async (rig) => {
    await rig.docker.createNetwork({ id: NETWORK, subnet: '10.1.0.0/24', subnet6: 'fd00:1::/64' })
    await rig.docker.run({ id: JOINED.EndpointID, network: NETWORK })
    await withPlugin({ methods: rig.daemon.methods, log: formattingLog }, (plugin) => test({ rig, plugin }))
  })
}

/** What is wrong with the answer to a body: a bug, an answer against the protocol, a change by an error. */
async function faultsOfAnswer(
  { rig, plugin }: Subject,
  method: string,
  text: string
): Promise<readonly string[]> {
  const before = JSON.stringify(snapshot(rig))
  const knownBugs = plugin.bugs.length
  const { status, body } = await plugin.send(`/${method}`, { body: text })
  const bugs = plugin.bugs.slice(knownBugs).map((bug) => `bug: ${String(bug)}`)
  if (status === 200) return isObject(body) ? bugs : [...bugs, 'the answer is not an object']
  const isChanged = JSON.stringify(snapshot(rig)) !== before
  return [
    ...bugs,
    ...errorFaultsOf({ method, request: text, status, body }),
    ...(isChanged ? ['the error changed something'] : [])
  ]
}

type Path = readonly (string | number)[]

/** The JSON text of a body with one or two fields gone, added or replaced; or of something else entirely. */
function mutationOf(body: object): fc.Arbitrary<string> {
  const paths = pathsOf(body)
  const mutated = fc
    .array(fc.record({ path: fc.constantFrom<Path>(...paths, ['Extra']), value: fc.option(ODDITIES) }), {
      minLength: 1,
      maxLength: 2
    })
    .map((changes) => {
      const result = changes.reduce<unknown>(
        (value, { path, value: to }) => replaceAt(value, path, to ?? undefined),
        body
      )
      return JSON.stringify(result)
    })
  const garbage = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.constantFrom('', 'null', '[]', '"x"', '0')
  )
  return fc.oneof({ weight: 5, arbitrary: mutated }, { weight: 1, arbitrary: garbage })
}

/** The paths of all fields, of lists and objects too. */
function pathsOf(value: unknown): readonly Path[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]: [string, unknown]) => {
    const step = Array.isArray(value) ? Number(key) : key
    return [[step], ...pathsOf(item).map((rest) => [step, ...rest])]
  })
}

/** The value with something else at the path; `undefined` takes the field away. */
function replaceAt(value: unknown, [step, ...rest]: Path, to: unknown): unknown {
  if (step === undefined) return to
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => (index === step ? replaceAt(item, rest, to) : item))
  }
  if (!isObject(value)) return value
  return { ...value, [step]: replaceAt(value[String(step)], rest, to) }
}
