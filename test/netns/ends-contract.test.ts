import { expect } from 'chai'
import { linuxEnds } from '../../src/host/linux/container-ends.js'
import { endsContract } from '../contract/ends-contract.js'
import { errorOf } from '../support/expect-error.js'
import { Scratch, describeAsRoot, inNetns, ip, pathOf, until } from './scratch.js'

describeAsRoot('linuxEnds', () => {
  it("sets what is the interface's own, and says what cannot be set", async () => {
    const scratch = new Scratch()
    try {
      const [home, inside] = [scratch.netns(), scratch.netns()]
      const mac = '02:42:0a:01:00:02'
      ip(home, `link add nr-a type veth peer name up.5 address ${mac} netns ${inside}`)
      ip(inside, 'link set up.5 up')
      const addition = { mac, addresses: [], passive: [], routes: [] }
      const set = (key: string, value: string): Promise<unknown> =>
        linuxEnds.extend(pathOf(inside), { ...addition, sysctls: { [key]: value } })
      await set('net.ipv4.conf.IFNAME.rp_filter', '2')
      const path = '/proc/sys/net/ipv4/conf/up.5/rp_filter'
      expect(inNetns(inside, 'cat', path)).to.equal('2\n')
      const error = await errorOf(set('net.ipv4.conf.IFNAME.rp_filter', 'x'))
      expect(error.message).to.contain('cannot set net.ipv4.conf.IFNAME.rp_filter of up.5')
    } finally {
      await scratch.close()
    }
  })

  endsContract('linuxEnds', () => {
    const scratch = new Scratch()
    const netns = scratch.netns()
    return {
      host: scratch.host(netns),
      ends: linuxEnds,
      move: ({ veth }, path, address) => {
        const target = path.replace(/.*\//, '')
        ip(netns, `link set ${veth?.name ?? ''} netns ${target} name eth0`)
        inNetns(target, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6')
        ip(target, `addr add ${address} dev eth0`)
        ip(target, 'link set eth0 up')
      },
      sandbox: () => pathOf(scratch.netns()),
      // The kernel takes a namespace apart some time after its end.
      endSandbox: (path) => {
        scratch.end(path)
        return until(() => ip(netns, '-o link show type veth') === '', 'the pair is gone')
      },
      close: () => scratch.close()
    }
  })
})
