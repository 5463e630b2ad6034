/**
 * Plugins that wrap another one: call it, then add something on the host, and take that away again before it is called
 * with DEL, so that nothing leads to an address that somebody else may have by then. The delegate's answer is ours. DEL
 * needs nothing but the record; the delegate gets the words that it was called with at ADD.
 */
import { NotFoundError } from '../errors.js'
import type { ContainerServices, DelegatedPlugin, Endpoint, PortMap } from '../model/endpoint.js'
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
import { coded, inTurn, quietly } from './steps.js'
import { validAttachments } from './valid-attachments.js'
import { isAtLeast, parseVersion } from './version.js'
import type { Version } from './version.js'

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
  readonly parse: (document: Document) => Wanted
  /** Codes of its errors, by what went wrong; absent = as the cause has it. */
  readonly codes: { readonly configuration?: number; readonly delegate?: number; readonly own?: number }
  /** What it does in the container. */
  readonly beside?: Beside
}

export interface Wanted {
  readonly ports: readonly PortMap[]
  readonly services?: ContainerServices
}

/** Which container, and what it has. */
export interface Served {
  /** Of the endpoint. */
  readonly id: string
  readonly containerId: string
  /** Empty if nobody knows it any more. */
  readonly netns: string
  readonly services: ContainerServices
}

export interface Beside {
  /** May be called again; `detach` undoes what a failure leaves. */
  readonly attach: (parts: CommandParts, served: Served, run: RunDelegate) => Promise<void>
  /** Tries everything, and throws what went wrong. What is gone is no error. */
  readonly detach: (parts: CommandParts, served: Served, run: RunDelegate) => Promise<void>
  /** What is not as it was made, in words. */
  readonly verify: (parts: CommandParts, served: Served) => Promise<string[]>
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
  const { codes, beside } = wrapper
  const asked = await coded(codes.configuration, () => parsed(wrapper, invocation))
  const { attachment, conf, delegation, ports, services } = asked
  const id = attachmentId(networkId(conf.name), attachment.containerId, attachment.ifName)
  const served = {
    id,
    containerId: attachment.containerId,
    netns: attachment.netns,
    services: services ?? {}
  }
  await coded(codes.own, () => parts.attachments.refuseRivals({ id, ports }))
  const undo = async (whoRuns: RunDelegate): Promise<void> => {
    await quietly(() => beside?.detach(parts, served, whoRuns))
    await quietly(() => parts.attachments.detach(id))
    await quietly(() => callDelegate(whoRuns, { ...delegation, command: 'DEL' }))
  }
  try {
    const { answer, result } = await coded(codes.delegate, async () =>
      granted(await callDelegate(run, { ...delegation, command: 'ADD' }), delegation.type, ports.length > 0)
    )
    await coded(codes.own, async () => {
      await keep(parts, { id, asked, result })
      await beside?.attach(parts, served, run)
    })
    const output = JSON.stringify(inVersion(answer, result, conf.version))
    return { exit: 0, output, undo: () => undo(nobody) }
  } catch (error) {
    await undo(run)
    throw error
  }
}

/** The executable is gone: other plugins are called when the runtime calls with DEL. */
function nobody(): Promise<never> {
  return Promise.reject(new NotFoundError('nobody is there to run a plugin'))
}

/** Everything is tried, also after a failure: nobody else would take away what comes after it. */
async function del(
  { plugin, codes, parse, beside }: Wrapper,
  { parts, invocation, run }: Call
): Promise<Outcome> {
  const { served, delegation } = await coded(codes.configuration, () => {
    const attachment = parseAttachment(invocation, false)
    const document = parseDocument(invocation.input)
    const id = idOf(plugin, document, attachment)
    const known = parts.records.get('endpoint', id)
    const netns = known?.sandbox?.path ?? attachment.netns
    const services = known ? (known.services ?? {}) : (parse(document).services ?? {})
    const delegation = known?.delegate ?? delegationOf(document)
    return { served: { id, containerId: attachment.containerId, netns, services }, delegation }
  })
  await inTurn([
    () => coded(codes.own, () => beside?.detach(parts, served, run)),
    () => coded(codes.own, () => detach(parts, served.id)),
    () => coded(codes.delegate, () => callDelegate(run, { ...delegation, command: 'DEL' }))
  ])
  return DONE
}

