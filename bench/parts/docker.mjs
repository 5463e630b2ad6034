// Whole `docker run`s, from the command line to its end, with the container removed.
import { interleave } from '../interleave.mjs'
import { down, on, up } from '../lab.mjs'
import { rowsOf } from '../rows.mjs'
import { sizes } from '../sizes.mjs'
import { stopwatch } from '../stopwatch.mjs'
import { createNetwork } from '../docker-host.mjs'

export const title = 'docker run --rm busybox true'

const NETWORKS = { 'no network': 'none', "Docker's bridge": 'bridge', 'net-routed': 'mine' }

export async function measure() {
  await up(1, { FRR: '' })
  try {
    await createNetwork(1)
    const run = stopwatch(1)
    const variants = Object.fromEntries(
      Object.entries(NETWORKS).map(([name, network]) => [
        name,
        () => run('docker', 'run', '--rm', '--net', network, 'busybox', 'true').then(({ ms }) => ms)
      ])
    )
    await interleave(1, variants)
    const samples = await interleave(sizes.dockerRounds, variants)
    return rowsOf({ what: 'docker run --rm', unit: 'ms', against: "Docker's bridge" }, samples)
  } finally {
    await down()
  }
}
