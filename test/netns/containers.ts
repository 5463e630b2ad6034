/** Containers of tests: namespaces that a host connects, as a container engine would. */
import { expect } from 'chai'
import { linkLocalOf, parseMac } from '../../src/model/ip.js'
import type { LinuxHost } from '../../src/host/linux/linux-host.js'
import type { HostObject, Link } from '../../src/host/objects.js'
import { testLink } from '../contract/test-link.js'
import { ip } from './scratch.js'
import type { Scratch } from './scratch.js'

export const GATEWAY = '169.254.1.1'
export const GATEWAY6 = 'fe80::1'

export interface Container {
  readonly id: string
  readonly address: string
  readonly address6: string
  readonly mac: string
}

export const A: Container = { id: 'a', address: '10.1.0.2', address6: 'fd00::2', mac: '02:42:0a:01:00:02' }
export const B: Container = { id: 'b', address: '10.1.0.3', address6: 'fd00::3', mac: '02:42:0a:01:00:03' }

export interface Lab {
  readonly scratch: Scratch
  readonly host: LinuxHost
}

export interface StartOptions {
  readonly fields?: Partial<Link>
  /** Prefix length of the IPv4 address in the container. */
  readonly length?: number
  /** True = the container looks for duplicates of its IPv6 address before it uses it. */
  readonly dad?: boolean
}

/** Makes objects. Throws if one of them cannot be made. */
export async function add(host: LinuxHost, objects: readonly HostObject[]): Promise<void> {
  const failed = await host.apply(objects.map((object) => ({ verb: 'add', object })))
  expect([...failed.values()].map(({ message }) => message)).to.deep.equal([])
}

/** Turns on forwarding. */
export function forward(host: LinuxHost): Promise<void> {
  return add(host, [
    { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' },
    { kind: 'sysctl', key: 'net.ipv6.conf.all.forwarding', value: '1' }
  ])
}

/** Does what a container engine does with the other end. Returns the container's namespace. */
export async function start(lab: Lab, container: Container, options: StartOptions = {}): Promise<string> {
  const { fields = {}, length = 32, dad = false } = options
  const inner = lab.scratch.netns()
  await add(lab.host, objectsOf(container, fields))
  ip(lab.scratch.first, `link set nc-${container.id} netns ${inner}`)
  ip(inner, `link set nc-${container.id} name eth0`)
  ip(inner, 'link set eth0 up')
  ip(inner, `addr add ${container.address}/${String(length)} dev eth0`)
  ip(inner, `addr add ${container.address6}/128 dev eth0${dad ? '' : ' nodad'}`)
  ip(inner, `route add ${GATEWAY} dev eth0 scope link`)
  ip(inner, `route add default via ${GATEWAY}`)
  ip(inner, `-6 route add default via ${GATEWAY6} dev eth0`)
  return inner
}

type Fields = Omit<Partial<Link>, 'veth'> & { readonly veth?: Link['veth'] | undefined }

/** What a container needs of the host, apart from permission. */
export function objectsOf({ id, address, address6, mac }: Container, fields: Fields = {}): HostObject[] {
  const link = `nr-${id}`
  const { veth: made, ...settings } = { ...testLink(id), ...fields }
  return [
    { ...settings, ...(made === undefined ? {} : { veth: { ...made, mac } }) },
    { kind: 'address', link, address: `${GATEWAY}/32` },
    { kind: 'address', link, address: `${GATEWAY6}/64` },
    { kind: 'neighbour', link, address, mac },
    { kind: 'neighbour', link, address: address6, mac },
    { kind: 'route', dst: `${address}/32`, link, metric: 0 },
    { kind: 'route', dst: `${address6}/128`, link, metric: 1024 }
  ]
}

/** What the guard lets containers send. */
export function sourcesOf(...containers: readonly Container[]): HostObject[] {
  return containers.flatMap(({ id, address, address6, mac }) =>
    [address, address6, linkLocalOf(parseMac(mac))].map((own) => ({
      kind: 'source',
      link: `nr-${id}`,
      address: own
    }))
  )
}
