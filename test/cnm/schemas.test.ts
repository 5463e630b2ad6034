import { expect } from 'chai'
import * as parse from '../../src/cnm/schemas.js'
import { InvalidError } from '../../src/errors.js'

type Parse = (body: unknown) => unknown

/** A right body of each request, and which of its fields must be there. */
const REQUESTS: readonly (readonly [
  name: string,
  parse: Parse,
  body: Readonly<Record<string, unknown>>,
  required: readonly string[]
])[] = [
  [
    'CreateNetwork',
    parse.parseCreateNetwork,
    {
      NetworkID: 'n',
      IPv4Data: [{ AddressSpace: 's', Pool: '10.1.0.0/24', Gateway: '' }],
      IPv6Data: null,
      Options: {}
    },
    ['NetworkID']
  ],
  ['DeleteNetwork', parse.parseNetwork, { NetworkID: 'n' }, ['NetworkID']],
  ['AllocateNetwork', parse.parseAllocateNetwork, { NetworkID: 'n', Options: { a: 'b' } }, ['NetworkID']],
  ['GwAllocCheck', parse.parseOptions, { Options: {} }, []],
  [
    'CreateEndpoint',
    parse.parseCreateEndpoint,
    {
      NetworkID: 'n',
      EndpointID: 'e',
      Interface: { Address: '', AddressIPv6: '', MacAddress: '' },
      Options: null
    },
    ['NetworkID', 'EndpointID']
  ],
  ['Leave', parse.parseEndpoint, { NetworkID: 'n', EndpointID: 'e' }, ['NetworkID', 'EndpointID']],
  [
    'ProgramExternalConnectivity',
    parse.parseEndpointOptions,
    { NetworkID: 'n', EndpointID: 'e', Options: {} },
    ['NetworkID', 'EndpointID']
  ],
  [
    'Join',
    parse.parseJoin,
    { NetworkID: 'n', EndpointID: 'e', SandboxKey: '/box', Options: {} },
    ['NetworkID', 'EndpointID', 'SandboxKey']
  ],
  [
    'RequestPool',
    parse.parseRequestPool,
    { AddressSpace: 's', Pool: '', SubPool: '', Options: {}, V6: false },
    ['AddressSpace']
  ],
  ['ReleasePool', parse.parsePool, { PoolID: '' }, ['PoolID']],
  ['RequestAddress', parse.parseRequestAddress, { PoolID: 'p', Address: '', Options: null }, ['PoolID']],
  ['ReleaseAddress', parse.parseReleaseAddress, { PoolID: '', Address: '10.1.0.2' }, ['PoolID', 'Address']]
]

describe('requests', () => {
  for (const [name, parser, body, required] of REQUESTS) {
    it(`of ${name} are taken with unknown fields, and without those that may be absent`, () => {
      expect(parser({ ...body, Extra: { deep: [1] } })).to.deep.include(body)
      expect(parser(Object.fromEntries(required.map((field) => [field, body[field]])))).to.be.an('object')
    })

    it(`of ${name} are refused with the name of the field that is missing or wrong`, () => {
      for (const field of required) {
        const { [field]: _gone, ...rest } = body
        expect(() => parser(rest)).to.throw(InvalidError, `'${field}'`)
      }
      for (const field of Object.keys(body))
        for (const wrong of [7, ['x'], 'text', true])
          if (typeof wrong !== typeof body[field] || Array.isArray(wrong) !== Array.isArray(body[field]))
            expect(() => parser({ ...body, [field]: wrong }), `${field} = ${String(wrong)}`).to.throw(
              InvalidError,
              field
            )
    })

    it(`of ${name} are refused where the body is none, or no object`, () => {
      expect(() => parser(undefined)).to.throw(InvalidError, 'request has no body')
      for (const wrong of [null, [], 'x', 7])
        expect(() => parser(wrong)).to.throw(InvalidError, 'body must be object')
    })
  }

  it('name every fault, down to its place', () => {
    const body = { NetworkID: '', IPv4Data: [{ AddressSpace: 's', Pool: 7 }], Options: 'x' }
    expect(() => parse.parseCreateNetwork(body)).to.throw(
      InvalidError,
      /NetworkID.*; .*IPv4Data\.0\.Pool must be string, not 7.*; .*Options/
    )
  })
})