async function check({ plugin, codes, beside }: Wrapper, { parts, invocation, run }: Call): Promise<Outcome> {
  const { id, delegation } = await coded(codes.configuration, () => {
    const document = parseDocument(invocation.input)
    if (document['prevResult'] === undefined)
      throw new CniError(CODE.invalidConfiguration, 'prevResult is missing: CHECK compares with it')
    const attachment = parseAttachment(invocation, true)
    return { id: idOf(plugin, document, attachment), delegation: delegationOf(document) }
  })
  const known = parts.records.get('endpoint', id)
  const faults = [
    ...(await parts.attachments.verify(id)),
    ...(known && beside ? await beside.verify(parts, servedBy(known)) : [])
  ]
  if (faults.length > 0) throw new CniError(codes.own ?? CODE.broken, faults.join('; '))
  await coded(codes.delegate, () => callDelegate(run, { ...delegation, command: 'CHECK' }))
  return DONE
}

async function gc({ plugin, codes, beside }: Wrapper, { parts, invocation, run }: Call): Promise<Outcome> {
  const asked = await coded(codes.configuration, () => {
    const document = parseDocument(invocation.input)
    const valid = validAttachments(document)
    return { name: nameOf(plugin, document), valid, plugin: delegationOf(document) }
  })
  const first = async (endpoint: Endpoint): Promise<void> => beside?.detach(parts, servedBy(endpoint), run)
  return sweep(parts, { ...asked, first }, run)
}

function servedBy({ id, sandbox, services }: Endpoint): Served {
  const [, , containerId = ''] = id.split(':')
  return { id, containerId, netns: sandbox?.path ?? '', services: services ?? {} }
}

async function status({ codes }: Wrapper, { parts, invocation, run }: Call): Promise<Outcome> {
  const delegation = await coded(codes.configuration, () => delegationOf(parseDocument(invocation.input)))
  const faults = parts.hostFaults()
  if (faults.length > 0) throw new CniError(CODE.unavailable, faults.join('; '))
  await tell(run, { ...delegation, command: 'STATUS' })
  return DONE
}

/** An ADD, as the configuration has it. */
interface AskedOf extends Wanted {
  readonly attachment: Attachment
  readonly conf: NetConf
  readonly delegation: DelegatedPlugin
}

interface Kept {
  readonly id: string
  readonly asked: AskedOf
  readonly result: Result
}

/** The network is held meanwhile, as for our own attachments. */
function keep(parts: CommandParts, { id, asked, result }: Kept): Promise<unknown> {
  const { attachment, conf, delegation, ports, services } = asked
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
      ...(services ? { services } : {}),
      netns: attachment.netns,
      ifName: attachment.ifName,
      delegate: delegation
    })
  })
}

function parsed(wrapper: Wrapper, invocation: Invocation): AskedOf {
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
    options: {},
    ownOptions: {},
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

function granted(answer: unknown, type: string, needsAddress: boolean): { answer: unknown; result: Result } {
  const field = `the answer of ${type}`
  const result = parseResult(answer ?? {}, field)
  for (const { address } of result.ips) parsePrefix(address, `${field}: ips.address`)
  if (result.ips.length > 0 || !needsAddress) return { answer, result }
  throw new CniError(CODE.delegate, `${field} has no address that a port could lead to`)
}

/** What the delegate has said, word for word, if it is in the version that is wanted. */
function inVersion(answer: unknown, result: Result, version: Version): unknown {
  const said =
    typeof answer === 'object' && answer !== null && 'cniVersion' in answer ? answer.cniVersion : ''
  const isSame =
    said === version || (said === '' && !isAtLeast(version, '0.3.0') && result.interfaces.length === 0)
  return isSame && answer !== undefined ? answer : formatResult(result, version)
}

function macOf({ interfaces }: Result, { netns, ifName }: Attachment): Mac | undefined {
  const mac = interfaces.find(({ name, sandbox }) => name === ifName && sandbox === netns)?.mac
  return mac === undefined ? undefined : parseMac(mac, 'interfaces.mac')
}
