/** Attaching and detaching: the result in every version, names, many at once, ends of what is gone. */
import { expect } from 'chai'
import { pathOf } from '../netns/scratch.js'
import { expectError } from './cni-contract.js'
import type { Conf, Tester } from './cni-contract.js'
import { addressesOf, attachment } from './runtime.js'

const PARALLEL = 20

export function addTests({ features, plugin, call, added, deleted, inContainer }: Tester): void {
  describe('ADD', () => {
    for (const version of features.versions) {
      it(
        `attaches, and answers as ${version} does`,
        inContainer(async (netns) => {
          const result = await added(netns, { cniVersion: version })
          expect(result['cniVersion']).to.equal(version)
          expectResult(result, version, netns)
          await deleted(attachment(netns), { cniVersion: version, prevResult: result })
          expect(addressesOf(netns, 'eth0')).to.equal(undefined)
        })
      )
    }

    it(
      'names the interface as it is told',
      inContainer(async (netns) => {
        const env = { ...attachment(netns), ifName: 'net-1_a.b' }
        expect(await call('ADD', {}, env)).to.include({ exit: 0 })
        expect(addressesOf(netns, 'net-1_a.b')).to.have.length.greaterThan(0)
        await deleted(env)
        expect(addressesOf(netns, 'net-1_a.b')).to.equal(undefined)
      })
    )

    it(
      'refuses an interface that exists, and leaves it alone',
      inContainer(async (netns) => {
        await added(netns)
        const before = addressesOf(netns, 'eth0')
        expectError(await call('ADD', {}, attachment(netns)))
        expect(addressesOf(netns, 'eth0')).to.deep.equal(before)
      })
    )

    it(`attaches ${String(PARALLEL)} containers at once, each with an address of its own, and detaches them at once`, async () => {
      const containers = Array.from({ length: PARALLEL }, () => plugin().scratch.netns())
      try {
        await Promise.all(containers.map((netns) => added(netns)))
        const addresses = containers.flatMap((netns) => addressesOf(netns, 'eth0') ?? [])
        expect(new Set(addresses).size).to.equal(PARALLEL)
      } finally {
        await Promise.all(containers.map((netns) => deleted(attachment(netns))))
      }
      for (const netns of containers) expect(addressesOf(netns, 'eth0')).to.equal(undefined)
    })
  })
}

export function delTests({ plugin, call, added, deleted, inContainer }: Tester): void {
  describe('DEL', () => {
    it(
      'succeeds again and again',
      inContainer(async (netns) => {
        await added(netns)
        for (let time = 0; time < 3; time++) await deleted(attachment(netns))
      })
    )

    it(
      'succeeds for what was never attached',
      inContainer((netns) => deleted(attachment(netns)))
    )

    it('succeeds without a namespace', async () => {
      const netns = plugin().scratch.netns()
      await added(netns)
      plugin().scratch.end(pathOf(netns))
      await deleted({ containerId: netns, ifName: 'eth0', netns: '' })
      await deleted({ containerId: netns, ifName: 'eth0' })
    })

    it('succeeds with a namespace that has vanished', async () => {
      const netns = plugin().scratch.netns()
      await added(netns)
      plugin().scratch.end(pathOf(netns))
      await deleted(attachment(netns))
    })

    it(
      'frees the address: it can be asked for again',
      inContainer(async (netns) => {
        const prevResult = await added(netns)
        const [asked = ''] = addressesOf(netns, 'eth0') ?? []
        await deleted(attachment(netns), { prevResult })
        const args = `IgnoreUnknown=1;IP=${asked.replace(/\/.*/, '')}`
        expect(await call('ADD', {}, { ...attachment(netns), args })).to.include({ exit: 0 })
        expect(addressesOf(netns, 'eth0')).to.deep.equal([asked])
      })
    )
  })
}

/** The parts of a result that tell where the container is. */
function expectResult(result: Conf, version: string, netns: string): void {
  const [address] = addressesOf(netns, 'eth0') ?? []
  if (version < '0.3.0') {
    expect(result['ip4']).to.include({ ip: address })
    return
  }
  const interfaces = result['interfaces'] as readonly { name: string; mac?: string; sandbox?: string }[]
  const [ip] = result['ips'] as readonly { address: string; interface: number; version?: string }[]
  const end = interfaces[ip?.interface ?? -1]
  expect(ip?.address).to.equal(address)
  expect(ip?.version).to.equal(version < '1.0.0' ? '4' : undefined)
  expect(end).to.include({ name: 'eth0', sandbox: pathOf(netns) })
  expect(end?.mac).to.match(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
}
