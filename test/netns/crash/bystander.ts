/** A container that has nothing to do with what happens, and everything that happens to it nevertheless. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { expect } from 'chai'
import { withNetns } from '../../../src/host/linux/netns.js'
import { hostLinkName } from '../../../src/model/endpoint.js'
import { dockerId, dockerOf } from '../../support/docker.js'
import type { Scratch } from '../scratch.js'
import { pathOf, until } from '../scratch.js'
import { ip } from '../scratch.js'
import type { Daemons } from './daemon.js'
import { Dockerd } from './dockerd.js'

const NETWORK = dockerId(7)
const CONTAINER = dockerId(8)
const LINK = hostLinkName(CONTAINER)
/** In lines of `ip monitor` and `nft monitor`. */
const ITS_OWN = new RegExp(`${LINK}|\\b10\\.9\\.0\\.|fd00:9::`)
/** The kernel's own, about addresses that nobody gave: `fe80::1 dev nr-… lladdr … STALE`, `Deleted ff02::16 … NOARP`. */
const NEIGHBOURS_OF_ITS_LINK = /^(Deleted )?(fe80|ff02):/
const MARKER = 'nrmark'

export class Bystander {
  readonly #netns: string
  readonly #monitors: readonly ChildProcess[]
  #heard = ''

  private constructor(netns: string) {
    this.#netns = netns
    const programs = [
      ['ip', '-o', 'monitor', 'link', 'address', 'route', 'neigh'],
      ['nft', 'monitor', 'elements']
    ] as const
    this.#monitors = programs.map(([program, ...args]) => {
      const child = withNetns(pathOf(netns), () =>
        spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
      )
      child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#heard += text))
      return child
    })
  }

  /** Runs a container on a network of its own, and listens to the kernel from then on. */
  static async start(netns: string, scratch: Scratch, daemons: Daemons): Promise<Bystander> {
    const container = scratch.netns()
    const docker = dockerOf(new Dockerd(daemons, { host: netns, container }).call)
    await docker.createNetwork({ id: NETWORK, subnet: '10.9.0.0/24', subnet6: 'fd00:9::/64' })
    await docker.run({ id: CONTAINER, network: NETWORK })
    await until(() => ip(netns, `link show ${LINK}`).includes('LOWER_UP'), 'the bystander is connected')
    const bystander = new Bystander(netns)
    await bystander.#hear()
    bystander.#heard = ''
    return bystander
  }

  /** What the kernel has told about it since the last call. */
  async expectUntouched(when: string): Promise<void> {
    await this.#hear()
    const events = this.#heard.split('\n').filter((line) => ITS_OWN.test(line))
    this.#heard = ''
    expect(
      events.filter((line) => !NEIGHBOURS_OF_ITS_LINK.test(line)),
      `kernel events about another container, ${when}`
    ).to.deep.equal([])
  }

  close(): void {
    for (const monitor of this.#monitors) monitor.kill('SIGKILL')
  }

  /** Everything that has happened so far has been heard when something of our own is heard. */
  async #hear(): Promise<void> {
    const marker = `${MARKER}${String(process.hrtime.bigint() % 1_000_000n)}`
    await until(() => {
      ip(this.#netns, `link add ${marker} type veth peer name p${marker}`)
      ip(this.#netns, `link delete ${marker}`)
      return this.#heard.includes(marker)
    }, 'the kernel tells what happens')
  }
}
