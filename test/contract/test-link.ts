import type { Link } from '../../src/host/objects.js'

/** An endpoint's link. */
export function testLink(id: string, fields: Partial<Link> = {}): Link {
  return {
    kind: 'link',
    name: `nr-${id}`,
    alias: `net-routed endpoint ${id}`,
    mtu: 1400,
    ipv6: true,
    proxyArp: false,
    localnet: false,
    settled: true,
    veth: { name: `nc-${id}`, mac: '02:42:0a:01:00:02' },
    ...fields
  }
}
