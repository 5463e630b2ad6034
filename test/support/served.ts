/** A daemon on fakes behind a real socket. */
import { expect } from 'chai'
import { faultsOf } from '../docker-rules.js'
import { withRig } from './daemon.js'
import type { Options, Rig } from './daemon.js'
import { dockerId } from './docker.js'
import { withPlugin } from './plugin.js'
import type { Plugin, Reply } from './plugin.js'

/** The network that `served` makes, and its pool. */
export const NET = dockerId(1)
export const POOL = 'local/10.1.0.0/24'

export interface Subject {
  readonly rig: Rig
  readonly plugin: Plugin
}

/** A daemon behind its socket with a network. */
export function served(
  test: (subject: Subject) => Promise<void>,
  options: Options = {}
): () => Promise<void> {
  return () =>
    withRig(options, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
      await withPlugin({ methods: rig.daemon.methods }, (plugin) => test({ rig, plugin }))
    })
}

/** The answer is one that Docker goes on with. */
export function expectAccepted(method: string, request: unknown, { status, body }: Reply): void {
  expect(faultsOf({ method, request, status, body })).to.deep.equal([])
}
