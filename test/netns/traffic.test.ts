import { expect } from 'chai'
import type { LinuxHost } from '../../src/host/linux/linux-host.js'
import type { HostObject, Link } from '../../src/host/objects.js'
import { testLink } from '../contract/host-contract.js'
import { Scratch, describeAsRoot, inNetns, ip } from './scratch.js'

const GATEWAY = '169.254.1.1'
const GATEWAY6 = 'fe80::1'
/** A neighbour that has to be asked for costs a second; a busy machine may cost more than this once, hence the retries. */
const QUICK_MS = 5
const RETRIES = 2
/** Somewhere between an answer at once and proxy_delay, which is up to 800 ms. */
const PROXY_ARP_MS = 20

interface Container {
  readonly id: string
  readonly address: string
  readonly address6: string
  readonly mac: string
}

const A: Container = { id: 'a', address: '10.1.0.2', address6: 'fd00::2', mac: '02:42:0a:01:00:02' }
const B: Container = { id: 'b', address: '10.1.0.3', address6: 'fd00::3', mac: '02:42:0a:01:00:03' }

describeAsRoot('traffic through linuxHost', () => {
  let scratch: Scratch
  let netns: string
  let host: LinuxHost
  beforeEach(async () => {
    scratch = new Scratch()
    netns = scratch.netns()
    host = scratch.host(netns)
    await add([
      { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' },
      { kind: 'sysctl', key: 'net.ipv6.conf.all.forwarding', value: '1' }
    ])
  })
  afterEach(() => scratch.close())

  it('containers reach each other at once', async () => {
    const [a] = [await start(A), await start(B)]
    expect(firstPing(a, B.address)).to.be.below(QUICK_MS)
    expect(firstPing(a, B.address6)).to.be.below(QUICK_MS)
  }).retries(RETRIES)

  it('containers and the host reach each other', async () => {
    const a = await start(A)
    expect(firstPing(a, GATEWAY)).to.be.below(QUICK_MS)
    expect(firstPing(netns, A.address6)).to.be.below(QUICK_MS)
  }).retries(RETRIES)

  it('proxy ARP answers at once, for addresses that the host reaches elsewhere', async () => {
    const a = await start(A, { proxyArp: true }, 24)
    await start(B)
    expect(firstPing(a, B.address)).to.be.below(PROXY_ARP_MS)
  }).retries(RETRIES)

  it('passes a firewall that drops what nobody has allowed', async () => {
    inNetns(netns, 'iptables-nft', '-P', 'FORWARD', 'DROP')
    inNetns(netns, 'ip6tables-nft', '-P', 'FORWARD', 'DROP')
    const [a] = [await start(A), await start(B)]
    expect(() => firstPing(a, B.address)).to.throw()
    await add([
      { kind: 'firewall', family: 4, intact: true },
      { kind: 'firewall', family: 6, intact: true }
    ])
    expect(firstPing(a, B.address)).to.be.below(QUICK_MS)
    expect(firstPing(a, B.address6)).to.be.below(QUICK_MS)
  }).retries(RETRIES)

  it('continues undisturbed when everything is applied again', async () => {
    const [a] = [await start(A), await start(B)]
    await add([...objectsOf(A, { veth: undefined }), ...objectsOf(B, { veth: undefined })])
    expect(firstPing(a, B.address)).to.be.below(QUICK_MS)
  }).retries(RETRIES)

  async function add(objects: readonly HostObject[]): Promise<void> {
    const failed = await host.apply(objects.map((object) => ({ verb: 'add', object })))
    expect([...failed.values()].map(({ message }) => message)).to.deep.equal([])
  }

  /** Does what a container engine does with the other end. Returns the container's namespace. */
  async function start(container: Container, fields: Partial<Link> = {}, length = 32): Promise<string> {
    const inner = scratch.netns()
    await add(objectsOf(container, fields))
    ip(netns, `link set nc-${container.id} netns ${inner}`)
    ip(inner, `link set nc-${container.id} name eth0`)
    ip(inner, 'link set eth0 up')
    ip(inner, `addr add ${container.address}/${String(length)} dev eth0`)
    ip(inner, `addr add ${container.address6}/128 dev eth0 nodad`)
    ip(inner, `route add ${GATEWAY} dev eth0 scope link`)
    ip(inner, `route add default via ${GATEWAY}`)
    ip(inner, `-6 route add default via ${GATEWAY6} dev eth0`)
    return inner
  }
})

type Fields = Omit<Partial<Link>, 'veth'> & { readonly veth?: Link['veth'] | undefined }

function objectsOf({ id, address, address6, mac }: Container, fields: Fields = {}): HostObject[] {
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

/** Round trip of one packet in milliseconds. Throws if there is no answer within a second. */
function firstPing(netns: string, address: string): number {
  const output = inNetns(netns, 'ping', '-n', '-c', '1', '-W', '1', address)
  return Number(/time=([\d.]+)/.exec(output)?.[1])
}
