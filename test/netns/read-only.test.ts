import { execFileSync } from 'node:child_process'
import { expect } from 'chai'
import { Scratch, describeAsRoot, pathOf } from './scratch.js'

/** Run in a mount namespace of its own, with /proc/sys as a container without systempaths=unconfined has it, and with its capabilities. */
const SCRIPT = `
import { linuxHost } from '${new URL('../../src/host/linux/linux-host.js', import.meta.url).href}'
const host = linuxHost({ protocol: 200 })
const link = (id, ipv6, proxyArp) => ({ kind: 'link', name: 'nr-' + id, alias: 'net-routed ' + id, mtu: 1400, ipv6, proxyArp, localnet: false,
  settled: true, veth: { name: 'nc-' + id, mac: '02:42:0a:01:00:02' } })
const objects = [link('a', false, true), link('b', true, false), { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' }]
const failed = await host.apply(objects.map((object) => ({ verb: 'add', object })))
const links = await host.list(['link'])
const guarded = [{ kind: 'guard', intact: true }, ...['10.1.0.2', 'fd00::2'].map((address) => ({ kind: 'source', link: 'nr-a', address }))]
const refused = await host.apply(guarded.map((object) => ({ verb: 'add', object })))
for (const [key, error] of refused) failed.set(key, error)
const allowed = await host.list(['guard', 'source'])
await host.apply([link('a', true, true), link('b', false, false)].map((object) => ({ verb: 'replace', object })))
const swapped = await host.list(['link'])
host.close()
console.log(JSON.stringify({ failed: [...failed.values()].map(({ message }) => message), links, allowed, swapped }))
`

describeAsRoot('linuxHost with a read-only /proc/sys and two capabilities', () => {
  it('reads back what was asked for, and says what to do about a sysctl', async () => {
    const scratch = new Scratch()
    try {
      const netns = scratch.netns()
      const setup =
        'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec setpriv --bounding-set=-all,+net_admin,+net_raw "$0" --input-type=module'
      const inner = ['nsenter', `--net=${pathOf(netns)}`, 'sh', '-c', setup, process.execPath]
      const output: unknown = JSON.parse(
        execFileSync('unshare', ['--mount', ...inner], { input: SCRIPT, encoding: 'utf8' })
      )
      const common = { kind: 'link', mtu: 1400, localnet: false, settled: true }
      expect(output).to.deep.equal({
        failed: [
          'cannot add sysctl net.ipv4.ip_forward=1: EROFS: /proc/sys is read-only here: run the container with --security-opt systempaths=unconfined, or set net.ipv4.ip_forward=1 on the host'
        ],
        links: [
          { ...common, name: 'nr-a', alias: 'net-routed a', ipv6: false, proxyArp: true },
          { ...common, name: 'nr-b', alias: 'net-routed b', ipv6: true, proxyArp: false }
        ],
        allowed: [
          { kind: 'guard', intact: true },
          { kind: 'source', link: 'nr-a', address: '10.1.0.2' },
          { kind: 'source', link: 'nr-a', address: 'fd00::2' }
        ],
        swapped: [
          { ...common, name: 'nr-a', alias: 'net-routed a', ipv6: true, proxyArp: true },
          { ...common, name: 'nr-b', alias: 'net-routed b', ipv6: false, proxyArp: false }
        ]
      })
    } finally {
      await scratch.close()
    }
  })
})
