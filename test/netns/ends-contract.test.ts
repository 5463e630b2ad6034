import { linuxEnds } from '../../src/host/linux/container-ends.js'
import { endsContract } from '../contract/ends-contract.js'
import { Scratch, describeAsRoot, inNetns, ip, pathOf, until } from './scratch.js'

describeAsRoot('linuxEnds', () => {
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
