/** Everything that may happen to a host, as commands for fast-check. */
import fc from 'fast-check'
import { SHAPES } from './belief.js'
import type { Engine } from './engine.js'
import { checkAlways, checkExact, checkNoLeak } from './invariants.js'
import type { World } from './world.js'

export type Command = fc.AsyncCommand<Engine, World>

const SLOTS = 5
const MINUTE_MS = 60_000
/** Longer than any grace time. */
const LONG_MS = 11 * MINUTE_MS

const slot = fc.nat(SLOTS - 1)
const shape = fc.nat(SHAPES.length - 1)
const shapes = fc.uniqueArray(shape, { minLength: 1, maxLength: 2 })
const ip = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined, freq: 2 })
const few = fc.nat(12)

type Act = (engine: Engine, world: World) => Promise<void>

/** Lists of commands; containers and networks are the most frequent. */
export function schedules(maxCommands: number): fc.Arbitrary<Iterable<Command>> {
  const often = [
    shape.map((number) =>
      command(`createNetwork(${String(number)})`, (engine) => engine.createNetwork(number))
    ),
    fc
      .tuple(slot, shapes, ip)
      .map(([number, on, address]) =>
        command(`run(${String(number)}, [${on.join()}], ${String(address)})`, (engine) =>
          engine.run(number, on, address)
        )
      ),
    slot.map((number) => command(`stop(${String(number)})`, (engine) => engine.stop(number)))
  ]
  return fc.commands([...often, ...often, ...seldom(), ...mishaps()], { maxCommands, size: 'max' })
}

function seldom(): fc.Arbitrary<Command>[] {
  return [
    shape.map((number) =>
      command(`removeNetwork(${String(number)})`, (engine) => engine.removeNetwork(number))
    ),
    fc.tuple(slot, shape, ip).map(([number, to, address]) =>
      command(`connect(${String(number)}, ${String(to)}, ${String(address)})`, async (engine) => {
        await engine.connect(number, to, address)
      })
    ),
    fc
      .tuple(slot, shape)
      .map(([number, from]) =>
        command(`disconnect(${String(number)}, ${String(from)})`, (engine) => engine.disconnect(number, from))
      ),
    fc.tuple(slot, shapes, ip).map(([number, on, address]) =>
      command(`restartContainer(${String(number)}, [${on.join()}], ${String(address)})`, async (engine) => {
        await engine.stop(number)
        await engine.run(number, on, address)
      })
    ),
    slot.map((number) => command(`rejoin(${String(number)})`, (engine) => engine.rejoin(number))),
    fc
      .tuple(shapes, ip)
      .map(([on, address]) =>
        command(`runAll([${on.join()}], ${String(address)})`, (engine, world) =>
          sideBySide(world, (number) => engine.run(number, on, address))
        )
      ),
    fc.constant(command('stopAll', (engine, world) => sideBySide(world, (number) => engine.stop(number)))),
    fc.constant(command('upkeep', (_engine, world) => world.upkeep())),
    fc.integer({ min: 1, max: 11 }).map((minutes) =>
      command(`pass(${String(minutes)} min)`, (_engine, world) => {
        world.clock.advance(minutes * MINUTE_MS)
        return Promise.resolve()
      })
    )
  ]
}

function mishaps(): fc.Arbitrary<Command>[] {
  return [
    slot.map((number) =>
      command(`kill(${String(number)})`, (engine, world) => {
        world.isClean = false
        return engine.kill(number)
      })
    ),
    few.map((effects) =>
      command(`dieAfter(${String(effects)})`, (_engine, world) => {
        world.dieAfter(effects)
        return Promise.resolve()
      })
    ),
    few.map((effects) =>
      command(`restartDaemon(${String(effects)})`, (_engine, world) =>
        world.start(effects === 0 ? undefined : effects)
      )
    ),
    slot.map((number) =>
      command(`stopWhileDown(${String(number)})`, async (engine, world) => {
        world.isClean = false
        world.stop()
        await engine.stop(number)
        await world.start()
      })
    ),
    few.map((calls) =>
      command(`loseAnswer(${String(calls)})`, (_engine, world) => {
        world.lostAnswer = calls
        return Promise.resolve()
      })
    ),
    fc.tuple(fc.constantFrom(0, 10, 50, 100), fc.constantFrom(0, 10, 50, 100)).map(([writes, operations]) =>
      command(`fail(${String(writes)}, ${String(operations)})`, (_engine, world) => {
        world.fail(writes, operations)
        return Promise.resolve()
      })
    ),
    fc.nat(99).map((number) => command(`drift(${String(number)})`, (_engine, world) => drift(world, number))),
    fc.constant(command('kernelEvent', (_engine, world) => world.resync())),
    fc.constant(
      command('crashDockerd', (engine, world) => {
        world.isClean = false
        return engine.crash()
      })
    ),
    fc.constant(
      command('reboot', async (engine, world) => {
        world.isClean = false
        world.stop()
        world.host.reboot()
        for (const key of ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'])
          world.host.objects.set(`sysctl ${key}`, { kind: 'sysctl', key, value: '0' })
        await world.start()
        await engine.crash()
      })
    ),
    fc.constant(command('heal', heal))
  ]
}

/** Nothing fails any more, and all grace times pass. */
export async function heal(engine: Engine, world: World): Promise<void> {
  world.repair()
  await world.start()
  await world.upkeep()
  await world.upkeep()
  world.clock.advance(LONG_MS)
  await world.upkeep()
  await world.upkeep()
  world.isClean = true
  checkNoLeak(world, engine)
}

/** Something that is not a link goes: a link only goes with its container. */
function drift(world: World, number: number): Promise<void> {
  const keys = [...world.host.objects.keys()].filter((key) => !/^(link|sysctl) /.test(key))
  const key = keys[number % Math.max(keys.length, 1)]
  if (key !== undefined) world.host.vanish(key)
  world.isClean = false
  return Promise.resolve()
}

async function sideBySide(world: World, act: (slot: number) => Promise<void>): Promise<void> {
  world.isParallel = true
  try {
    await Promise.all(Array.from({ length: SLOTS }, (_, index) => act(index)))
  } finally {
    world.isParallel = false
  }
}

function command(name: string, act: Act): Command {
  return {
    check: () => true,
    run: async (engine, world) => {
      const before = engine.attachments
      world.host.log.length = 0
      await act(engine, world)
      checkAlways(world, engine, before)
      if (world.isClean) checkExact(world, engine)
    },
    toString: () => name
  }
}
