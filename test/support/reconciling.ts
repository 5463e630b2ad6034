/** A reconciler on a fake host, and things for it to make. */
import { FakeHost } from '../../src/host/fake-host.js'
import type { HostObject, Link, Route, Sysctl } from '../../src/host/objects.js'
import { Reconciler } from '../../src/host/reconciler.js'
import { silentLog } from '../../src/log.js'

export const LINK: Link = {
  kind: 'link',
  name: 'nr-1',
  alias: 'net-routed endpoint 1',
  ipv6: false,
  proxyArp: false,
  settled: true,
  veth: { name: 'nrc1', mac: '02:42:0a:01:00:02' }
}
export const { veth: _veth, ...ADOPTED } = LINK
export const ROUTE: Route = { kind: 'route', dst: '10.1.0.2/32', link: 'nr-1', metric: 0 }
export const FORWARDING: Sysctl = { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' }
export const FIREWALL: HostObject = { kind: 'firewall', family: 4, intact: true }

export async function started(): Promise<{ host: FakeHost; reconciler: Reconciler }> {
  const host = new FakeHost()
  const reconciler = new Reconciler(host, silentLog)
  await reconciler.resync()
  return { host, reconciler }
}
