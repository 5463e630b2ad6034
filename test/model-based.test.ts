/**
 * Random sequences of what may happen to a host (commands.ts), against what dockerd believes (engine.ts). After each
 * command what must always hold is checked, and in the end, when all is healed and removed, that nothing is left.
 *
 * NET_ROUTED_RUNS says how many schedules, NET_ROUTED_SEED which ones.
 */
import fc from 'fast-check'
import { parseRouting } from '../src/config-routing.js'
import { parseIp, parsePrefix } from '../src/model/ip.js'
import { SHAPES } from './model-based/belief.js'
import { Engine } from './model-based/engine.js'
import { heal, schedules } from './model-based/commands.js'
import { checkExact, checkNothing } from './model-based/invariants.js'
import { World } from './model-based/world.js'

const RUNS = Number(process.env['NET_ROUTED_RUNS'] ?? 3_000)
const SEED = Number(process.env['NET_ROUTED_SEED'] ?? Date.now() % 1_000_000_007)
const MAX_COMMANDS = 30
/** Far more than a schedule takes: one that takes longer hangs. */
const RUN_LIMIT_MS = 2_000
const POOLS = [{ base: parsePrefix('10.46.0.0/22'), size: 24 }]
/** Longer than any schedule takes: what is held ends with its network, or with the daemon. */
const GRACE_SECONDS = 3600
const GATEWAYS = [undefined, '10.100.0.1', '192.0.2.254', '10.1.0.3']

describe('whatever happens', () => {
  it('everybody keeps what is theirs, and in the end nothing is left', async function () {
    this.timeout(RUN_LIMIT_MS * RUNS)
    process.stdout.write(`    ${String(RUNS)} schedules, NET_ROUTED_SEED=${String(SEED)}\n`)
    await fc.assert(
      fc.asyncProperty(
        schedules(MAX_COMMANDS),
        fc.constantFrom(...GATEWAYS),
        fc.boolean(),
        fc.nat(),
        async (commands, gateway, announces, seed) => {
          const config = {
            ...(announces ? { routing: parseRouting({ grace: GRACE_SECONDS }, 'routing') } : {}),
            defaultAddressPool: POOLS,
            ...(gateway === undefined ? {} : { gateway: parseIp(gateway) })
          }
          const world = new World(config, seed)
          const engine = new Engine(world)
          try {
            await world.start()
            await fc.asyncModelRun(() => ({ model: engine, real: world }), commands)
            await endAll(engine, world)
          } finally {
            world.stop()
          }
        }
      ),
      { numRuns: RUNS, seed: SEED, timeout: RUN_LIMIT_MS, verbose: fc.VerbosityLevel.None }
    )
  })
})

/**
 * Heals and removes everything. The operator forgets the networks and subnets whose end dockerd could not tell.
 */
async function endAll(engine: Engine, world: World): Promise<void> {
  await heal(engine, world)
  checkExact(world, engine)
  for (const slot of engine.containers.keys()) await engine.stop(slot)
  for (const shape of SHAPES.keys()) await engine.removeNetwork(shape)
  for (const { id } of world.daemon.records.all('network')) await world.call('Admin.Forget', { Network: id })
  for (const { prefix } of world.daemon.records.all('pool'))
    await world.call('Admin.Forget', { Network: prefix })
  await heal(engine, world)
  for (const shape of SHAPES.keys()) {
    await engine.createNetwork(shape)
    await engine.removeNetwork(shape)
  }
  checkNothing(world)
}
