/**
 * The commands of net-routed as a main plugin (SPEC.md §3). ADD checks everything before it changes anything, and undoes
 * what it did if it fails. DEL and GC need nothing that may be gone: what was done is in the record.
 */
import type { Attachments } from '../core/attachments.js'
import { KernelError, RoutedError } from '../errors.js'
import type { ContainerEnds } from '../host/ends.js'
import type { Registry } from '../host/registry.js'
import type { Ipam } from '../ipam/ipam.js'
import { usesPool } from '../ipam/pools.js'
import { hasRoom } from '../ipam/usage.js'
import type { Log } from '../log.js'
import { attachmentId, hostLinkName, hostMacOf } from '../model/endpoint.js'
import type { DelegatedPlugin, Endpoint } from '../model/endpoint.js'
import { addressOf, familyOf, parsePrefix } from '../model/ip.js'
import type { Records } from '../store/records.js'
import { callDelegate, checkType, delegateIn } from './delegate.js'
import type { Delegation } from './delegate.js'
import { newestVersion } from './delegate-versions.js'
import { CODE, CniError } from './error.js'
import { grantFor, releaseOwn } from './grants.js'
import type { Asked } from './grants.js'
import { parseArgs, parseAttachment } from './invocation.js'
import type { Attachment, Invocation } from './invocation.js'
import { parseDocument, parseName, parseNetConf } from './netconf.js'
import { networkId } from './networks.js'
import type { ConfiguredNetworks } from './networks.js'
import { EMPTY_RESULT, formatResult, mergeResults } from './result.js'
import type { Dns, Result } from './result.js'
import type { Outcome, RunDelegate } from './sessions.js'
import { validAttachments } from './valid-attachments.js'
import { isAtLeast } from './version.js'

export interface CommandParts {
  readonly ends: ContainerEnds
  readonly registry: Registry
  readonly records: Records
  readonly configured: ConfiguredNetworks
  readonly attachments: Attachments
  readonly ipam: Ipam
  readonly log: Log
  /** Why no container could be attached now, in words; empty = one could. */
  readonly hostFaults: () => readonly string[]
}

const DONE: Outcome = { exit: 0, output: '' }

/** Attaches a container. Prints the result in the version of the configuration. */
export async function add(parts: CommandParts, invocation: Invocation, run: RunDelegate): Promise<Outcome> {
  const attachment = parseAttachment(invocation, true)
  const conf = parseNetConf(parseDocument(invocation.input), parseArgs(invocation.args))
  const id = attachmentId(networkId(conf.name), attachment.containerId, attachment.ifName)
  await refusePresent(parts, id, attachment)
  const { endpoint, dns } = await attach(parts, id, attachment, { conf, input: invocation.input, run })
  const result = mergeResults(conf.prevResult ?? EMPTY_RESULT, resultOf(endpoint, dns))
  return {
    exit: 0,
    output: JSON.stringify(formatResult(result, conf.version)),
    undo: () => detach(parts, id)
  }
}

/** Detaches a container. Succeeds for one that is not attached, also without its namespace and without its network. */
export async function del(parts: CommandParts, invocation: Invocation, run: RunDelegate): Promise<Outcome> {
  const attachment = parseAttachment(invocation, false)
  const document = parseDocument(invocation.input)
  const id = attachmentId(networkId(parseName(document['name'])), attachment.containerId, attachment.ifName)
  const ipam = pluginOf(parts.records.get('endpoint', id)) ?? delegateIn(document, invocation.input)
  await detach(parts, id)
  if (ipam) await callDelegate(run, { type: ipam.type, command: 'DEL', input: ipam.input })
  return DONE
}

/** Throws CniError that names everything that is not as ADD made it. */
export async function check(parts: CommandParts, invocation: Invocation, run: RunDelegate): Promise<Outcome> {
  const attachment = parseAttachment(invocation, true)
  const conf = parseNetConf(parseDocument(invocation.input), parseArgs(invocation.args))
  if (!conf.prevResult)
    throw new CniError(CODE.invalidConfiguration, 'prevResult is missing: CHECK compares with it')
  const id = attachmentId(networkId(conf.name), attachment.containerId, attachment.ifName)
  const endpoint = parts.records.get('endpoint', id)
  const faults = [
    ...(await verify(parts, id)),
    ...(endpoint ? contradictions(endpoint, attachment, conf.prevResult) : [])
  ]
  if (faults.length > 0) throw new CniError(CODE.broken, faults.join('; '))
  if (conf.ipam.kind === 'delegated')
    await callDelegate(run, { type: conf.ipam.type, command: 'CHECK', input: invocation.input })
  return DONE
}

