import { expect } from 'chai'
import fc from 'fast-check'
import { LINK_PREFIX } from '../../src/host/objects.js'
import { containerLinkName, hostLinkName, shortHash } from '../../src/model/endpoint.js'
import { dockerId } from '../support/docker.js'

const MAX_LINK_NAME = 15

describe('hostLinkName and containerLinkName', () => {
  it('are names of links for ids of any form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (id) => {
        for (const name of [hostLinkName(id), containerLinkName(id)]) {
          expect(name.length).to.be.at.most(MAX_LINK_NAME)
          expect(name).to.match(/^[a-z][a-z0-9-]+$/)
        }
        expect(hostLinkName(id).startsWith(LINK_PREFIX)).to.equal(true)
        expect(containerLinkName(id).startsWith(LINK_PREFIX)).to.equal(false)
      })
    )
  })

  it('stay the same for ever: records and links of running containers are matched by them', () => {
    expect(hostLinkName(dockerId(1))).to.equal(`nr-${shortHash(dockerId(1))}`)
    expect(hostLinkName('e1')).to.equal('nr-8b5cc4df7eec')
    expect(containerLinkName('e1')).to.equal('nrc8b5cc4df7eec')
  })

  it('differ for ids with the same beginning (flaw 13)', () => {
    const ids = Array.from({ length: 10_000 }, (_, index) => `${'a'.repeat(60)}${String(index)}`)
    expect(new Set(ids.map(hostLinkName)).size).to.equal(ids.length)
  })
})
