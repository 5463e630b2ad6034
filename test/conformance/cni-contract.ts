/**
 * What every CNI plugin must do that makes an interface (SPEC.md 1.1.0), run as a runtime runs it. Nothing here knows who
 * made the plugin; `features` says what an old plugin does not have yet.
 */
import { expect } from 'chai'
import { Scratch, until } from '../netns/scratch.js'
import { checkTests } from './check.js'
import { addTests, delTests } from './add-del.js'
import { faultTests } from './faults.js'
import { gcTests } from './gc.js'
import { addressesOf, attachment, invoke, ipJson } from './runtime.js'
import type { Call, Environment, Host, PluginProcess } from './runtime.js'

const LEFT_LIMIT_MS = 10_000

export type Conf = Readonly<Record<string, unknown>>

export interface PluginUnderTest extends Host {
  readonly scratch: Scratch
  /** A configuration without version. */
  readonly conf: Conf
  readonly close: () => void | Promise<void>
}

export interface Features {
  readonly versions: readonly string[]
  /** CNI 1.1: GC and STATUS. */
  readonly hasGc: boolean
  /** Links of the host that stay when the last container has gone. */
  readonly leftovers: readonly string[]
}

/** A plugin as the tests use it. */
export interface Tester {
  readonly features: Features
  readonly plugin: () => PluginUnderTest
  /** Calls with the configuration, in its newest version, and these fields. */
  readonly call: (command: string, fields: object, env: Environment) => Promise<PluginProcess>
  /** The same with other input. */
  readonly send: (command: string, call: Call) => Promise<PluginProcess>
  /** ADD, which must succeed; its result. */
  readonly added: (netns: string, fields?: object) => Promise<Conf>
  /** DEL, which must succeed and say nothing. */
  readonly deleted: (env: Environment, fields?: object) => Promise<void>
  /** A test with a namespace, detached whatever happens. */
  readonly inContainer: (test: (netns: string) => Promise<void>) => () => Promise<void>
}

/** Declares the tests. `open` is called once, before all. */
export function cniContract(
  name: string,
  features: Features,
  open: (scratch: Scratch) => Promise<PluginUnderTest>
): void {
  describe(`${name} as a CNI plugin`, function () {
    this.timeout(120_000)
    let opened: PluginUnderTest | undefined
    let linksBefore: readonly string[] = []
    const scratch = new Scratch()
    const plugin = (): PluginUnderTest => {
      if (!opened) throw new Error('the plugin could not be prepared')
      return opened
    }
    const links = (): string[] => ipJson(plugin().netns, 'link').map(({ ifname }) => String(ifname))
    before(async () => {
      opened = await open(scratch)
      linksBefore = links()
    })
    after(async () => {
      await opened?.close()
      await scratch.close()
    })
    afterEach('leaves nothing on the host', async () => {
      const allowed = new Set([...linksBefore, ...features.leftovers])
      const left = (): string[] => links().filter((link) => !allowed.has(link))
      // The kernel removes a namespace, and the pairs that end in it, when it finds the time.
      await until(() => left().length === 0, 'no link of a container is left on the host', LEFT_LIMIT_MS)
    })
    const tester = testerOf(plugin, features)
    describe('VERSION', () => {
      it('needs nothing but the command, and names the versions', async () => {
        const result = await tester.send('VERSION', {})
        expect(result.exit).to.equal(0)
        expect(result.document?.['cniVersion']).to.be.a('string')
        expect(result.document?.['supportedVersions']).to.include.members([...features.versions])
      })
    })
    addTests(tester)
    delTests(tester)
    checkTests(tester)
    faultTests(tester)
    if (features.hasGc) gcTests(tester)
  })
}

/** An error as the specification has it, on standard output, and an exit code that is not 0. */
export function expectError(result: PluginProcess, code?: number): void {
  const said = result.stdout + result.stderr
  expect(result.exit, said).to.not.equal(0)
  expect(result.document, said).to.be.an('object')
  expect(result.document?.['code'], said).to.be.a('number')
  expect(result.document?.['msg'], said).to.be.a('string').with.length.greaterThan(0)
  if (code !== undefined) expect(result.document?.['code'], said).to.equal(code)
}

function testerOf(plugin: () => PluginUnderTest, features: Features): Tester {
  const conf = (fields: object): Conf => ({
    cniVersion: features.versions.at(-1),
    ...plugin().conf,
    ...fields
  })
  const call: Tester['call'] = (command, fields, env) => invoke(plugin(), command, conf(fields), { env })
  return {
    features,
    plugin,
    call,
    send: (command, options) => invoke(plugin(), command, conf({}), options),
    added: async (netns, fields = {}) => {
      const result = await call('ADD', fields, attachment(netns))
      expect(result.exit, result.stdout + result.stderr).to.equal(0)
      expect(addressesOf(netns, 'eth0')).to.have.length.greaterThan(0)
      return result.document ?? {}
    },
    deleted: async (env, fields = {}) => {
      const { exit, stdout } = await call('DEL', fields, env)
      expect({ exit, stdout }).to.deep.equal({ exit: 0, stdout: '' })
    },
    inContainer: (test) => async () => {
      const netns = plugin().scratch.netns()
      try {
        await test(netns)
      } finally {
        await call('DEL', {}, attachment(netns))
      }
    }
  }
}
