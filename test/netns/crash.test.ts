/**
 * The daemon killed at every point: before the first and after each effect on files and kernel (crash/effects.ts) of each
 * method, and of its start. A new one is started, and then happens what may happen. Nothing is left, and another container
 * has not noticed.
 *
 * Alone, only those methods are tried that do something else there; and there the next start is killed as well, if it has
 * anything to do. NET_ROUTED_CRASH=all: everything times everything.
 */
import { expect } from 'chai'
import { SCENES } from '../support/scenes.js'
import type { Scene } from '../support/scenes.js'
import { DRIFT, DRIFT_OF_HOST, REBOOT } from './crash/disturbances.js'
import type { Disturbance } from './crash/disturbances.js'
import { CLEANED_UP, DOCKERD_KILLED, REPLACED, SILENCE } from './crash/endings.js'
import { Trial } from './crash/trial.js'
import { describeAsRoot } from './scratch.js'

interface Setting {
  readonly hasBystander: boolean
  readonly hasIpv6: boolean
  readonly killedStarts: number
  readonly scenes: readonly Scene[]
  readonly disturbances: readonly Disturbance[]
}

const IS_THOROUGH = process.env['NET_ROUTED_CRASH'] === 'all'
const ENDINGS = IS_THOROUGH ? [CLEANED_UP, DOCKERD_KILLED, SILENCE, REPLACED] : [CLEANED_UP]
const LIMIT_MS = 600_000
/** More than a start has effects. */
const MANY = 100
/** Of the first and the last network, and of links without IPv6. */
const OF_A_FIRST_NETWORK = SCENES.filter(({ method }) => /Network$|CreateEndpoint/.test(method))
const USUAL: readonly Setting[] = [
  { hasBystander: true, hasIpv6: true, killedStarts: 0, scenes: SCENES, disturbances: [DRIFT] },
  {
    hasBystander: false,
    hasIpv6: false,
    killedStarts: 1,
    scenes: OF_A_FIRST_NETWORK,
    disturbances: [DRIFT_OF_HOST, REBOOT]
  }
]
const ALL: readonly Setting[] = [true, false].flatMap((hasIpv6) => [
  { hasBystander: true, hasIpv6, killedStarts: MANY, scenes: SCENES, disturbances: [DRIFT] },
  {
    hasBystander: false,
    hasIpv6,
    killedStarts: MANY,
    scenes: SCENES,
    disturbances: [DRIFT, DRIFT_OF_HOST, REBOOT]
  }
])

for (const setting of IS_THOROUGH ? ALL : USUAL) {
  const { hasBystander, hasIpv6, killedStarts, scenes, disturbances } = setting
  const where = hasBystander ? 'beside another container' : 'alone'
  describeAsRoot(`a daemon that is killed, ${where}, ${hasIpv6 ? 'dual stack' : 'IPv4'}`, () => {
    let current: Trial | undefined
    const tried = (name: string, test: (trial: Trial) => Promise<number>): void => {
      it(name, async function () {
        this.timeout(LIMIT_MS)
        current ??= await Trial.start({ hasBystander, hasIpv6, killedStarts })
        const points = await test(current)
        expect(points).to.be.above(0)
        process.stdout.write(`      ${String(points)} points\n`)
      })
    }
    afterEach(async function () {
      if (this.currentTest?.state !== 'failed') return
      await current?.close()
      current = undefined
    })
    after(() => current?.close())

    for (const ending of ENDINGS) {
      for (const scene of scenes) {
        tried(`in ${scene.name ?? scene.method}: nothing is left when ${ending.name}`, async (trial) => {
          let effects = 0
          while (await trial.killIn(scene, effects, ending)) effects++
          return effects
        })
      }
    }
    for (const disturbance of disturbances) {
      tried(`in a start after ${disturbance.name}: the next one finishes it`, (trial) =>
        trial.killInStart(disturbance)
      )
    }
  })
}
