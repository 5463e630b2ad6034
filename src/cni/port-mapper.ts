/**
 * mesos-cni-port-mapper, as Mesos documents it (docs/cni.md of Mesos): wraps a plugin and publishes the ports of
 * `args."org.apache.mesos".network_info`. The ports are where all published ports are, so `chain` is only a name.
 */
import { Ajv } from 'ajv'
import type { ValidateFunction } from 'ajv'
import { InvalidError } from '../errors.js'
import type { PortMap } from '../model/endpoint.js'
import { lazily } from '../model/lazy.js'
import { faultsOf } from './document.js'
import { parsePorts } from './ports.js'
import { wrapping } from './wrapper.js'

/** Codes of its errors, which Mesos knows. */
export const PORT_MAPPER_CODES = {
  configuration: 101,
  delegate: 102,
  own: 103,
  unsupportedCommand: 104
} as const

interface Document {
  readonly chain: string
  readonly excludeDevices?: readonly string[]
  readonly args?: {
    readonly 'org.apache.mesos': {
      readonly network_info: {
        readonly port_mappings?: readonly {
          readonly host_port: number
          readonly container_port: number
          readonly protocol?: string
        }[]
      }
    }
  }
}

/** A name that iptables would take. */
const CHAIN = '^[^-!\\s][^\\s]{0,27}$'
/** As the kernel names devices. */
const DEVICE = '^(?!\\.\\.?$)[^/:\\s]{1,15}$'

const text = { type: 'string' } as const
const object = <T extends object>(properties: T, required: readonly string[] = []) =>
  ({ type: 'object', properties, required }) as const
const validator = lazily(() =>
  new Ajv({ allErrors: true, strict: true, verbose: true }).compile<Document>(
    object(
      {
        chain: { type: 'string', pattern: CHAIN },
        excludeDevices: { type: 'array', items: { type: 'string', pattern: DEVICE } },
        args: object(
          {
            'org.apache.mesos': object(
              {
                network_info: object({
                  port_mappings: {
                    type: 'array',
                    items: object(
                      { host_port: { type: 'number' }, container_port: { type: 'number' }, protocol: text },
                      ['host_port', 'container_port']
                    )
                  }
                })
              },
              ['network_info']
            )
          },
          ['org.apache.mesos']
        )
      },
      ['chain']
    )
  )
)

/** Its commands. */
export const portMapper = wrapping({ plugin: 'mesos-cni-port-mapper', parse, codes: PORT_MAPPER_CODES })

function parse(document: object): { ports: readonly PortMap[] } {
  const { excludeDevices = [], args } = checked(document)
  const mappings = args?.['org.apache.mesos'].network_info.port_mappings ?? []
  const given = mappings.map(({ host_port: hostPort, container_port: containerPort, protocol }) => ({
    hostPort,
    containerPort,
    ...(protocol === undefined ? {} : { protocol })
  }))
  const exclude = [...new Set(excludeDevices)]
  const ports = parsePorts(given, 'port_mappings')
  return { ports: exclude.length === 0 ? ports : ports.map((port) => ({ ...port, exclude })) }
}

function checked(document: object): Document {
  const validate: ValidateFunction<Document> = validator()
  if (validate(document)) return document
  throw new InvalidError(faultsOf(validate))
}
