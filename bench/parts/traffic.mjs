// TCP throughput (iperf3) and request/response (qperf tcp_lat) between containers, and what is possible at all: a bare veth
// pair on one host, the hosts themselves on two. The programs are this machine's, run in the containers' networks, client
// and server on one CPU: so the figure is what the path costs, not where the scheduler happens to put the two.
import { createNetwork, startContainer } from '../docker-host.mjs'
import { interleave } from '../interleave.mjs'
import { down, on, up } from '../lab.mjs'
import { rowsOf } from '../rows.mjs'
import { sizes } from '../sizes.mjs'
import { stopwatch } from '../stopwatch.mjs'
import { PORTS, requestResponse, serve, throughput } from '../streams.mjs'

export const title = 'TCP between containers'

/** Ports of the hosts' own servers are so much higher: the others are published for a container. */
const HOST_PORTS = 1000

export async function measure() {
  await up(2, {})
  try {
    return await measurePaths(await makePaths())
  } finally {
    await down()
  }
}

/** Each path: where the client runs, and the address it asks. All clients are on host 1. */
async function makePaths() {
  for (const host of [1, 2]) await createNetwork(host)
  const published = PORTS.flatMap((port) => ['--publish', `${port}:${port}`])
  const routed = await startContainer(1, '--net', 'mine', '--ip', '10.1.1.1')
  const bridged = await startContainer(1, '--net', 'bridge')
  serve(1, await startContainer(1, '--net', 'mine', '--ip', '10.1.1.2'))
  serve(1, await startContainer(1, '--net', 'bridge'))
  serve(2, await startContainer(2, '--net', 'mine', '--ip', '10.1.2.1'))
  serve(2, await startContainer(2, '--net', 'bridge', ...published))
  const [left, right] = await makeVeth(1)
  serve(1, right)
  serve(2, undefined, HOST_PORTS)
  return {
    'same host': {
      'bare veth': { client: left, address: '10.99.0.2' },
      'net-routed': { client: routed, address: '10.1.1.2' },
      "Docker's bridge": { client: bridged, address: '172.17.0.3' }
    },
    'two hosts': {
      'the hosts themselves': { address: '192.0.2.2', offset: HOST_PORTS },
      'net-routed': { client: routed, address: '10.1.2.1' },
      "Docker's bridge, NAT and published port": { client: bridged, address: '192.0.2.2' }
    }
  }
}

async function measurePaths(groups) {
  const run = stopwatch(1)
  const rows = []
  for (const [group, paths] of Object.entries(groups)) {
    const [against] = Object.keys(paths)
    const measureAll = (work) =>
      interleave(
        sizes.trafficRounds,
        Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, () => work(run, path)]))
      )
    const rates = await measureAll(throughput)
    const transactions = await measureAll(requestResponse)
    rows.push(...rowsOf({ what: `throughput, ${group}`, unit: 'Gbit/s', against }, rates))
    rows.push(
      ...rowsOf({ what: `request/response of one byte, ${group}`, unit: 'per second', against }, transactions)
    )
  }
  return rows
}

/** Two networks with nothing but a veth pair between them; gives a process in each. */
async function makeVeth(host) {
  const script = `
    for side in left right; do ip netns add $side; done
    ip link add veth netns left type veth peer name veth netns right
    ip -n left address add 10.99.0.1/24 dev veth
    ip -n right address add 10.99.0.2/24 dev veth
    for side in left right; do
      ip -n $side link set veth up
      setsid ip netns exec $side sleep 100000 </dev/null >/dev/null 2>&1 &
      echo $!
    done`
  return (await on(host, 'bash', '-c', script)).split('\n')
}
