/**
 * dcos-l4lb: wraps a plugin, and gives the container a leg of its own to the name service of its host (`spartan`) and a
 * place in the load balancing (`minuteman`): a registration that says where its namespace is, and a link that addresses
 * of services can be routed to. A container has each of them once, however many of its networks want them.
 */
import { join } from 'node:path'
import { Ajv } from 'ajv'
import type { ValidateFunction } from 'ajv'
import { InvalidError, shown } from '../errors.js'
import { END_MARK } from '../host/ends.js'
import type { ContainerServices, DelegatedPlugin, Endpoint } from '../model/endpoint.js'
import { attachmentId } from '../model/endpoint.js'
import { familyOf, parsePrefix } from '../model/ip.js'
import { lazily } from '../model/lazy.js'
import { detach } from './commands.js'
import type { CommandParts } from './commands.js'
import { callDelegate } from './delegate.js'
import { CODE, CniError } from './error.js'
import { grantFor } from './grants.js'
import { parseNetConf } from './netconf.js'
import { networkId } from './networks.js'
import type { RunDelegate } from './sessions.js'
import { inTurn } from './steps.js'
import { wrapping } from './wrapper.js'
import type { Served, Wanted } from './wrapper.js'

interface Document {
  readonly spartan?: boolean | { readonly enable?: boolean }
  readonly minuteman?: boolean | { readonly enable?: boolean; readonly path?: string }
}

const PLUGIN = 'dcos-l4lb'
/** Name of the leg in the container, and of the network that its addresses come from. */
const LEG = 'spartan'
const LEG_NETWORK = 'spartan-network'
const LEG_CONF = {
  cniVersion: '0.3.1',
  name: LEG_NETWORK,
  type: PLUGIN,
  ipam: {
    type: 'host-local',
    subnet: '198.51.100.0/24',
    rangeStart: '198.51.100.10',
    rangeEnd: '198.51.100.253'
  }
} as const
const LEG_IPAM: DelegatedPlugin = { type: LEG_CONF.ipam.type, input: JSON.stringify(LEG_CONF) }
/** The name service, and that of Kubernetes. */
const SERVERS = ['198.51.100.1/32', '198.51.100.2/32', '198.51.100.3/32', '198.51.100.4/32'].map((address) =>
  parsePrefix(address)
)
const STUB = 'minuteman'
const REGISTRATIONS = '/var/run/dcos/cni/l4lb'

const validator = lazily(() =>
  new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, verbose: true }).compile<Document>({
    type: 'object',
    properties: {
      spartan: { type: ['boolean', 'object'], properties: { enable: { type: 'boolean' } } },
      minuteman: {
        type: ['boolean', 'object'],
        properties: { enable: { type: 'boolean' }, path: { type: 'string', pattern: '^/' } }
      }
    }
  })
)

/** Its commands. */
export const l4lb = wrapping({
  plugin: PLUGIN,
  parse,
  codes: {},
  beside: { attach, detach: takeAway, verify }
})

function parse(document: object): Wanted {
  const validate: ValidateFunction<Document> = validator()
  if (!validate(document)) {
    const faults = (validate.errors ?? []).map(
      ({ instancePath, message, data }) =>
        `${instancePath.slice(1).replaceAll('/', '.')} ${message ?? 'is wrong'}, not ${shown(data)}`
    )
    throw new InvalidError(faults.join('; '))
  }
  const { spartan, minuteman } = document
  const services: ContainerServices = {
    ...(isOn(spartan) ? { dns: true } : {}),
    ...(isOn(minuteman) ? { balancing: pathIn(minuteman) } : {})
  }
  if (services.dns || services.balancing !== undefined) return { ports: [], services }
  throw new InvalidError('spartan and minuteman are both off: call the delegate itself')
}

function isOn(value: boolean | { readonly enable?: boolean } | undefined): boolean {
  return typeof value === 'object' ? value.enable !== false : value !== false
}

