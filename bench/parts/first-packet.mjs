// From the first packet of a new container to the answer: `ping -c 1` measures itself, so starting the container is not in.
import { createNetwork, startContainer } from '../docker-host.mjs'
import { interleave } from '../interleave.mjs'
import { down, inside, up } from '../lab.mjs'
import { rowsOf } from '../rows.mjs'
import { sizes } from '../sizes.mjs'
import { stopwatch } from '../stopwatch.mjs'

export const title = 'first packet of a new container, to another one and back'

const BRIDGE_TARGET = '172.17.0.2'

export async function measure() {
  await up(2, {})
  try {
    for (const host of [1, 2]) {
      await createNetwork(host)
      await startContainer(host, '--net', 'mine', '--ip', `10.1.${host}.1`)
    }
    await startContainer(1, '--net', 'bridge')
    const run = stopwatch(1)
    const ping = async (network, target, ...flags) =>
      timeOf(
        await run(
          'docker',
          'run',
          '--rm',
          '--net',
          network,
          ...flags,
          'busybox',
          'ping',
          '-c',
          '1',
          '-W',
          '3',
          target
        )
      )
    let last = 0
    const fresh = () => ['--ip', `10.1.3.${++last}`]
    const samples = await interleave(sizes.firstPacketRounds, {
      "same host, Docker's bridge": () => ping('bridge', BRIDGE_TARGET),
      'same host, net-routed': () => ping('mine', '10.1.1.1', ...fresh()),
      'other host, net-routed': () => ping('mine', '10.1.2.1', ...fresh()),
      "same host, routed with the kernel's proxy ARP (the ancestor)": async () =>
        timeOf(await run('bash', inside('proxy-arp-ping')))
    })
    return rowsOf({ what: 'first packet', unit: 'ms', against: "same host, Docker's bridge" }, samples)
  } finally {
    await down()
  }
}

function timeOf({ output }) {
  const [, ms] = /time=([\d.]+) ms/.exec(output) ?? []
  if (ms === undefined) throw new Error(`no answer: ${output}`)
  return Number(ms)
}
