import { expect } from 'chai'
import type { LinuxHost } from '../../src/host/linux/linux-host.js'
import { A, B, GATEWAY, add, forward, objectsOf, start } from './containers.js'
import { Scratch, describeAsRoot, inNetns } from './scratch.js'

/** A neighbour that has to be asked for costs a second; a busy machine may cost more than this once, hence the retries. */
const QUICK_MS = 5
const RETRIES = 2
/** Somewhere between an answer at once and proxy_delay, which is up to 800 ms. */
const PROXY_ARP_MS = 20

describeAsRoot('traffic through linuxHost', () => {
  let scratch: Scratch
  let netns: string
  let host: LinuxHost
  beforeEach(async () => {
    scratch = new Scratch()
    netns = scratch.netns()
    host = scratch.host(netns)
    await forward(host)
  })
  afterEach(() => scratch.close())

  it('containers reach each other at once (flaw 16)', async () => {
    const [a] = [await start({ scratch, host }, A), await start({ scratch, host }, B)]
    expect(firstPing(a, B.address)).to.be.below(QUICK_MS)
    expect(firstPing(a, B.address6)).to.be.below(QUICK_MS)
  }).retries(RETRIES)

  it('containers and the host reach each other', async () => {
    const a = await start({ scratch, host }, A)
    expect(firstPing(a, GATEWAY)).to.be.below(QUICK_MS)
    expect(firstPing(netns, A.address6)).to.be.below(QUICK_MS)
  }).retries(RETRIES)

  it('proxy ARP answers at once, for addresses that the host reaches elsewhere', async () => {
    const a = await start({ scratch, host }, A, { fields: { proxyArp: true }, length: 24 })
    await start({ scratch, host }, B)
    expect(firstPing(a, B.address)).to.be.below(PROXY_ARP_MS)
  }).retries(RETRIES)

  it('passes a firewall that drops what nobody has allowed', async () => {
    inNetns(netns, 'iptables-nft', '-P', 'FORWARD', 'DROP')
    inNetns(netns, 'ip6tables-nft', '-P', 'FORWARD', 'DROP')
    const [a] = [await start({ scratch, host }, A), await start({ scratch, host }, B)]
    expect(() => firstPing(a, B.address)).to.throw()
    await add(host, [
      { kind: 'firewall', family: 4, intact: true },
      { kind: 'firewall', family: 6, intact: true }
    ])
    expect(firstPing(a, B.address)).to.be.below(QUICK_MS)
    expect(firstPing(a, B.address6)).to.be.below(QUICK_MS)
  }).retries(RETRIES)

  it('continues undisturbed when everything is applied again', async () => {
    const [a] = [await start({ scratch, host }, A), await start({ scratch, host }, B)]
    await add(host, [...objectsOf(A, { veth: undefined }), ...objectsOf(B, { veth: undefined })])
    expect(firstPing(a, B.address)).to.be.below(QUICK_MS)
  }).retries(RETRIES)
})

/** Round trip of one packet in milliseconds. Throws if there is no answer within a second. */
function firstPing(netns: string, address: string): number {
  const output = inNetns(netns, 'ping', '-n', '-c', '1', '-W', '1', address)
  return Number(/time=([\d.]+)/.exec(output)?.[1])
}
