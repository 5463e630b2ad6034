// The namespace lab of the tests (bats/lab), from here. Its state is in $LAB; bench/run takes it down in any case.
import { execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const LAB = fileURLToPath(new URL('../bats/lab', import.meta.url))
const state = () => process.env.LAB ?? ''

/** Path of a program of ours that runs inside of a host; hosts see the checkout at the same place. */
export const inside = (name) => fileURLToPath(new URL(`inside/${name}`, import.meta.url))

/** A fresh lab. `options`: the environment that `lab up` reads. */
export async function up(hosts, options) {
  await down()
  await run(LAB, ['up', String(hosts)], { env: { ...process.env, ...options } })
}

export const down = () => run(LAB, ['down'])

/** Runs a command of the lab itself: daemon, router, net, ... */
export const command = (...args) => run(LAB, args)

/** Runs a command in a host; gives what it prints. */
export async function on(host, ...command) {
  const { stdout } = await run(LAB, ['on', String(host), ...command], { maxBuffer: 1 << 26 })
  return stdout.trim()
}

/** Starts a command in a host. It ends with the lab, or by its pid. */
export const start = (host, ...command) => spawn(LAB, ['on', String(host), ...command])

/** Starts a command of this machine in the network namespace of a host. */
export const startInNetwork = (host, ...command) => spawn(LAB, ['net', String(host), ...command])

/** A path in a host's file system, as this process reaches it. */
export function pathIn(host, path) {
  const [pid] = readFileSync(`${state()}/h${host}/pid`, 'utf8').split(' ')
  return `/proc/${pid}/root${path}`
}

/** Resident memory of a host's daemon, in bytes. */
export function daemonMemory(host) {
  const [pid] = readFileSync(pathIn(host, '/run/daemon.lab'), 'utf8').split(' ')
  return residentMemory(pathIn(host, `/proc/${pid}/status`))
}

/** Resident memory in bytes, out of /proc/PID/status. */
export function residentMemory(statusFile) {
  const [, kibibytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(statusFile, 'utf8'))
  return Number(kibibytes) * 1024
}
