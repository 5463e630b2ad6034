/**
 * Plugins that wrap another one: call it, then add something on the host, and take that away again before it is called
 * with DEL, so that nothing leads to an address that somebody else may have by then. The delegate's answer is ours. DEL
 * needs nothing but the record; the delegate gets the words that it was called with at ADD.
 */
import { RoutedError } from '../errors.js'
import type { DelegatedPlugin, PortMap } from '../model/endpoint.js'
import { attachmentId } from '../model/endpoint.js'
import { addressOf, familyOf, parseMac, parsePrefix } from '../model/ip.js'
import type { Family, Mac } from '../model/ip.js'
import { detach, sweep, tell } from './commands.js'
import type { CommandParts } from './commands.js'
import { callDelegate, checkType } from './delegate.js'
import { CODE, CniError } from './error.js'
import { parseAttachment } from './invocation.js'
import type { Attachment, Command, Invocation } from './invocation.js'
import { parseDocument, parseName } from './netconf.js'
import type { NetConf } from './netconf.js'
import { networkId } from './networks.js'
import { formatResult, parseResult } from './result.js'
import type { Result } from './result.js'
import type { Outcome, RunDelegate } from './sessions.js'
import { validAttachments } from './valid-attachments.js'
import { parseVersion } from './version.js'

/** The commands of a plugin, apart from VERSION. */
export type Works = Readonly<
  Record<
    Exclude<Command, 'VERSION'>,
    (parts: CommandParts, invocation: Invocation, run: RunDelegate) => Promise<Outcome>
  >
>

type Document = Readonly<Record<string, unknown>>

/** What is special about a plugin that wraps. */
export interface Wrapper {
  /** Its name, as it is called. */
  readonly plugin: string
  /** What its configuration asks for beside the delegate. Throws what is wrong with it. */
  readonly parse: (document: Document) => { readonly ports: readonly PortMap[] }
  /** Codes of its errors, by what went wrong. */
  readonly codes: { readonly configuration: number; readonly delegate: number; readonly own: number }
}

const DONE: Outcome = { exit: 0, output: '' }
/** What a delegate gets of the configuration around it, unless it has its own. */
const COPIED = ['cniVersion', 'args', 'runtimeConfig', 'prevResult', 'cni.dev/valid-attachments'] as const

/** The commands of a plugin that wraps. */
export function wrapping(wrapper: Wrapper): Works {
  const command =
    (work: (wrapper: Wrapper, call: Call) => Promise<Outcome>) =>
    (parts: CommandParts, invocation: Invocation, run: RunDelegate): Promise<Outcome> =>
      work(wrapper, { parts, invocation, run })
  return {
    ADD: command(add),
    DEL: command(del),
    CHECK: command(check),
    GC: command(gc),
    STATUS: command(status)
  }
}

interface Call {
  readonly parts: CommandParts
  readonly invocation: Invocation
  readonly run: RunDelegate
}

async function add(wrapper: Wrapper, { parts, invocation, run }: Call): Promise<Outcome> {
  const { codes } = wrapper
  const { attachment, conf, delegation, ports } = await coded(codes.configuration, () =>
    parsed(wrapper, invocation)
  )
  const id = attachmentId(networkId(conf.name), attachment.containerId, attachment.ifName)
  const takeBack = (): Promise<unknown> => quietly(() => callDelegate(run, { ...delegation, command: 'DEL' }))
  await coded(codes.own, () => parts.attachments.refuseRivals({ id, ports }))
  const result = await undoing(takeBack, () =>
    coded(codes.delegate, async () => {
      const answer = await callDelegate(run, { ...delegation, command: 'ADD' })
      return granted(answer, delegation.type, ports.length > 0)
    })
  )
  await undoing(takeBack, () =>
    coded(codes.own, () => keep(parts, { id, attachment, conf, delegation, ports, result }))
  )
  const output = JSON.stringify(formatResult(result, conf.version))
  return {
    exit: 0,
    output,
    undo: async () => {
      await parts.attachments.detach(id)
    }
  }
}

async function del({ plugin, codes }: Wrapper, { parts, invocation, run }: Call): Promise<Outcome> {
  const { id, delegation } = await coded(codes.configuration, () => {
    const attachment = parseAttachment(invocation, false)
    const document = parseDocument(invocation.input)
    const known = idOf(plugin, document, attachment)
    return { id: known, delegation: parts.records.get('endpoint', known)?.delegate ?? delegationOf(document) }
  })
  await coded(codes.own, () => detach(parts, id))
  await coded(codes.delegate, () => callDelegate(run, { ...delegation, command: 'DEL' }))
  return DONE
}

