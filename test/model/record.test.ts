import { expect } from 'chai'
import { InvalidError } from '../../src/errors.js'
import { RECORD_KINDS, documentOf, parseRecord } from '../../src/model/record.js'
import { goldenDocuments } from '../support/golden.js'

/** Values that are wrong for every field of their own type; nothing is right for all. */
const WRONG: readonly unknown[] = [null, {}, [7], -1, 1.5, '\0', 'no such thing?', true]

describe('parseRecord', () => {
  for (const { name, kind, document } of goldenDocuments()) {
    const fields = Object.keys(document).filter((field) => field !== 'version')

    it(`names the field that is wrong, whichever it is, in ${name}`, () => {
      for (const field of fields) {
        const wrong = WRONG.filter((value) => typeof value !== typeof document[field] || value === null)
        for (const value of wrong) {
          const parse = (): unknown => parseRecord(kind, { ...document, [field]: value })
          expect(parse, `${field} = ${JSON.stringify(value)}`).to.throw(InvalidError, `${kind}/${field} `)
        }
      }
    })

    it(`names what is missing in ${name}, unless it is optional`, () => {
      for (const field of fields) {
        const { [field]: _gone, ...rest } = document
        try {
          parseRecord(kind, rest)
        } catch (error) {
          expect(error).to.be.instanceOf(InvalidError)
          expect(String(error)).to.contain(`'${field}'`)
        }
      }
    })
  }

  const wrong: readonly (readonly [
    kind: 'network' | 'endpoint' | 'pool' | 'lease',
    field: string,
    value: unknown
  ])[] = [
    ['network', 'mode', 'bridged'],
    ['network', 'number', 0],
    ['network', 'mtu', 70_000],
    ['network', 'subnets', [{ space: 'x', prefix: '10.1.0.0' }]],
    ['network', 'gateway', 'router.example'],
    ['endpoint', 'mac', '02:42'],
    ['endpoint', 'addresses', ['10.1.0.2']],
    ['endpoint', 'left', false],
    ['endpoint', 'sandbox', { path: '', runtime: 'docker' }],
    ['endpoint', 'since', 'yesterday'],
    ['pool', 'space', 'LocalDefault'],
    ['pool', 'range', '10.1.0.0'],
    ['pool', 'prefix', '10.1.0.0/99'],
    ['lease', 'address', '10.1.0.999'],
    ['network', 'gateway', '10.1:'],
    ['lease', 'state', 'lost'],
    ['lease', 'purpose', 'vip'],
    ['lease', 'address', 'localhost']
  ]
  for (const [kind, field, value] of wrong) {
    it(`refuses ${field} ${JSON.stringify(value)} of a ${kind}`, () => {
      const golden = goldenDocuments().find((candidate) => candidate.kind === kind)
      expect(() => parseRecord(kind, { ...golden?.document, [field]: value })).to.throw(
        InvalidError,
        `${kind}/${field}`
      )
    })
  }

  it('names a field that it does not know', () => {
    for (const { kind, document } of goldenDocuments())
      expect(() => parseRecord(kind, { ...document, surprise: 1 })).to.throw(InvalidError, 'surprise')
  })

  it('refuses what is no document, and a version that it does not know', () => {
    for (const kind of RECORD_KINDS) {
      for (const document of [undefined, null, 'text', 7, [], {}])
        expect(() => parseRecord(kind, document)).to.throw(InvalidError, 'it has no version')
      for (const version of [0, 2, '1', null])
        expect(() => parseRecord(kind, { version })).to.throw(InvalidError, 'is not known')
    }
  })
})

describe('documentOf', () => {
  it('is what parseRecord reads', () => {
    for (const { kind, document } of goldenDocuments())
      expect(documentOf(parseRecord(kind, document))).to.deep.equal(document)
  })
})
