/**
 * The conformance suite against our plugin, with the real daemon behind it, and against the reference plugins.
 * CNI_CONFORMANCE_CONF, the path of a network configuration, runs it against any other plugin in CNI_PATH.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { VERSIONS } from '../../src/cni/version.js'
import { cniContract } from '../conformance/cni-contract.js'
import type { Conf, Features, PluginUnderTest } from '../conformance/cni-contract.js'
import { describeAsRoot } from './scratch.js'
import type { Scratch } from './scratch.js'

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url))
const OUR_PLUGINS = join(REPOSITORY, 'bin/cni')
const REFERENCE_PLUGINS = '/usr/lib/cni'
const START_LIMIT_MS = 30_000

const OURS: Features = {
  versions: VERSIONS,
  hasGc: true,
  leftovers: []
}
/** As Debian 12 has them: 1.1.1, which knows CNI up to 1.0.0. */
const REFERENCE: Features = {
  versions: VERSIONS.filter((version) => version !== '1.1.0'),
  hasGc: false,
  leftovers: ['nrtest0']
}

describeAsRoot('the CNI conformance suite', () => {
  cniContract('net-routed', OURS, (scratch) =>
    ours(scratch, { ipam: { type: 'ipam-routed', subnet: '10.201.0.0/24' } })
  )
  cniContract('net-routed with host-local', OURS, (scratch) =>
    ours(scratch, { ipam: { type: 'host-local', subnet: '10.202.0.0/24' } })
  )
  if (existsSync(join(REFERENCE_PLUGINS, 'bridge'))) {
    const bridge = { name: 'bridge', type: 'bridge', bridge: 'nrtest0', isGateway: true }
    cniContract('bridge', REFERENCE, (scratch) => reference(scratch, bridge))
    cniContract('ptp', REFERENCE, (scratch) => reference(scratch, { name: 'ptp', type: 'ptp' }))
  }
  const given = process.env['CNI_CONFORMANCE_CONF']
  if (given !== undefined) {
    const conf = JSON.parse(readFileSync(given, 'utf8')) as Conf
    cniContract(given, REFERENCE, (scratch) => Promise.resolve(other(scratch, conf)))
  }
})

/** The daemon in a host of its own, and our executable. */
async function ours(scratch: Scratch, fields: Conf): Promise<PluginUnderTest> {
  const netns = scratch.netns()
  const directory = mkdtempSync(join(tmpdir(), 'nrtest-'))
  const socket = join(directory, 'cni.sock')
  const sockets = ['netsock', 'ipamsock'].map((name) => `--${name}=${join(directory, `${name}.sock`)}`)
  const flags = [...sockets, `--cnisock=${socket}`, `--state-dir=${join(directory, 'state')}`]
  const argv = ['netns', 'exec', netns, join(REPOSITORY, 'bin/net-routed'), ...flags]
  const daemon = spawn('ip', argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  await listening(daemon, socket)
  return {
    scratch,
    netns,
    path: `${OUR_PLUGINS}:${REFERENCE_PLUGINS}`,
    env: { NET_ROUTED_CNISOCK: socket },
    conf: { name: 'conformance', type: 'net-routed', ...withDataDir(fields, directory) },
    close: async () => {
      const ended = new Promise((resolve) => daemon.once('close', resolve))
      daemon.kill()
      await ended
      rmSync(directory, { recursive: true })
    }
  }
}

function reference(scratch: Scratch, fields: Conf): Promise<PluginUnderTest> {
  const directory = mkdtempSync(join(tmpdir(), 'nrtest-'))
  const ipam = { type: 'host-local', subnet: '10.203.0.0/24', routes: [{ dst: '0.0.0.0/0' }] }
  const plugin = other(scratch, withDataDir({ ...fields, ipam }, directory))
  return Promise.resolve({
    ...plugin,
    path: REFERENCE_PLUGINS,
    close: () => {
      rmSync(directory, { recursive: true })
    }
  })
}

function other(scratch: Scratch, conf: Conf): PluginUnderTest {
  return {
    scratch,
    netns: scratch.netns(),
    path: process.env['CNI_PATH'] ?? REFERENCE_PLUGINS,
    conf,
    close: () => undefined
  }
}

/** host-local keeps its files in a directory that all of the machine share. */
function withDataDir(conf: Conf, directory: string): Conf {
  const { ipam } = conf as { ipam: { type: string } }
  return ipam.type === 'host-local'
    ? { ...conf, ipam: { ...ipam, dataDir: join(directory, 'host-local') } }
    : conf
}

async function listening(daemon: ChildProcess, socket: string): Promise<void> {
  let said = ''
  daemon.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const deadline = Date.now() + START_LIMIT_MS
  while (!existsSync(socket)) {
    if (Date.now() > deadline || daemon.exitCode !== null)
      throw new Error(`the daemon did not start: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