/** Detaches what the runtime does not have any more; goes on after a failure. */
export async function gc(parts: CommandParts, invocation: Invocation, run: RunDelegate): Promise<Outcome> {
  const document = parseDocument(invocation.input)
  const ipam = delegateIn(document, invocation.input)
  const valid = validAttachments(document)
  return sweep(parts, { name: parseName(document['name']), valid, plugin: ipam }, run)
}

/** A network, the attachments that are alive, and the plugin that has a part in all of them. */
interface Sweep {
  readonly name: string
  readonly valid: ReadonlySet<string>
  readonly plugin: DelegatedPlugin | undefined
  /** Done before an attachment is detached. */
  readonly first?: (endpoint: Endpoint) => Promise<void>
}

/** Detaches what is not valid, then tells the plugin; goes on after a failure. */
export async function sweep(
  parts: CommandParts,
  { name, valid, plugin, first }: Sweep,
  run: RunDelegate
): Promise<Outcome> {
  const failures: string[] = []
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof RoutedError)) throw error
      failures.push(error.message)
    }
  }
  for (const endpoint of parts.records.endpointsOfNetwork(networkId(name))) {
    const { id } = endpoint
    const [, , containerId = '', ifName = ''] = id.split(':')
    if (valid.has(`${containerId}:${ifName}`)) continue
    if (first) await attempt(() => first(endpoint))
    await attempt(() => detach(parts, id))
    const called = pluginOf(endpoint)
    const gone = { containerId, ifName, netns: '' }
    if (called) await attempt(() => callDelegate(run, { ...called, command: 'DEL', attachment: gone }))
  }
  await attempt(() => releaseUnused(parts, name))
  if (valid.size === 0) await attempt(() => parts.configured.removeIfUnused(networkId(name)))
  if (plugin) await attempt(() => tell(run, { ...plugin, command: 'GC' }))
  if (failures.length > 0) throw new CniError(CODE.io, failures.join('; '))
  return DONE
}

/** Whether ADD could do its work now. */
export async function status(
  parts: CommandParts,
  invocation: Invocation,
  run: RunDelegate
): Promise<Outcome> {
  const conf = parseNetConf(parseDocument(invocation.input), parseArgs(invocation.args))
  const network = parts.records.get('network', networkId(conf.name))
  const pools = network ? parts.records.all('pool').filter((pool) => usesPool(network, pool)) : []
  const full = pools.filter((pool) => !hasRoom(pool, parts.records))
  const faults = [
    ...parts.hostFaults(),
    ...full.map(({ prefix, range }) => `no address is left in ${range ?? prefix}`)
  ]
  if (faults.length > 0) throw new CniError(CODE.unavailable, faults.join('; '))
  if (conf.ipam.kind === 'delegated')
    await tell(run, { type: conf.ipam.type, command: 'STATUS', input: invocation.input })
  return DONE
}

/** The network is held meanwhile: nobody removes it before the attachment is in it. */
function attach(
  parts: CommandParts,
  id: string,
  { netns, ifName }: Attachment,
  asked: Asked
): Promise<{ endpoint: Endpoint; dns: Dns }> {
  return parts.configured.hold(asked.conf.name, async () => {
    const { network, takeBack, ...grant } = await grantFor(parts, asked)
    const { mac, ports, ownOptions } = asked.conf
    try {
      const request = {
        ...grant,
        id,
        networkId: network.id,
        netns,
        ifName,
        ports,
        options: ownOptions,
        ...(mac === undefined ? {} : { mac })
      }
      return { endpoint: await parts.attachments.attach(request), dns: grant.dns }
    } catch (error) {
      await takeBack()
      throw error
    }
  })
}

