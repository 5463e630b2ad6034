// Containers of lab hosts with dockerd.
import { on } from './lab.mjs'

/** The network of the examples, on one host. */
export const createNetwork = (host) =>
  on(
    host,
    ...'docker network create --internal --driver=net-routed --ipam-driver=ipam-routed --subnet 10.1.0.0/16 mine'.split(
      ' '
    )
  )

/** Starts a container that waits; gives its pid as the host sees it. */
export async function startContainer(host, ...flags) {
  const id = await on(
    host,
    'docker',
    'run',
    '--detach',
    '--stop-signal',
    'KILL',
    ...flags,
    'busybox',
    'sleep',
    '100000'
  )
  return on(host, 'docker', 'inspect', '--format', '{{.State.Pid}}', id)
}
