/** A host on which daemons are killed, again and again: after each it must be as it was before. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { hostLinkName } from '../../../src/model/endpoint.js'
import { dockerOf } from '../../support/docker.js'
import { ENDPOINT, SCENES } from '../../support/scenes.js'
import type { Scene } from '../../support/scenes.js'
import { Scratch, inNetns } from '../scratch.js'
import { Bystander } from './bystander.js'
import { Daemons } from './daemon.js'
import { Dockerd } from './dockerd.js'
import type { Disturbance } from './disturbances.js'
import type { Ending } from './endings.js'
import { survey } from './survey.js'

export interface Setting {
  readonly hasBystander: boolean
  readonly hasIpv6: boolean
  /** How many further starts are killed too, each an effect later than the one before. */
  readonly killedStarts: number
}

const COMES_TO_REST_MS = 20_000
const RECORDS = ['endpoint', 'lease', 'pool', 'network', 'setting']

/** A container is running before it, and is removed by it and what follows. */
const JOINED = sceneOf('NetworkDriver.Leave')

export class Trial {
  readonly scratch = new Scratch()
  readonly netns: string
  readonly daemons: Daemons
  readonly #setting: Setting
  readonly #directory = mkdtempSync(join(tmpdir(), 'net-routed-crash-'))
  readonly #container: string
  #bystander: Bystander | undefined

  private constructor(setting: Setting) {
    this.#setting = setting
    this.netns = this.scratch.netns()
    this.#container = this.scratch.netns()
    this.daemons = new Daemons({ netns: this.netns, directory: this.#directory })
  }

  /** On a host as dockerd leaves it, with forwarded packets dropped. */
  static async start(setting: Setting): Promise<Trial> {
    const trial = new Trial(setting)
    try {
      dropForwarded(trial.netns)
      await trial.daemons.start()
      if (setting.hasBystander)
        trial.#bystander = await Bystander.start(trial.netns, trial.scratch, trial.daemons)
      return trial
    } catch (error) {
      await trial.close()
      throw error
    }
  }

  async close(): Promise<void> {
    this.#bystander?.close()
    await this.daemons.close()
    await this.scratch.close()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  survey(): readonly string[] {
    return survey(this.netns, this.daemons.stateDirectory)
  }

  /** A dockerd that knows of nothing. */
  dockerd(): Dockerd {
    const namespaces = { host: this.netns, container: this.#container }
    return new Dockerd(this.daemons, namespaces, this.#setting.hasIpv6)
  }

  /** Kills the daemon after so many effects of a call, and looks whether nothing is left in the end. False = there are fewer. */
  async killIn(scene: Scene, effects: number, ending: Ending): Promise<boolean> {
    const before = this.survey()
    const dockerd = this.dockerd()
    const aftermath = { scene, daemons: this.daemons, dockerd, others: new Set(this.#records()) }
    await scene.prepare(dockerOf(dockerd.call))
    await this.daemons.limit(effects)
    const isKilled = await this.#dies(scene.act(dockerd.call))
    const when = `killed ${this.daemons.lastEffect} in ${scene.name ?? scene.method}, and ${ending.name}`
    if (isKilled) {
      ending.prepare?.(aftermath)
      await this.#startAgain()
      if (ending.start) await this.daemons.start(ending.start)
      await ending.follow(aftermath)
    } else {
      await this.daemons.limit()
      await scene.followUp(dockerd.call)
    }
    await this.comesToRest(before, isKilled ? when : `not killed in ${scene.method}`)
    return isKilled
  }

  /**
   * Disturbs the host while no daemon runs, kills the next one after each effect of its start, and looks whether the one after
   * it makes of the host what an undisturbed start makes of it. Returns how many effects there are.
   */
  async killInStart({ name, script, isRepaired }: Disturbance): Promise<number> {
    const before = this.survey()
    const dockerd = this.dockerd()
    await JOINED.prepare(dockerOf(dockerd.call))
    const joined = this.survey()
    if (!isRepaired) dockerd.killContainers()
    const disturb = async (): Promise<void> => {
      await this.daemons.kill()
      inNetns(this.netns, 'sh', '-ec', script, 'sh', hostLinkName(ENDPOINT), this.daemons.stateDirectory)
    }
    await disturb()
    await this.daemons.start()
    if (isRepaired) await this.comesToRest(joined, `started after ${name}`)
    const repaired = this.survey()
    let effects = 0
    for (let isUp = false; !isUp;) {
      await disturb()
      isUp = await this.daemons.start({ dieAfter: effects })
      const when = `killed ${this.daemons.lastEffect} in a start after ${name}`
      if (isUp) await this.daemons.limit()
      else await this.#startAgain()
      await this.comesToRest(repaired, when)
      effects++
    }
    await JOINED.act(dockerd.call)
    await JOINED.followUp(dockerd.call)
    await this.comesToRest(before, `removed after ${name}`)
    return effects - 1
  }

  /** Waits until the host is as it was; what the daemon repairs after kernel events may take a moment. */
  async comesToRest(before: readonly string[], when: string): Promise<void> {
    const deadline = Date.now() + COMES_TO_REST_MS
    let now = this.survey()
    while (now.join() !== before.join() && Date.now() < deadline) now = this.survey()
    expect(now, `${when}; the daemon said:\n${this.daemons.log}`).to.deep.equal(before)
    await this.#bystander?.expectUntouched(when)
  }

  /** True if the daemon died of it. An error of a daemon that lives is thrown. */
  async #dies(call: Promise<unknown>): Promise<boolean> {
    try {
      await call
      return false
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ECONNRESET')) throw error
      await this.daemons.died()
      return true
    }
  }

  /** A start that has nothing to do is not killed. */
  async #startAgain(): Promise<void> {
    for (let effects = 1; effects <= this.#setting.killedStarts; effects++) {
      if (!(await this.daemons.start({ dieAfter: effects }))) continue
      await this.daemons.limit()
      return
    }
    await this.daemons.start()
  }

  #records(): readonly string[] {
    return RECORDS.flatMap((kind) => {
      const directory = join(this.daemons.stateDirectory, kind)
      return readdirSync(directory).map((name) => join(directory, name))
    })
  }
}

/** As dockerd leaves a host on which it has turned on forwarding. */
export function dropForwarded(netns: string): void {
  for (const program of ['iptables', 'ip6tables']) inNetns(netns, program, '-P', 'FORWARD', 'DROP')
}

function sceneOf(method: string): Scene {
  const scene = SCENES.find((candidate) => candidate.method === method)
  if (!scene) throw new Error(`no scene of ${method}`)
  return scene
}
