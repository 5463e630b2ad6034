import { expect } from 'chai'
import { parseCommand } from '../src/command-line.js'
import { InvalidError } from '../src/errors.js'
import { configOf, variableOf, withFile } from './support/config.js'

/** Where it is given, what is given, and what the error must say besides. */
const BAD: readonly (readonly [option: string, value: string, right: string])[] = [
  ['gateway', '10.100.0', 'not an IP address such as 10.1.0.2'],
  ['gateway', 'fd00::1', 'not an IPv4 address such as 10.100.0.1'],
  ['gateway', '10.100.0.1/24', 'not an IP address'],
  ['gateway6', '10.1.0.1', 'not an IPv6 address such as fe80::1'],
  ['mtu', '12', '68 to 65535 bytes, or 0'],
  ['mtu', '70000', '68 to 65535 bytes'],
  ['mtu', 'jumbo', '68 to 65535 bytes'],
  ['mtu', '-1', '68 to 65535 bytes'],
  ['netsock', '../x', 'a driver name such as net-routed nor an absolute path'],
  ['ipamsock', 'a b', 'an absolute path'],
  ['cnisock', 'run/cni.sock', 'an absolute path such as'],
  ['state-dir', 'var/lib', 'an absolute path such as /var/lib/net-routed'],
  ['route-protocol', '4096', 'a number from 3 to 255'],
  ['route-protocol', 'ospf', 'a number from 3 to 255'],
  ['route-protocol', '2', 'give 200 or another free number'],
  ['route-protocol', '188', 'belongs to the kernel or to FRR'],
  ['default-address-pool', '10.1.0.0/16', 'base=10.46.0.0/16,size=24'],
  ['default-address-pool', 'base=10.1.0.1/16,size=24', 'the subnet is 10.1.0.0/16'],
  ['default-address-pool', 'base=10.1.0.0/16,size=8', 'a prefix length from 16 to 31'],
  ['default-address-pool', 'base=10.1.0.0/16,size=33', 'a prefix length from 16 to 31']
]

describe('a bad value', () => {
  for (const [option, value, right] of BAD) {
    it(`--${option} ${value}`, async () => {
      const shown = /^base=(?:10\.1\.0\.0.*size=)?([^,]+)/.exec(value)?.[1] ?? value
      expectRefused(() => configOf([`--${option}=${value}`]), `--${option}: `, shown, right)
      expectRefused(
        () => configOf([], { [variableOf(option)]: value }),
        `${variableOf(option)}: `,
        shown,
        right
      )
      const isNumber = /^(mtu|route-protocol)$/.test(option)
      const text = JSON.stringify(isNumber && /^-?\d+$/.test(value) ? Number(value) : value)
      if (isNumber && text.startsWith('"')) return
      await withFile(`${option}: ${option === 'default-address-pool' ? `[${text}]` : text}`, (path) => {
        expectRefused(() => configOf(['--config', path]), `${path}: ${option}: `, shown, right)
      })
    })
  }

  it('of --debug in the environment', () => {
    expectRefused(
      () => configOf([], { NET_ROUTED_DEBUG: 'maybe' }),
      'NET_ROUTED_DEBUG: ',
      'maybe',
      'neither true nor false'
    )
  })
})

describe('a bad command line', () => {
  const lines: readonly (readonly [argv: readonly string[], text: string])[] = [
    [['--gatway', '10.1.0.1'], '--gatway is not an option: see net-routed --help'],
    [['-x'], '-x is not an option'],
    [['--gateway'], '--gateway needs a value: IP'],
    [['--debug=yes'], '--debug takes no value, not "yes"'],
    [
      ['start'],
      '"start" is not a command: there are serve, status, routing, verify, map, drain, undrain, set, forget'
    ],
    [['serve', 'now'], 'serve: "now" is too much'],
    [['forget'], 'forget: give the id of one network'],
    [['forget', 'a', 'b'], 'forget: give the id of one network'],
    [['--json'], '--json belongs to the command status and routing and verify and map'],
    [['status', '--all'], '--all belongs to the command drain and undrain'],
    [['drain'], 'drain: give one of --all, --network NAME|ID, --endpoint CONTAINER|ID|ADDRESS'],
    [
      ['drain', '--all', '--endpoint', '10.1.0.2'],
      'drain: give one of --all, --network NAME|ID, --endpoint CONTAINER|ID|ADDRESS'
    ],
    [['set', 'net-routed.mtu=1400'], 'set: give one of --network NAME|ID, --endpoint CONTAINER|ID|ADDRESS'],
    [['set', '--network', 'a'], 'set: give OPTION=VALUE, or OPTION= for none, at least once'],
    [['set', '--network', 'a', 'mtu'], 'set: "mtu": give OPTION=VALUE'],
    [['set', '--network', 'a', 'x=1', 'x=2'], 'set: x is there twice'],
    [['undrain', '--network'], '--network needs a value: NAME|ID'],
    [['status', '--diff'], '--diff belongs to the command routing'],
    [
      ['routing', '--dry-run'],
      '--dry-run: the configuration has no section routing: give a --config FILE with one'
    ],
    [['--config', '/nonexistent/file'], '--config: /nonexistent/file cannot be read']
  ]
  for (const [argv, text] of lines)
    it(argv.join(' '), () => {
      expectRefused(() => parseCommand(argv, {}), text)
    })
})

describe('a bad file', () => {
  const files: readonly (readonly [what: string, text: string, ...parts: readonly string[]])[] = [
    ['with an unknown key', 'gatway: 10.1.0.1', '"gatway" is not an option: see net-routed --help'],
    ['with a number that is text', 'mtu: "1400x"', 'mtu: "1400x" must be integer'],
    ['with a switch that is a number', 'debug: 1', 'debug: 1 must be boolean'],
    ['with an address that is a list', 'gateway: [10.1.0.1]', 'gateway: a list must be string'],
    [
      'with a pool that is a text',
      'default-address-pool: base=10.1.0.0/16,size=24',
      'default-address-pool: "base=10.1.0.0/16,size=24" must be array'
    ],
    [
      'with a pool without size',
      'default-address-pool: [{base: 10.1.0.0/16}]',
      'default-address-pool.0',
      "'size'"
    ],
    ['that is a list', '- mtu', 'must be object'],
    ['that is no YAML', 'mtu: [1', 'cannot be read']
  ]
  for (const [what, text, ...parts] of files)
    it(what, () =>
      withFile(text, (path) => {
        expectRefused(() => configOf(['--config', path]), '--config', path, ...parts)
      })
    )
})

/** One line with all of these in it. */
function expectRefused(work: () => unknown, ...parts: readonly string[]): void {
  let message = ''
  try {
    work()
  } catch (error) {
    expect(error).to.be.instanceOf(InvalidError)
    message = String(error instanceof Error ? error.message : error)
  }
  for (const part of parts) expect(message).to.contain(part)
  expect(message.split('\n')).to.have.length(1)
}
