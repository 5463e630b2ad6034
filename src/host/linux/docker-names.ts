/** What dockerd calls networks and containers: drivers are told ids only. */
import { UnavailableError } from '../../errors.js'
import { field, fieldsOf, textOf } from '../answers.js'
import type { Engine } from '../engine.js'
import { readDocker } from './docker-api.js'

/** A container that is being started is not told of before. */
const LIMIT_MS = 5_000
const OK = 200
/** 301: no path that it has, as with a slash. */
const NOT_FOUND: readonly number[] = [301, 404]

/** As dockerd itself takes names: whole ids, then names, then beginnings of ids. */
export function dockerNames(socketPath: string): Pick<Engine, 'networkNamed' | 'containerNamed'> {
  return {
    networkNamed: async (name) => {
      const network = await read(socketPath, `/networks/${encodeURIComponent(name)}`)
      return network && { id: textOf(network, 'Id'), driver: textOf(network, 'Driver') }
    },
    containerNamed: async (name) => {
      const container = await read(socketPath, `/containers/${encodeURIComponent(name)}/json`)
      return container && { endpoints: endpointsOf(container) }
    }
  }
}

/** Ids of the endpoints that a container of `GET /containers/ID/json` has now. */
export function endpointsOf(container: unknown): string[] {
  const networks = Object.values(fieldsOf(field(field(container, 'NetworkSettings'), 'Networks')))
  return networks.map((network) => textOf(network, 'EndpointID')).filter((id) => id !== '')
}

/** Undefined for a name that is nobody's. Throws UnavailableError with what dockerd says, or that it says nothing. */
async function read(socketPath: string, path: string): Promise<object | undefined> {
  const answer = await readDocker(socketPath, path, AbortSignal.timeout(LIMIT_MS))
  if ('unanswered' in answer) throw new UnavailableError(answer.unanswered)
  const { status, value } = answer
  if (NOT_FOUND.includes(status)) return undefined
  if (status === OK && typeof value === 'object' && value !== null) return value
  throw new UnavailableError(`${socketPath}: status ${String(status)}: ${textOf(value, 'message')}`)
}
