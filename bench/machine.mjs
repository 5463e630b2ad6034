// The machine in general terms: what somebody needs to read the figures.
import { execFileSync } from 'node:child_process'
import { availableParallelism, release, totalmem } from 'node:os'

export function machine() {
  return {
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    docker: firstLine('dockerd', '--version'),
    frr: firstLine('/usr/lib/frr/zebra', '--version')
  }
}

/** The same in one line. */
export function describe({ cores, memoryGiB, kernel, node, docker, frr }) {
  const programs = [`Node ${node}`, docker ?? 'no Docker', frr ?? 'no FRR']
  return [`${cores} cores`, `${memoryGiB} GiB`, `Linux ${kernel}`, ...programs].join(', ')
}

function firstLine(program, ...args) {
  try {
    const path = `/usr/sbin:/usr/bin:${process.env.PATH ?? ''}`
    return execFileSync(program, args, { encoding: 'utf8', env: { ...process.env, PATH: path } }).split(
      '\n'
    )[0]
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}
