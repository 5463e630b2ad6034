/** A CNI runtime with the executable in between, as far as the daemon can tell: asks, runs delegates, asks again. */
import { expect } from 'chai'
import type { Daemon } from '../../src/daemon.js'
import type { Answer } from '../../src/http.js'
import type { FakeHost } from '../../src/host/fake-host.js'
import { withRig } from './daemon.js'
import type { Options, Rig } from './daemon.js'

/** What a delegate is called with. */
export interface DelegateInput {
  readonly type: string
  readonly command: string
  readonly env: Readonly<Record<string, string>>
  readonly input: string
}

/** A delegate of a test; -1 = it could not be run. */
export type FakeDelegate = (call: DelegateInput) => { readonly exit: number; readonly output: string }

export interface CallOptions {
  /** Name of the executable. */
  readonly plugin?: string
  readonly containerId?: string
  readonly netns?: string
  readonly ifName?: string
  readonly args?: string
  readonly delegate?: FakeDelegate
}

export interface CniAnswer {
  readonly exit: number
  readonly output: string
  /** The parsed output; undefined where there is none. */
  readonly document: Readonly<Record<string, unknown>> | undefined
}

export interface Cni {
  /** Calls a command with a configuration, an object or the text of one. */
  readonly call: (command: string, conf: object | string, options?: CallOptions) => Promise<CniAnswer>
  /** A namespace for a container. Returns its path. */
  readonly sandbox: (containerId: string) => string
}

export const CONF = {
  cniVersion: '1.1.0',
  name: 'mine',
  type: 'net-routed',
  ipam: { type: 'ipam-routed', subnet: '10.1.0.0/24' }
} as const

export interface Subject {
  readonly rig: Rig
  readonly cni: Cni
}

/** A daemon on fakes, and namespaces for the containers c1 and c2. */
export function withCni(
  test: (subject: Subject) => Promise<void>,
  options: Options = {}
): () => Promise<void> {
  return () =>
    withRig(options, async (rig) => {
      const cni = cniOf(rig)
      cni.sandbox('c1')
      cni.sandbox('c2')
      await test({ rig, cni })
    })
}

export function expectDone({ exit, output }: CniAnswer): void {
  expect({ exit, output }).to.include({ exit: 0 })
}

export function expectRefused({ exit, document }: CniAnswer, code: number, message: RegExp): void {
  expect(exit).to.equal(1)
  expect(document).to.include({ code })
  expect(document?.['msg']).to.match(message)
}

/** Addresses of our pools that are in use. */
export function heldAddresses({ daemon }: Rig): string[] {
  return daemon.records
    .all('lease')
    .filter(({ state }) => state === 'held')
    .map(({ address }) => address)
}

/** Path of the namespace of a container. */
export function netnsOf(containerId: string): string {
  return `/run/netns/${containerId}`
}

export function cniOf({ daemon, host }: { readonly daemon: Daemon; readonly host: FakeHost }): Cni {
  return {
    sandbox: (containerId) => {
      host.sandboxes.set(netnsOf(containerId), new Map())
      return netnsOf(containerId)
    },
    call: async (command, conf, options = {}) => {
      const { plugin = 'net-routed', containerId = 'c1', ifName = 'eth0', args = '' } = options
      const input = typeof conf === 'string' ? conf : JSON.stringify(conf)
      const netns = options.netns ?? netnsOf(containerId)
      const body = { plugin, command, containerId, netns, ifName, args, input }
      let answer = await post(daemon, 'Cni.Run', body)
      for (;;) {
        const turn = turnOf(answer)
        if (turn.verb === 'print') return parsed(Number(turn.name), turn.text)
        const env = { CNI_CONTAINERID: containerId, CNI_IFNAME: ifName, CNI_NETNS: netns, ...turn.env }
        const call = { type: turn.name, command: env.CNI_COMMAND ?? '', env, input: turn.text }
        const result = options.delegate?.(call) ?? { exit: -1, output: 'there is no such plugin' }
        answer = await post(daemon, 'Cni.Continue', { ticket: turn.ticket, ...result })
      }
    }
  }
}

interface TextTurn {
  readonly verb: string
  readonly name: string
  readonly ticket: string
  readonly env: { readonly CNI_COMMAND?: string } & Readonly<Record<string, string>>
  readonly text: string
}

/** Reads an answer as native/cni.c does. */
export function turnOf({ text = '' }: Answer): TextTurn {
  const [, head = '', rest = ''] = /^([^]*?)\n\n([^]*)$/.exec(text) ?? []
  const [order = '', ...lines] = head.split('\n')
  const [verb = '', name = '', ticket = ''] = order.split(' ')
  const env = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]))
  return { verb, name, ticket, env, text: rest }
}

async function post({ methods }: Daemon, method: string, body: unknown): Promise<Answer> {
  const handle = methods[method]
  if (!handle) throw new Error(`no method ${method}`)
  return handle(body)
}

function parsed(exit: number, output: string): CniAnswer {
  const document = output === '' ? undefined : (JSON.parse(output) as Record<string, unknown>)
  return { exit, output, document }
}
