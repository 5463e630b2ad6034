import { expect } from 'chai'
import { helpText, parseCommand } from '../src/command-line.js'
import { socketPath } from '../src/config.js'
import type { Config } from '../src/config.js'
import { configOf, variableOf, withFile } from './support/config.js'

const DEFAULTS: Config = {
  debug: false,
  netsock: 'net-routed',
  ipamsock: 'ipam-routed',
  cnisock: '/run/net-routed/cni.sock',
  stateDir: '/var/lib/net-routed',
  dockerSocket: '/var/run/docker.sock',
  routeProtocol: 200,
  defaultAddressPool: []
}

interface Case {
  readonly option: string
  readonly field: keyof Config
  /** What flag, environment and file say, in this order, as text, and what that means. */
  readonly values: readonly [flag: string, env: string, file: string]
  readonly meanings: readonly [flag: unknown, env: unknown, file: unknown]
}

function pools(base: string, size: number): unknown {
  return [{ base, size }]
}

const CASES: readonly Case[] = [
  {
    option: 'gateway',
    field: 'gateway',
    values: ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
    meanings: ['10.0.0.1', '10.0.0.2', '10.0.0.3']
  },
  {
    option: 'gateway6',
    field: 'gateway6',
    values: ['FD00::1', 'fd00::2', 'fd00::3'],
    meanings: ['fd00::1', 'fd00::2', 'fd00::3']
  },
  { option: 'mtu', field: 'mtu', values: ['0', '9000', '1400'], meanings: [0, 9000, 1400] },
  {
    option: 'netsock',
    field: 'netsock',
    values: ['a', '/run/b.sock', 'c'],
    meanings: ['a', '/run/b.sock', 'c']
  },
  { option: 'ipamsock', field: 'ipamsock', values: ['a', 'b', 'c'], meanings: ['a', 'b', 'c'] },
  { option: 'cnisock', field: 'cnisock', values: ['/a', '/b', '/c'], meanings: ['/a', '/b', '/c'] },
  { option: 'state-dir', field: 'stateDir', values: ['/a', '/b', '/c'], meanings: ['/a', '/b', '/c'] },
  {
    option: 'route-protocol',
    field: 'routeProtocol',
    values: ['201', '202', '203'],
    meanings: [201, 202, 203]
  },
  {
    option: 'default-address-pool',
    field: 'defaultAddressPool',
    values: ['base=10.1.0.0/16,size=24', 'base=10.2.0.0/16,size=25', '[{base: 10.3.0.0/16, size: 26}]'],
    meanings: [pools('10.1.0.0/16', 24), pools('10.2.0.0/16', 25), pools('10.3.0.0/16', 26)]
  }
]