function pathIn(value: Document['minuteman']): string {
  return (typeof value === 'object' ? value.path : undefined) ?? REGISTRATIONS
}

async function attach(parts: CommandParts, served: Served, run: RunDelegate): Promise<void> {
  const { containerId, netns, services } = served
  if (services.dns) await addLeg(parts, served, run)
  if (services.balancing === undefined) return
  await parts.ends.addStub(netns, STUB, aliasOf(containerId))
  await parts.registry.put(join(services.balancing, containerId), netns)
}

async function addLeg(parts: CommandParts, { containerId, netns }: Served, run: RunDelegate): Promise<void> {
  const id = legOf(containerId)
  if (parts.records.get('endpoint', id)?.sandbox?.path === netns) return
  const asked = { conf: parseNetConf({ ...LEG_CONF }, new Map()), input: LEG_IPAM.input, run: onLeg(run) }
  await parts.configured.hold(LEG_NETWORK, async () => {
    const { network, takeBack, addresses, ipam } = await grantFor(parts, asked)
    try {
      const [address, ...more] = addresses
      if (address === undefined || more.length > 0 || familyOf(address) !== 4)
        throw new CniError(
          CODE.delegate,
          `spartan: host-local gave ${addresses.join(', ')}, not one IPv4 address`
        )
      const request = {
        id,
        networkId: network.id,
        netns,
        ifName: LEG,
        addresses,
        subnets: [],
        direct: SERVERS
      }
      await parts.attachments.attach({ ...request, ...(ipam ? { ipam } : {}) })
    } catch (error) {
      await takeBack()
      throw error
    }
  })
}

/** What another network of the container needs stays. */
async function takeAway(parts: CommandParts, served: Served, run: RunDelegate): Promise<void> {
  const { containerId, netns, services } = served
  const others = othersOf(parts, served)
  const leg = legOf(containerId)
  const path = services.balancing
  const steps: (() => Promise<unknown>)[] = []
  if (services.dns && !others.some((other) => other.dns)) {
    const ipam = parts.records.get('endpoint', leg)?.sandbox?.ipam ?? LEG_IPAM
    steps.push(
      () => detach(parts, leg),
      () => callDelegate(onLeg(run), { ...ipam, command: 'DEL' })
    )
  }
  if (path !== undefined && !others.some(({ balancing }) => balancing === path))
    steps.push(() => parts.registry.remove(join(path, containerId)))
  if (path !== undefined && netns !== '' && !others.some(({ balancing }) => balancing !== undefined))
    steps.push(() => parts.ends.remove(netns, STUB, aliasOf(containerId)))
  await inTurn(steps)
}

async function verify(parts: CommandParts, { containerId, netns, services }: Served): Promise<string[]> {
  const faults = services.dns ? await parts.attachments.verify(legOf(containerId)) : []
  if (services.balancing === undefined) return faults
  const path = join(services.balancing, containerId)
  const stub = await parts.ends.find(netns, STUB)
  return [
    ...faults,
    ...(stub?.alias === aliasOf(containerId) ? [] : [`there is no link ${STUB} of ours in ${netns}`]),
    ...((await parts.registry.read(path)) === netns ? [] : [`the registration ${path} does not say ${netns}`])
  ]
}

function othersOf({ records }: CommandParts, { id, containerId }: Served): ContainerServices[] {
  const isOther = (endpoint: Endpoint): boolean =>
    endpoint.id !== id && !endpoint.deleted && endpoint.id.split(':')[2] === containerId
  return records.all('endpoint').flatMap((endpoint) => (isOther(endpoint) ? (endpoint.services ?? []) : []))
}

function legOf(containerId: string): string {
  return attachmentId(networkId(LEG_NETWORK), containerId, LEG)
}

function aliasOf(containerId: string): string {
  return `${END_MARK} ${PLUGIN} ${containerId}`
}

/** host-local keeps addresses by container and interface. */
function onLeg(run: RunDelegate): RunDelegate {
  return (call) => run({ ...call, env: { ...call.env, CNI_IFNAME: LEG } })
}
