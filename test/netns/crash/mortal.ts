/**
 * A process that is the daemon, as it is installed (`make build`), and that dies when it is told to: after how many effects,
 * its parent says (Order). It is there before it is told to start, so that its parent need not wait for Node.
 */
import { watchEffects } from './effects.js'

/** With `argv` the daemon starts. The answer to each order is a message, too. */
export interface Order {
  readonly dieAfter: number
  readonly argv?: readonly string[]
  /** How often it sweeps, if not as ever. */
  readonly sweepMs?: number
}

const PROGRAM = new URL('../../../bundle/net-routed.cjs', import.meta.url).href
const USUAL_SWEEP_MS = 30_000
const directory = process.argv[2] ?? ''

const effects = watchEffects((path) => path.startsWith(directory) || path.startsWith('/proc/sys/'))
process.send?.('waiting')
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
  await import(PROGRAM)
}