/** Takes everything of ours away. Unknown ones are no error. */
export async function detach({ attachments, records, ipam }: CommandParts, id: string): Promise<void> {
  const addresses = records.get('endpoint', id)?.addresses ?? []
  try {
    await attachments.detach(id)
  } finally {
    // A store that refuses does not keep the endpoint alive; a kernel that does, does.
    if (!records.get('endpoint', id)) await releaseOwn({ records, ipam }, addresses)
  }
}

/** Addresses whose attachment is gone: a crash came between the two. */
async function releaseUnused({ records, ipam, configured }: CommandParts, name: string): Promise<void> {
  const network = records.get('network', networkId(name))
  if (!network || configured.isHeld(name)) return
  for (const pool of records.all('pool').filter((candidate) => usesPool(network, candidate))) {
    for (const { address, purpose, state } of [...records.leasesOfPool(pool.id)]) {
      const isUnused = records.endpointsWithAddress(address).length === 0
      if (state === 'held' && purpose === 'endpoint' && isUnused) await ipam.releaseAddress(pool.id, address)
    }
  }
}

async function refusePresent(
  { attachments }: CommandParts,
  id: string,
  { netns, ifName }: Attachment
): Promise<void> {
  try {
    await attachments.refusePresent(id, netns, ifName)
  } catch (error) {
    throw inNamespace(error)
  }
}

async function verify({ attachments }: CommandParts, id: string): Promise<string[]> {
  try {
    return await attachments.verify(id)
  } catch (error) {
    throw inNamespace(error)
  }
}

/** A namespace that cannot be entered has a code of its own. */
function inNamespace(error: unknown): unknown {
  return error instanceof KernelError
    ? new CniError(CODE.invalidNamespace, `CNI_NETNS: ${error.message}`, { cause: error })
    : error
}

/** What the runtime believes, against what was done. Plugins after us may have added to it. */
function contradictions(
  endpoint: Endpoint,
  { netns, ifName }: Attachment,
  { interfaces, ips }: Result
): string[] {
  const faults: string[] = []
  if (endpoint.sandbox?.path !== netns)
    faults.push(`the container is in ${netns}, and was attached in ${endpoint.sandbox?.path ?? 'none'}`)
  if (interfaces.length > 0 && !interfaces.some(({ name, sandbox }) => name === ifName && sandbox === netns))
    faults.push(`prevResult has no interface ${ifName} in ${netns}`)
  const believed = new Set(
    ips.map(({ address }) => addressOf(parsePrefix(address, 'prevResult.ips.address')))
  )
  for (const address of endpoint.addresses.map(addressOf))
    if (!believed.has(address)) faults.push(`prevResult does not have the address ${address}`)
  return faults
}

/** GC and STATUS are newer than many a delegate: it gets no command that its versions do not have. */
export async function tell(run: RunDelegate, delegation: Delegation): Promise<void> {
  const version = await newestVersion(run, checkType(delegation.type, 'ipam.type'))
  if (version === undefined || isAtLeast(version, '1.1.0')) await callDelegate(run, delegation)
}

/** The other plugin that has a part in an attachment, and what it was told at ADD. */
function pluginOf(endpoint: Endpoint | undefined): DelegatedPlugin | undefined {
  return endpoint?.delegate ?? endpoint?.sandbox?.ipam
}

function resultOf(endpoint: Endpoint, dns: Dns): Result {
  const { id, mac, mtu, addresses, sandbox } = endpoint
  const size = mtu === undefined ? {} : { mtu }
  const nextHop = { 4: sandbox?.gateway, 6: sandbox?.gateway6 }
  return {
    interfaces: [
      { name: hostLinkName(id), mac: hostMacOf(id), ...size },
      { name: sandbox?.ifName ?? '', mac, ...size, sandbox: sandbox?.path ?? '' }
    ],
    ips: addresses.map((address) => {
      const gateway = nextHop[familyOf(address)]
      return { interface: 1, address, ...(gateway === undefined ? {} : { gateway }) }
    }),
    routes: (sandbox?.routes ?? []).flatMap(({ dst, via }) => (via === undefined ? [] : [{ dst, gw: via }])),
    dns
  }
}
