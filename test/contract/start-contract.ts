/** What every Host says of links whose other end comes up. */
import { expect } from 'chai'
import type { HostChange } from '../../src/host/host.js'
import { keyOf } from '../../src/host/objects.js'
import { eventually } from '../support/eventually.js'
import { applied } from './host-checks.js'
import { testLink } from './test-link.js'
import type { HostUnderTest } from './host-contract.js'

export function starts(opened: () => HostUnderTest): void {
  it('says when the other end of a link is up, in an event and in the list', async () => {
    const link = testLink('a')
    const { host } = opened()
    await applied(host, 'add', [link, testLink('b')])
    const seen: HostChange[] = []
    const stop = host.watch((change) => seen.push(change))
    try {
      await opened().start(link)
      const isStart = ({ key, gone, runs }: HostChange): boolean =>
        key === keyOf(link) && !gone && runs === true
      await eventually('an event says so', () => seen.some(isStart))
      const running = (await host.list(['link'])).filter((object) => object.kind === 'link' && object.runs)
      expect(running.map(keyOf)).to.deep.equal([keyOf(link)])
      await applied(host, 'replace', [{ ...link, mtu: 1300 }])
      expect(
        (await host.list(['link'])).filter((object) => object.kind === 'link' && object.runs)
      ).to.have.length(1)
    } finally {
      stop()
    }
  })
}
