import { linuxEnds } from '../../src/host/linux/container-ends.js'
import { endsContract } from '../contract/ends-contract.js'
import { Scratch, describeAsRoot, ip, pathOf, until } from './scratch.js'

describeAsRoot('linuxEnds', () => {
  endsContract('linuxEnds', () => {
    const scratch = new Scratch()
    const netns = scratch.netns()
    return {
      host: scratch.host(netns),
      ends: linuxEnds,
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