describe('parseCommand', () => {
  it('needs no flag', () => {
    expect(configOf([])).to.deep.equal(DEFAULTS)
    expect(configOf(['serve'])).to.deep.equal(DEFAULTS)
  })

  it("takes the ancestor's command line", () => {
    const expected = { ...DEFAULTS, gateway: '10.100.0.1', mtu: 9000, debug: true }
    expect(configOf(['--gateway', '10.100.0.1', '--mtu', '9000', '--debug'])).to.deep.equal(expected)
    expect(
      configOf(['-g', '10.100.0.1', '-m', '9000', '-d', '-S', 'net-routed', '-s', 'ipam-routed'])
    ).to.deep.equal(expected)
    expect(configOf(['--gateway=10.100.0.1', '--mtu=9000', '-d'])).to.deep.equal(expected)
  })

  for (const { option, field, values, meanings } of CASES)
    it(`takes --${option} before the environment, that before the file, that before the default`, () =>
      withFile(`${option}: ${values[2]}\n`, (path) => {
        const env = { NET_ROUTED_CONFIG: path }
        const both = { ...env, [variableOf(option)]: values[1] }
        expect(configOf([], {})[field]).to.deep.equal(DEFAULTS[field])
        expect(configOf([], env)[field]).to.deep.equal(meanings[2])
        expect(configOf(['--config', path], {})[field]).to.deep.equal(meanings[2])
        expect(configOf([], both)[field]).to.deep.equal(meanings[1])
        expect(configOf([`--${option}`, values[0]], both)[field]).to.deep.equal(meanings[0])
      }))

  it('takes --debug before the environment, that before the file', () =>
    withFile('debug: true\n', (path) => {
      expect(configOf(['--config', path]).debug).to.equal(true)
      for (const no of ['false', '0', 'no', 'off', 'OFF'])
        expect(configOf(['--config', path], { NET_ROUTED_DEBUG: no }).debug, no).to.equal(false)
      for (const yes of ['true', '1', 'yes', 'on'])
        expect(configOf([], { NET_ROUTED_DEBUG: yes }).debug, yes).to.equal(true)
      expect(configOf(['-d'], { NET_ROUTED_DEBUG: 'no' }).debug).to.equal(true)
    }))

  it('takes an empty variable for none, as unit files leave them', () => {
    const env = Object.fromEntries(CASES.map(({ option }) => [variableOf(option), '']))
    expect(configOf([], { ...env, NET_ROUTED_DEBUG: '', NET_ROUTED_CONFIG: '' })).to.deep.equal(DEFAULTS)
  })

  it('takes the last of several flags, and all default pools', () => {
    expect(configOf(['--mtu', '1400', '-m', '1300']).mtu).to.equal(1300)
    const twice = ['base=10.1.0.0/16,size=24', 'base=fd00::/48,size=64']
    const expected = [
      { base: '10.1.0.0/16', size: 24 },
      { base: 'fd00::/48', size: 64 }
    ]
    expect(
      configOf(twice.flatMap((pool) => ['--default-address-pool', pool])).defaultAddressPool
    ).to.deep.equal(expected)
    expect(
      configOf([], { NET_ROUTED_DEFAULT_ADDRESS_POOL: twice.join(' ') }).defaultAddressPool
    ).to.deep.equal(expected)
  })

  it('reads a file in YAML and the same in JSON', async () => {
    const yaml =
      'gateway: 10.100.0.1\nmtu: 9000\ndebug: true\ndefault-address-pool:\n  - base=10.1.0.0/16,size=24\n'
    const json = JSON.stringify({
      gateway: '10.100.0.1',
      mtu: 9000,
      debug: true,
      'default-address-pool': [{ base: '10.1.0.0/16', size: 24 }]
    })
    const expected = {
      ...DEFAULTS,
      gateway: '10.100.0.1',
      mtu: 9000,
      debug: true,
      defaultAddressPool: pools('10.1.0.0/16', 24)
    }
    for (const text of [yaml, json])
      await withFile(text, (path) => {
        expect(configOf(['--config', path])).to.deep.equal(expected)
      })
    await withFile('# nothing yet\n', (path) => {
      expect(configOf(['--config', path])).to.deep.equal(DEFAULTS)
    })
  })

  it('knows the other commands', () => {
    const socket = '/run/docker/plugins/net-routed.sock'
    expect(parseCommand(['status', '--json'], {})).to.deep.equal({ name: 'status', socket, json: true })
    expect(parseCommand(['status', '-S', '/x.sock'], {})).to.deep.equal({
      name: 'status',
      socket: '/x.sock',
      json: false
    })
    expect(parseCommand(['forget', 'abc'], {})).to.deep.equal({ name: 'forget', socket, network: 'abc' })
    for (const argv of [['--help'], ['-h'], ['serve', '--help']])
      expect(parseCommand(argv, {}).name).to.equal('help')
    expect(parseCommand(['--version'], {}).name).to.equal('version')
  })
})

describe('helpText', () => {
  it('names every option', () => {
    for (const { option } of CASES) expect(helpText()).to.contain(`--${option} `)
    for (const flag of ['--debug', '--config', '--version', '--help']) expect(helpText()).to.contain(flag)
  })
})

describe('socketPath', () => {
  it('is where Docker looks for a driver of the name, or the path itself', () => {
    expect(socketPath('net-routed')).to.equal('/run/docker/plugins/net-routed.sock')
    expect(socketPath('/tmp/x.sock')).to.equal('/tmp/x.sock')
  })
})