async function check({ plugin, codes }: Wrapper, { parts, invocation, run }: Call): Promise<Outcome> {
  const { id, delegation } = await coded(codes.configuration, () => {
    const document = parseDocument(invocation.input)
    if (document['prevResult'] === undefined)
      throw new CniError(CODE.invalidConfiguration, 'prevResult is missing: CHECK compares with it')
    const attachment = parseAttachment(invocation, true)
    return { id: idOf(plugin, document, attachment), delegation: delegationOf(document) }
  })
  const faults = await parts.attachments.verify(id)
  if (faults.length > 0) throw new CniError(codes.own, faults.join('; '))
  await coded(codes.delegate, () => callDelegate(run, { ...delegation, command: 'CHECK' }))
  return DONE
}

async function gc({ plugin, codes }: Wrapper, { parts, invocation, run }: Call): Promise<Outcome> {
  const asked = await coded(codes.configuration, () => {
    const document = parseDocument(invocation.input)
    const valid = validAttachments(document)
    return { name: nameOf(plugin, document), valid, plugin: delegationOf(document) }
  })
  return sweep(parts, asked, run)
}

async function status({ codes }: Wrapper, { parts, invocation, run }: Call): Promise<Outcome> {
  const delegation = await coded(codes.configuration, () => delegationOf(parseDocument(invocation.input)))
  const faults = parts.hostFaults()
  if (faults.length > 0) throw new CniError(CODE.unavailable, faults.join('; '))
  await tell(run, { ...delegation, command: 'STATUS' })
  return DONE
}

interface Wrapped {
  readonly id: string
  readonly attachment: Attachment
  readonly conf: NetConf
  readonly delegation: DelegatedPlugin
  readonly ports: readonly PortMap[]
  readonly result: Result
}

/** The network is held meanwhile, as for our own attachments. */
function keep(parts: CommandParts, wrapped: Wrapped): Promise<unknown> {
  const { id, attachment, conf, delegation, ports, result } = wrapped
  return parts.configured.hold(conf.name, async () => {
    const addresses = result.ips.map(({ address }) => parsePrefix(address, 'ips.address'))
    const network = await parts.configured.ensure(conf, [
      ...new Set(addresses.map((prefix): Family => familyOf(addressOf(prefix))))
    ])
    const mac = macOf(result, attachment)
    await parts.attachments.wrap({
      id,
      networkId: network.id,
      addresses,
      ...(mac === undefined ? {} : { mac }),
      ports,
      netns: attachment.netns,
      ifName: attachment.ifName,
      delegate: delegation
    })
  })
}

function parsed(
  wrapper: Wrapper,
  invocation: Invocation
): { attachment: Attachment; conf: NetConf; delegation: DelegatedPlugin; ports: readonly PortMap[] } {
  const attachment = parseAttachment(invocation, true)
  const document = parseDocument(invocation.input)
  const delegation = delegationOf(document)
  const conf: NetConf = {
    version: parseVersion(document['cniVersion']),
    name: nameOf(wrapper.plugin, document),
    document,
    ipam: { kind: 'delegated', type: delegation.type },
    dns: {},
    ips: [],
    ports: []
  }
  return { attachment, conf, delegation, ...wrapper.parse(document) }
}

/** The delegate, with the configuration that it gets. */
function delegationOf(document: Document): DelegatedPlugin {
  const { delegate } = document
  if (typeof delegate !== 'object' || delegate === null || Array.isArray(delegate))
    throw new CniError(
      CODE.invalidConfiguration,
      `delegate: ${delegate === undefined ? 'there is none' : 'it is not an object'}: give the configuration of a plugin`
    )
  const own: Document = { ...delegate }
  const type = checkType(own['type'], 'delegate.type')
  const copied = COPIED.filter((field) => document[field] !== undefined && own[field] === undefined)
  const fields = Object.fromEntries(copied.map((field) => [field, document[field]]))
  const name = parseName(document['name'])
  return { type, input: JSON.stringify({ ...own, name, ...fields }) }
}

/** A delegate may be net-routed itself, in a network of the same name. */
function nameOf(plugin: string, document: Document): string {
  return `${plugin}/${parseName(document['name'])}`
}

function idOf(plugin: string, document: Document, { containerId, ifName }: Attachment): string {
  return attachmentId(networkId(nameOf(plugin, document)), containerId, ifName)
}

function granted(answer: unknown, type: string, needsAddress: boolean): Result {
  const field = `the answer of ${type}`
  const result = parseResult(answer ?? {}, field)
  for (const { address } of result.ips) parsePrefix(address, `${field}: ips.address`)
  if (result.ips.length > 0 || !needsAddress) return result
  throw new CniError(CODE.delegate, `${field} has no address that a port could lead to`)
}

function macOf({ interfaces }: Result, { netns, ifName }: Attachment): Mac | undefined {
  const mac = interfaces.find(({ name, sandbox }) => name === ifName && sandbox === netns)?.mac
  return mac === undefined ? undefined : parseMac(mac, 'interfaces.mac')
}

/** What is expected to go wrong has this code. */
async function coded<T>(code: number, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof RoutedError)) throw error
    throw new CniError(code, error.message, { cause: error })
  }
}

async function undoing<T>(undo: () => Promise<unknown>, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await undo()
    throw error
  }
}

async function quietly(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof RoutedError)) throw error
  }
}
