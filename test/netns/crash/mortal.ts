/**
 * A process that is the daemon, main.ts as it is, and that dies when it is told to: after how many effects, its parent
 * says (Order). It loads what takes time before it is told to start, so that its parent need not wait for it.
 */
import { watchEffects } from './effects.js'

/** With `argv` the daemon starts. The answer to each order is a message, too. */
export interface Order {
  readonly dieAfter: number
  readonly argv?: readonly string[]
  /** How often it sweeps, if not as ever. */
  readonly sweepMs?: number
}

const PARTS = ['../../../src/daemon.js', '../../../src/http.js', '../../../src/host/linux/linux-host.js']
const USUAL_SWEEP_MS = 30_000
const directory = process.argv[2] ?? ''

const effects = watchEffects((path) => path.startsWith(directory) || path.startsWith('/proc/sys/'))
for (const part of PARTS) await import(part)
process.send?.('loaded')
process.on('disconnect', () => process.exit(0))
process.on('message', (order: Order) => {
  effects.limit(order.dieAfter)
  if (order.argv) void start(order.argv, order.sweepMs)
  process.send?.('done')
})

async function start(argv: readonly string[], sweepMs = USUAL_SWEEP_MS): Promise<void> {
  process.argv.splice(2, process.argv.length, ...argv)
  const { setInterval } = globalThis
  const sweepingFaster = (work: () => void, ms: number): NodeJS.Timeout =>
    setInterval(work, ms === USUAL_SWEEP_MS ? sweepMs : ms)
  Object.assign(globalThis, { setInterval: sweepingFaster })
  await import('../../../src/main.js')
}
